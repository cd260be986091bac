// What is told of whatever was clicked: a route, a server, a container, a revision, a URL.

import { ApiError } from "./api.js";
import { explained, factList, traced } from "./answers.js";
import { Chart } from "./chart.js";
import { h, say } from "./dom.js";
import { deserted } from "./orders.js";
import { causesOf, changeOf } from "./panels.js";
import * as words from "./words.js";

export class Detail {
  #section;
  #title;
  #body;
  #api;
  #store;
  #orders;
  #shown = null; // What is shown: { kind, … }.
  #turn = 0; // Which call was the last one; answers to earlier ones come too late.
  #back = null; // Where the focus was.
  #chart = null;

  constructor(section, api, store, orders) {
    this.#section = section;
    this.#title = section.querySelector("h2");
    this.#body = section.querySelector("#detail-body");
    [this.#api, this.#store, this.#orders] = [api, store, orders];
    section.querySelector("#close").addEventListener("click", () => this.close());
  }

  get isOpen() {
    return this.#shown !== null;
  }

  /** Show something, and bring the reader there. */
  async open(what) {
    if (!this.isOpen) this.#back = document.activeElement;
    this.#shown = what;
    this.#section.hidden = false;
    say(this.#title, titleOf(what));
    this.#body.replaceChildren(h("p", { class: "facts", text: "asking" }));
    this.#section.focus({ preventScroll: true });
    this.#section.scrollIntoView({ block: "nearest" });
    await this.refresh();
  }

  close() {
    this.#shown = null;
    this.#chart = null;
    this.#section.hidden = true;
    if (this.#back?.isConnected) this.#back.focus();
  }

  /** Ask again: something has changed. */
  async refresh() {
    if (this.#shown === null) return;
    const turn = ++this.#turn;
    let contents;
    try {
      contents = await this.#contents(this.#shown);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      contents = [h("p", { class: "notice error", text: error.fix ? `${error.message}; fix: ${error.fix}` : error.message })];
    }
    if (turn !== this.#turn || this.#shown === null) return;
    const focused = this.#body.contains(document.activeElement) ? document.activeElement.textContent : "";
    this.#body.replaceChildren(...contents.filter((each) => each !== null));
    if (focused) [...this.#body.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
    this.count();
  }

  /** Show the meters. */
  count() {
    if (this.#chart === null) return;
    const meter = this.#store.meters.of(this.#chart.route, this.#chart.server);
    this.#chart.figure.hidden = meter.rates.length === 0;
    this.#chart.chart.draw(meter);
    const figures = [`${words.rate(meter.rate)} req/s`, `${words.rate(meter.errors)} err/s`, `${meter.sessions} under way`];
    say(this.#chart.caption, [...figures, meter.latency === null ? "" : words.latency(meter.latency)].filter(Boolean).join(" · "));
  }

  #contents(what) {
    this.#chart = null;
    switch (what.kind) {
      case "route":
        return this.#route(what.name);
      case "server":
        return this.#server(what);
      case "container":
        return this.#container(what.id, what.name);
      case "revision":
        return this.#revision(what.number);
      default:
        return this.#trace(what.url);
    }
  }

  async #route(name) {
    const route = this.#store.routes.find((each) => words.routeName(each) === name);
    if (route === undefined) return [h("p", { text: `${name} is not routed any more.` })];
    const closed = route.maintenance;
    return [
      closed ? h("p", { class: "notice warning", text: `Closed${closed.until ? ` until ${closed.until}` : ""}: ${closed.message}` }) : null,
      this.#chartOf(route, ""),
      this.#buttons([
        closed ? ["Open again", () => this.#orders.open(route.host)] : null,
        closed ? null : ["Close for maintenance", () => this.#orders.close(route.host), "danger"],
      ]),
      ...(await this.#answers("What becomes of a request", `v1/trace?url=${encodeURIComponent(urlOf(route))}`, traced)),
      h("h3", { text: "Backend" }),
      factList(optionsOf(route.backend)),
    ];
  }

  async #server({ name, server }) {
    const route = this.#store.routes.find((each) => words.routeName(each) === name);
    const found = route?.servers.find((each) => each.name === server);
    if (found === undefined) return [h("p", { text: `${server} is no server of ${name} any more.` })];
    return [this.#chartOf(route, server), ...(await this.#container(found.container, server))];
  }

  async #container(id, name) {
    const [container] = await this.#api.get(`v1/containers/${encodeURIComponent(id)}`);
    const places = container.places.map((place) => [
      words.routeName(place),
      `${words.stateOf(place)}, ${place.in_rotation ? "in rotation" : "not in rotation"}, weight ${place.weight}, ${place.sessions} under way`,
    ]);
    const facts = [
      ["container", container.id.slice(0, 12)],
      ["engine", container.engine],
      container.service ? ["service", `${container.project}/${container.service}`] : null,
      ["runs", container.health === "none" ? container.phase : `${container.phase}, ${container.health}`],
      container.drained ? ["drained", "by the operator"] : null,
      ...places,
    ];
    const drain = () => this.#orders.drain(container.id, name, deserted(this.#store.routes, container.id));
    return [
      this.#buttons([
        container.drained
          ? ["Undrain", () => this.#orders.undrain(container.id, name)]
          : ["Drain", drain, "danger"],
      ]),
      factList(facts.filter((each) => each !== null)),
      ...container.problems.map((problem) =>
        h("p", { class: "notice error", text: `${problem.key}: ${problem.what}; fix: ${problem.fix}` }),
      ),
      ...(await this.#answers("Why it is, or is not, in rotation", `v1/explain/${encodeURIComponent(id)}`, explained)),
    ];
  }

  async #revision(number) {
    const revision = await this.#api.get(`v1/revisions/${number}`);
    const { summary } = revision;
    const steps = revision.taken.map((step) => [step.step, [step.route, step.server, step.detail].filter(Boolean).join(" ")]);
    const changes = revision.changes.map((change) => [words.routeName(change), changed(change)]);
    return [
      h("p", { text: `${words.calendar(summary.at)}: ${changeOf(summary)}` }),
      summary.causes.length > 0 ? h("p", { class: "facts", text: causesOf(summary.causes) }) : null,
      ...revision.refused.map((each) => h("p", { class: "notice error", text: `${each.route} was refused: ${each.why}` })),
      ...listed("Steps", steps),
      ...listed("Routes", changes),
    ];
  }

  async #trace(url) {
    return [h("p", { class: "facts", text: url }), ...traced(await this.#api.get(`v1/trace?url=${encodeURIComponent(url)}`))];
  }

  /** A question of its own, and what comes of it. */
  async #answers(title, path, draw) {
    return [h("h3", { text: title }), ...draw(await this.#api.get(path))];
  }

  #chartOf(route, server) {
    const chart = new Chart("Requests a second over the last two minutes");
    const caption = h("figcaption");
    const figure = h("figure", { class: "big" }, chart.element, caption);
    this.#chart = { route, server, chart, caption, figure };
    return figure;
  }

  #buttons(buttons) {
    if (!this.#orders.allowed) return null;
    const wanted = buttons.filter((each) => each !== null);
    return h(
      "div",
      { class: "buttons" },
      ...wanted.map(([text, order, kind = ""]) => h("button", { type: "button", class: kind, text, on: { click: (event) => pressed(event.target, order) } })),
    );
  }
}

/** Give the order, and take no second press meanwhile. */
async function pressed(button, order) {
  button.disabled = true;
  try {
    await order();
  } finally {
    button.disabled = false;
  }
}

function titleOf(what) {
  switch (what.kind) {
    case "revision":
      return `Revision ${what.number}`;
    case "trace":
      return "Trace";
    case "server":
      return what.server;
    default:
      return what.name;
  }
}

/** A URL that a route takes; any name stands for a wildcard's. */
function urlOf(route) {
  return `${route.backend.ssl ? "https" : "http"}://${route.host.replace("*", "any")}${route.path}`;
}

/** The options of a backend, those that are not said left out. */
function optionsOf(options) {
  const check = options.check.kind === "httpchk" ? `${options.check.method} ${options.check.uri}` : options.check.kind;
  const told = Object.entries({ ...options, check }).filter(([, value]) => value !== "" && value !== false && value !== 0);
  return told
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([name, value]) => [words.spaced(name), name === "check_interval" ? `${value} ms` : value === true ? "yes" : String(value)]);
}

function listed(title, rows) {
  return rows.length > 0 ? [h("h3", { text: title }), factList(rows)] : [];
}

function changed({ before, now }) {
  if (before === null) return `added, ${words.count(now.servers.length, "server")}`;
  if (now === null) return "removed";
  return `${words.count(before.servers.length, "server")} before, ${words.count(now.servers.length, "server")} now`;
}
