// The list of routes with their servers: rows that are made once, and then only change.

import { Chart } from "./chart.js";
import { arrange, h, mark, say } from "./dom.js";
import * as words from "./words.js";

const FEW = 8; // As many routes are shown with their servers from the beginning.
const DOTS = 16; // Servers of a route that are shown as dots; the others are counted.

const ORDERS = {
  name: () => 0,
  rate: (a, b) => b.meter.rate - a.meter.rate,
  errors: (a, b) => b.meter.errors - a.meter.errors || b.meter.rate - a.meter.rate,
  latency: (a, b) => (b.meter.latency ?? -1) - (a.meter.latency ?? -1),
};

export class RouteList {
  #rows = new Map();
  #onSelect;
  #seen;
  #order = "name";
  #terms = [];
  #list;

  /** `onSelect` hears what was chosen: { kind: "route", name } or { kind: "server", name, server }. */
  constructor(list, onSelect) {
    this.#list = list;
    this.#onSelect = onSelect;
    this.#seen = new IntersectionObserver((entries) => entries.forEach((entry) => rowOf(entry.target).see(entry.isIntersecting)), {
      rootMargin: "200px",
    });
  }

  /** Show these routes, in their order. Returns how many are shown. */
  update(routes, meters) {
    const isFirst = this.#rows.size === 0;
    const rows = new Map();
    for (const route of routes) {
      const name = words.routeName(route);
      const row = this.#rows.get(name) ?? this.#newRow(name, isFirst && routes.length <= FEW);
      row.take(route);
      rows.set(name, row);
    }
    for (const [name, row] of this.#rows) if (!rows.has(name)) this.#seen.unobserve(row.element);
    this.#rows = rows;
    return this.count(meters);
  }

  /** Show the meters. */
  count(meters) {
    for (const row of this.#rows.values()) row.count(meters);
    return this.#arrange();
  }

  /** Show only rows that hold every word of a text. Returns how many are shown. */
  search(text) {
    this.#terms = text.toLowerCase().split(/\s+/).filter(Boolean);
    return this.#arrange();
  }

  /** Order by one of the keys of `ORDERS`. */
  order(key) {
    this.#order = key;
    this.#arrange();
  }

  /** The route of that name, or undefined. */
  route(name) {
    return this.#rows.get(name)?.route;
  }

  /** Move the focus by so many rows, over routes and the servers that are shown. */
  step(by) {
    const stops = [...this.#list.querySelectorAll("[data-stop]")].filter((stop) => stop.closest("[hidden]") === null);
    const at = stops.indexOf(document.activeElement);
    const next = stops[at < 0 ? 0 : Math.min(Math.max(at + by, 0), stops.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  #newRow(name, isOpen) {
    const row = new RouteRow(name, isOpen, this.#onSelect);
    this.#seen.observe(row.element);
    return row;
  }

  #arrange() {
    const rows = [...this.#rows.values()].filter((row) => this.#terms.every((term) => row.text.includes(term)));
    arrange(this.#list, rows.sort(ORDERS[this.#order]).map((row) => row.element));
    return rows.length;
  }
}

const ROWS = new WeakMap();

function rowOf(element) {
  return ROWS.get(element);
}

class RouteRow {
  #onSelect;
  #isSeen = false;
  #servers = null; // The table of servers: made when it is first opened, since most never are.
  #parts;

  constructor(name, isOpen, onSelect) {
    this.name = name;
    this.text = name;
    this.meter = null;
    this.#onSelect = onSelect;
    this.#parts = this.#build();
    this.element = h("li", { class: "route" }, this.#parts.head);
    this.isOpen = isOpen;
    ROWS.set(this.element, this);
  }

  #build() {
    const [host, path] = [h("span", { class: "host" }), h("span", { class: "path" })];
    const badges = h("span", { class: "badges" });
    const dots = h("span", { class: "dots" });
    const [rate, errors, latency] = ["rate", "errors", "latency"].map((name) => h("span", { class: `figure ${name}` }));
    const chart = new Chart();
    const select = h(
      "button",
      { type: "button", class: "route-name", "data-stop": true, on: { click: () => this.#choose() } },
      host,
      path,
    );
    const toggle = h("button", { type: "button", class: "toggle", on: { click: () => this.toggle() } }, dots);
    const head = h(
      "div",
      { class: "route-head" },
      h("div", { class: "route-title" }, select, badges),
      toggle,
      h("div", { class: "figures-of" }, rate, errors, latency, chart.element),
    );
    return { host, path, badges, dots, rate, errors, latency, chart, select, toggle, head };
  }

  /** Take in the route as it is now; one that is the same object is as it was. */
  take(route) {
    if (route === this.route) return;
    this.route = route;
    const servers = route.servers.map((server) => `${server.name} ${words.endpoint(server)} ${words.stateOf(server)} ${server.engine}`);
    this.text = [this.name, ...servers, route.maintenance ? "closed" : ""].join(" ").toLowerCase();
    this.#show(route);
  }

  /** Take in the meters. */
  count(meters) {
    this.meter = meters.of(this.route);
    if (this.#isSeen) this.#draw(meters);
    this.meters = meters;
  }

  /** Whether it is on the screen: only then is it worth drawing. */
  see(isSeen) {
    this.#isSeen = isSeen;
    if (isSeen && this.meters !== undefined) this.#draw(this.meters);
  }

  toggle() {
    this.isOpen = !this.isOpen;
    this.#show(this.route);
    if (this.meters !== undefined) this.#draw(this.meters);
  }

  #choose() {
    if (!this.isOpen) this.toggle();
    this.#onSelect({ kind: "route", name: this.name });
  }

  #show(route) {
    const { host, path, badges, dots, toggle } = this.#parts;
    say(host, route.host);
    say(path, route.path === "/" ? "" : route.path);
    badges.replaceChildren(...badgesOf(route));
    dots.replaceChildren(...dotsOf(route.servers));
    mark(toggle, "aria-label", `Servers of ${this.name}: ${states(route.servers)}`);
    mark(toggle, "title", states(route.servers));
    mark(toggle, "aria-expanded", this.isOpen);
    toggle.disabled = route.servers.length === 0;
    mark(this.element, "data-trouble", troubleOf(route));
    if (this.isOpen && this.#servers === null) {
      this.#servers = new ServerTable((server) => this.#onSelect({ kind: "server", name: this.name, server }));
      this.element.append(this.#servers.element);
    }
    if (this.#servers === null) return;
    this.#servers.element.hidden = !this.isOpen || route.servers.length === 0;
    this.#servers.take(route.servers);
  }

  #draw(meters) {
    const { rate, errors, latency, chart } = this.#parts;
    figures({ rate, errors, latency }, this.meter);
    chart.draw(this.meter);
    if (this.isOpen) this.#servers?.count((server) => meters.of(this.route, server));
  }
}

class ServerTable {
  #rows = new Map();
  #body = h("tbody");
  #onSelect;

  constructor(onSelect) {
    this.#onSelect = onSelect;
    this.element = h("table", { class: "servers" }, h("thead", {}, headings()), this.#body);
  }

  take(servers) {
    const rows = servers.map((server) => [server.name, this.#rows.get(server.name) ?? this.#newRow(server.name)]);
    this.#rows = new Map(rows);
    for (const server of servers) this.#rows.get(server.name).take(server, words.stateOf(server));
    arrange(this.#body, rows.map(([, row]) => row.element));
  }

  /** `meterOf` knows the meter of a server by its name. */
  count(meterOf) {
    for (const [name, row] of this.#rows) row.count(meterOf(name));
  }

  #newRow(name) {
    return new ServerRow(name, () => this.#onSelect(name));
  }
}

class ServerRow {
  constructor(name, onSelect) {
    this.select = h("button", { type: "button", class: "server-name", "data-stop": true, text: name, on: { click: onSelect } });
    this.state = h("span", { class: "state" });
    const cells = ["address", "weight", "rate", "errors", "sessions", "latency"];
    for (const cell of cells) this[cell] = h("td", { class: cell === "address" ? "address" : `number ${cell}` });
    this.chart = new Chart();
    this.element = h(
      "tr",
      {},
      h("th", { scope: "row" }, this.select),
      h("td", {}, this.state),
      ...cells.map((cell) => this[cell]),
      h("td", { class: "chart-cell" }, this.chart.element),
    );
  }

  take(server, state) {
    say(this.state, state);
    mark(this.state, "data-state", state);
    mark(this.state, "title", state === "stand-by" ? "takes requests only while no local server can" : null);
    say(this.address, words.endpoint(server));
    say(this.weight, String(server.weight));
  }

  count(meter) {
    say(this.rate, words.rate(meter.rate));
    say(this.errors, words.rate(meter.errors));
    mark(this.errors, "data-bad", meter.errors > 0 ? "" : null);
    say(this.sessions, String(meter.sessions));
    say(this.latency, words.latency(meter.latency));
    this.chart.draw(meter);
  }
}

/** The head of a table of servers. */
function headings() {
  const names = ["Server", "State", "Address", "Weight", "Req/s", "Err/s", "Sessions", "Latency", "Last 2 min"];
  const classes = ["", "", "address", "number weight", "number rate", "number errors", "number sessions", "number latency", "chart-cell"];
  return h("tr", {}, ...names.map((text, index) => h("th", { scope: "col", class: classes[index], text })));
}

/** A route's figures in its own line; what is nothing is not told. */
function figures({ rate, errors, latency }, meter) {
  say(rate, `${words.rate(meter.rate)} req/s`);
  mark(rate, "data-idle", meter.rate === 0 ? "" : null);
  say(errors, meter.errors > 0 ? `${words.rate(meter.errors)} err/s` : "");
  say(latency, meter.latency === null ? "" : words.latency(meter.latency));
}

function badgesOf(route) {
  const badges = [];
  if (route.maintenance !== undefined && route.maintenance !== null) badges.push(["closed", "warning"]);
  else if (!route.servers.some((server) => server.state === "ready" && server.weight > 0)) badges.push(["answers 503", "error"]);
  if (route.backend.ssl_only) badges.push(["https only", ""]);
  return badges.map(([text, kind]) => h("span", { class: `badge ${kind}`, text }));
}

function dotsOf(servers) {
  const dots = servers.slice(0, DOTS).map((server) => h("span", { class: "dot", "data-state": words.stateOf(server) }));
  if (servers.length > DOTS) dots.push(h("span", { class: "more", text: `+${servers.length - DOTS}` }));
  return dots.length > 0 ? dots : [h("span", { class: "more", text: "no server" })];
}

/** `3 ready, 1 down`. */
function states(servers) {
  const counts = new Map();
  for (const server of servers) {
    const state = words.stateOf(server);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].map(([state, number]) => `${number} ${state}`).join(", ") || "none";
}

function troubleOf(route) {
  if (route.maintenance) return "closed";
  return route.servers.some((server) => server.state === "ready" && server.weight > 0) ? null : "dark";
}
