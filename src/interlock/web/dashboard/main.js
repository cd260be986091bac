// The page: what is on it is found, filled, and kept up to date.

import { Api } from "./api.js";
import { Detail } from "./detail.js";
import { h, mark, say } from "./dom.js";
import { listen } from "./keyboard.js";
import { Orders, openDialog } from "./orders.js";
import { ProblemList, Timeline, showEngines, showFigures } from "./panels.js";
import { RouteList } from "./routes.js";
import { Store } from "./store.js";
import * as words from "./words.js";

const THEMES = { auto: "Theme: system", dark: "Theme: dark", light: "Theme: light" };
const LINKS = { live: "live", lost: "connecting" };

const the = (id) => document.getElementById(id);
const api = new Api();
const store = new Store(api);
const orders = new Orders(api, store, the("notices"));
const detail = new Detail(the("detail"), api, store, orders);
const open = (what) => detail.open(what);
const routes = new RouteList(the("routes"), open);
const problems = new ProblemList(the("problems"), open);
const timeline = new Timeline(the("timeline"), open);

let asked = false; // For a token, once; then by the button only.
let told = ["", []]; // What the details were last drawn by.

store.addEventListener("change", () => {
  showFigures(the("readiness"), the("figures"), store);
  say(the("link"), LINKS[store.link]);
  mark(the("link"), "data-link", store.link);
  the("token").hidden = !api.token && store.failure?.status !== 401 && store.right === "operate";
  if (isRefused(store.failure) && !asked) {
    asked = true;
    askForToken();
  }
  if (store.status === null) return;
  problems.update(store.status, store.problems);
  showEngines(the("engines"), store.status, store.meters);
  timeline.update(store.revisions);
  counted(routes.update(store.routes, store.meters));
  say(document.querySelector("title"), titleOf(store));
  const now = [JSON.stringify([store.problems, store.status.orders, store.right]), store.routes];
  if (now.some((each, index) => each !== told[index])) detail.refresh();
  told = now;
});

store.addEventListener("traffic", () => {
  counted(routes.count(store.meters));
  showFigures(the("readiness"), the("figures"), store);
  detail.count();
});

function counted(shown) {
  const all = store.routes.length;
  say(the("count"), shown === all ? String(all) : `${shown} of ${all}`);
  the("nothing").hidden = shown > 0;
  say(the("nothing"), all === 0 ? "No container asks for a route yet." : "No route or server is called so.");
}

function titleOf({ status, problems: known }) {
  const trouble = known.length > 0 ? ` · ${words.count(known.length, "problem")}` : "";
  return `Interlock${status.ready ? "" : " · not ready"}${trouble}`;
}

/** Whether the token that we have is refused. A look that began with another one may end after a new one was given. */
function isRefused(failure) {
  return failure?.status === 401 && failure.token === api.token;
}

function askForToken() {
  const field = h("input", { type: "password", id: "token-field", autocomplete: "off", maxlength: 512 });
  const dialog = openDialog(
    "Token",
    h("p", { text: "The reading token shows this page; the operating token also drains and closes. It is kept until this tab is closed." }),
    h("div", { class: "fields" }, h("label", { for: "token-field", text: "Token" }), field),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", text: "Cancel", on: { click: () => dialog.close() } }),
      h("button", { type: "submit", value: "yes", text: "Use it" }),
    ),
  );
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    api.token = field.value.trim();
    asked = false;
    store.look();
  });
}

function search() {
  counted(routes.search(the("search").value));
}

function chooseTheme() {
  const root = document.documentElement;
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(root.dataset.theme ?? "auto") + 1) % names.length];
  mark(root, "data-theme", next === "auto" ? null : next);
  say(the("theme"), THEMES[next]);
  try {
    localStorage.setItem("interlock-theme", next);
  } catch {
    // Storage is forbidden: it lasts as long as the page.
  }
}

say(the("theme"), THEMES[document.documentElement.dataset.theme ?? "auto"]);
the("theme").addEventListener("click", chooseTheme);
the("token").addEventListener("click", askForToken);
the("search").addEventListener("input", search);
the("order").addEventListener("change", () => routes.order(the("order").value));
listen({
  search: the("search"),
  help: the("help"),
  routes,
  detail,
  chooseTheme,
  trace: (url) => detail.open({ kind: "trace", url }),
  clear: () => {
    the("search").value = "";
    search();
  },
});
store.start();
