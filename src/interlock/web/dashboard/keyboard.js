// The page by keyboard.

import { h } from "./dom.js";
import { openDialog } from "./orders.js";

const KEYS = [
  ["/", "search; Enter traces a URL"],
  ["j  k", "the next or previous route or server"],
  ["Enter", "details of it"],
  ["Esc", "close the details, or empty the search"],
  ["t", "another theme"],
  ["?", "this help"],
];
const WRITTEN_IN = "input, select, textarea, dialog";

/** Listen, for good; `page` has what the keys act on. */
export function listen(page) {
  const keys = {
    "/": () => page.search.focus(),
    j: () => page.routes.step(1),
    k: () => page.routes.step(-1),
    t: page.chooseTheme,
    "?": showHelp,
  };
  page.help.addEventListener("click", showHelp);
  page.search.addEventListener("keydown", (event) => inSearch(event, page));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(WRITTEN_IN)) return;
    if (event.key === "Escape") {
      leave(page);
      return;
    }
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

function inSearch(event, page) {
  if (event.key === "Enter" && page.search.value.includes("://")) page.trace(page.search.value.trim());
  else if (event.key === "Enter" || event.key === "ArrowDown") page.routes.step(1);
  else if (event.key === "Escape" && page.search.value !== "") page.clear();
  else if (event.key === "Escape") page.search.blur();
  else return;
  event.preventDefault();
}

function leave(page) {
  if (page.detail.isOpen) page.detail.close();
  else page.clear();
}

function showHelp() {
  const rows = KEYS.flatMap(([key, what]) => [h("dt", {}, ...key.split("  ").map((each) => h("kbd", { text: each }))), h("dd", { text: what })]);
  openDialog(
    "Keys",
    h("dl", { class: "keys" }, ...rows),
    h("div", { class: "buttons" }, h("button", { type: "submit", text: "Close" })),
  );
}
