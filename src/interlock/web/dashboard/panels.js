// What stands around the routes: readiness and figures, problems, engines and proxies, and what happened.

import { arrange, h, mark, say } from "./dom.js";
import * as words from "./words.js";

const FIRST_PROBLEMS = 4;
const STATES = ["ready", "probing", "starting", "draining", "down"];

/** The line on top. */
export function showFigures(readiness, list, store) {
  const { status, meters, failure } = store;
  if (failure !== null || status === null) {
    say(readiness, failure === null ? "connecting" : failure.message);
    mark(readiness, "data-ready", failure === null ? null : "no");
    return;
  }
  say(readiness, status.ready ? "ready" : "not ready");
  mark(readiness, "data-ready", status.ready ? "yes" : "no");
  mark(readiness, "title", status.not_ready_because.join("\n") || `version ${status.version}`);
  const servers = STATES.filter((state) => status.servers[state]).map((state) => [state, status.servers[state]]);
  const figures = [
    ["routes", status.routes],
    ...(servers.length > 0 ? servers : [["servers", 0]]),
    ["req/s", words.rate(meters.total.rate)],
    ["err/s", words.rate(meters.total.errors)],
    ["sessions", meters.total.sessions],
  ];
  arrangeFigures(list, figures);
}

function arrangeFigures(list, figures) {
  const known = new Map([...list.children].map((item) => [item.dataset.name, item]));
  const items = figures.map(([name, value]) => {
    const item = known.get(name) ?? h("div", { "data-name": name }, h("dt", { text: name }), h("dd"));
    say(item.lastChild, String(value));
    if (name === "err/s") mark(item, "data-bad", value === "0" ? null : "");
    return item;
  });
  arrange(list, items);
}

/** Problems and their fix: Interlock's own first, then those of containers. */
export class ProblemList {
  #section;
  #onSelect;
  #isWhole = false;
  #told = "";

  constructor(section, onSelect) {
    this.#section = section;
    this.#onSelect = onSelect;
    section.querySelector(":scope > button").addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.#draw();
    });
  }

  update(status, problems) {
    const own = troublesOf(status);
    const told = JSON.stringify([own, problems]);
    if (told === this.#told) return;
    this.#told = told;
    this.items = [...own, ...problems.toSorted((a, b) => (a.severity > b.severity) - (a.severity < b.severity))];
    this.#draw();
  }

  #draw() {
    const [title, list, more] = this.#section.children;
    this.#section.hidden = this.items.length === 0;
    say(title, words.count(this.items.length, "problem"));
    const shown = this.#isWhole ? this.items : this.items.slice(0, FIRST_PROBLEMS);
    list.replaceChildren(...shown.map((problem) => this.#item(problem)));
    more.hidden = this.items.length <= FIRST_PROBLEMS;
    say(more, this.#isWhole ? "Show fewer" : `Show all ${this.items.length}`);
  }

  #item(problem) {
    const who = problem.container
      ? h("button", {
          type: "button",
          class: "problem-name",
          text: problem.container,
          on: { click: () => this.#onSelect({ kind: "container", id: problem.container_id || problem.container, name: problem.container }) },
        })
      : h("strong", { text: "Interlock" });
    const where = problem.key ? h("code", { text: problem.value ? `${problem.key}=${problem.value}` : problem.key }) : null;
    return h(
      "li",
      { class: "problem", "data-severity": problem.severity },
      h("p", {}, h("span", { class: "severity", text: problem.severity }), who, where, h("span", { text: problem.what })),
      problem.fix ? h("p", { class: "fix" }, h("span", { class: "label", text: "Fix" }), h("span", { text: problem.fix })) : null,
    );
  }
}

/** What is wrong with Interlock itself, and what holds it back, as problems. */
function troublesOf(status) {
  const own = (what, fix = "", severity = "error") => ({ container: "", key: "", value: "", what, fix, severity });
  const { pin, freeze } = status.orders;
  return [
    ...status.not_ready_because.map((why) => own(why)),
    ...status.engines
      .filter((engine) => engine.lost !== "" && !status.not_ready_because.some((why) => why.includes(engine.lost)))
      .map((engine) => own(`engine ${engine.name} is out of reach, and what it ran is served on: ${engine.lost}`)),
    ...status.proxies
      .filter((proxy) => proxy.error !== "" && !status.not_ready_because.some((why) => why.includes(proxy.error)))
      .map((proxy) => own(`${proxy.name} is in trouble: ${proxy.error}`)),
    ...status.plugins
      .filter((plugin) => plugin.kind !== "proxy" && plugin.why !== "" && plugin.state !== "running")
      .map((plugin) => own(`plugin ${plugin.name} is ${plugin.state}: ${plugin.why}`, "", "warning")),
    ...status.engines
      .filter((engine) => engine.held !== "")
      .map((engine) => own(`the list of engine ${engine.name} is held: ${engine.held}`, "if it is right: interlock confirm", "warning")),
    ...(pin ? [own(`${words.count(pin.routes, "route")} pinned to revision ${pin.revision}${until(pin)}`, "to end it: interlock unpin", "warning")] : []),
    ...(freeze ? [own(`${words.count(freeze.routes, "route")} frozen${until(freeze)}`, "to end it: interlock unfreeze", "warning")] : []),
  ];
}

function until(hold) {
  return hold.until === "" ? "" : ` until ${hold.until}`;
}

/** Engines, then proxies. */
export function showEngines(list, status, meters) {
  const engines = status.engines.map((engine) =>
    entry(engine.name, engine.lost ? "down" : engine.seconds_since_list === null ? "starting" : "ready", [
      engine.lost || engine.description || "not heard of yet",
      words.count(engine.containers, "container"),
      engine.seconds_since_list === null ? "never listed" : `listed ${words.seconds(engine.seconds_since_list)} ago`,
    ]),
  );
  const silent = new Map(meters.errors.map((each) => [each.proxy, each.error]));
  const proxies = status.proxies.map((proxy) =>
    entry(proxy.name, proxy.error ? "down" : proxy.ready ? "ready" : "starting", [
      proxy.error || (proxy.ready ? "serves" : "starts"),
      words.count(proxy.reloads, "reload"),
      ...(silent.has(proxy.name) ? [`no numbers: ${silent.get(proxy.name)}`] : []),
    ]),
  );
  list.replaceChildren(...engines, ...proxies);
}

function entry(name, state, facts) {
  return h(
    "li",
    { class: "entry" },
    h("span", { class: "dot", "data-state": state, role: "img", "aria-label": state }),
    h("strong", { text: name }),
    h("span", { class: "facts", text: facts.join(" · ") }),
  );
}

/** The last revisions with their causes. */
export class Timeline {
  #list;
  #onSelect;
  #told = "";

  constructor(list, onSelect) {
    this.#list = list;
    this.#onSelect = onSelect;
  }

  update(revisions) {
    const told = JSON.stringify(revisions);
    if (told === this.#told) return;
    this.#told = told;
    const items = revisions.map((each) => this.#revision(each));
    this.#list.replaceChildren(...(items.length > 0 ? items : [h("li", { class: "facts", text: "nothing yet" })]));
  }

  #revision(revision) {
    const name = h("button", {
      type: "button",
      class: "revision",
      text: `#${revision.number}`,
      on: { click: () => this.#onSelect({ kind: "revision", number: revision.number }) },
    });
    return happened(revision.at, revision.outcome, [name, h("span", { text: changeOf(revision) })], revision.causes);
  }
}

function happened(at, kind, what, causes) {
  return h(
    "li",
    { class: "happened", "data-kind": kind },
    h("time", { datetime: new Date(at * 1000).toISOString(), title: words.calendar(at), text: words.clock(at) }),
    h("p", {}, ...what),
    causes.length > 0 ? h("p", { class: "facts", text: causesOf(causes) }) : null,
  );
}

/** A revision in few words: `haproxy: 1 step, 1 route changed, in 4 ms`. */
export function changeOf(revision) {
  if (revision.outcome === "failed") return `${revision.proxy} failed: ${revision.error}`;
  const routes = ["added", "changed", "removed"].filter((kind) => revision[kind] > 0).map((kind) => `${revision[kind]} ${kind}`);
  const what = [
    revision.outcome === "reloaded" ? `reload: ${revision.reason}` : words.count(revision.steps, "step"),
    routes.length > 0 ? `routes: ${routes.join(", ")}` : "",
  ];
  return `${revision.proxy} ${what.filter(Boolean).join("; ")}; ${words.seconds(revision.seconds)}`;
}

/** `start web_2, start web_3 and 4 more`. */
export function causesOf(causes) {
  const named = causes.slice(0, 3).map((cause) => [cause.action, cause.container || cause.engine].filter(Boolean).join(" "));
  const more = causes.length > 3 ? ` and ${causes.length - 3} more` : "";
  return `because of ${named.join(", ")}${more}`;
}
