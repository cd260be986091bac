// Counters of the proxies -> rates, with a little history for the charts.

import { routeName } from "./words.js";

export const POINTS = 60; // What a chart shows: two minutes, at one look every two seconds.

/** Rates of one route or server. */
class Meter {
  constructor() {
    this.rate = 0; // Requests a second.
    this.errors = 0; // Errors a second.
    this.sessions = 0;
    this.latency = null; // Milliseconds.
    this.rates = [];
    this.failures = [];
  }

  /** Take in what was counted since the last look. */
  note(requests, errors, elapsed, counters) {
    this.rate = requests / elapsed;
    this.errors = errors / elapsed;
    this.sessions = counters.sessions;
    this.latency = counters.latency;
    this.rates.push(this.rate);
    this.failures.push(this.errors);
    if (this.rates.length > POINTS) {
      this.rates.shift();
      this.failures.shift();
    }
  }
}

export const IDLE = Object.freeze(new Meter());

/** The rates of everything, by route, and by route and server. */
export class TrafficMeters {
  #meters = new Map();
  #before = new Map(); // proxy -> { at, counters }
  total = new Meter();
  errors = []; // Why a proxy has no numbers: { proxy, error }.

  /** Of a route, or of one of its servers. */
  of(route, server = "") {
    return this.#meters.get(keyOf(route, server)) ?? IDLE;
  }

  /** Take in an answer of `GET /v1/traffic`. */
  take(answer) {
    this.errors = answer.proxies.filter((each) => each.error !== "");
    const sums = new Map();
    let elapsed = 0;
    for (const proxy of answer.proxies.filter((each) => each.error === "")) {
      const now = countersOf(proxy);
      const before = this.#before.get(proxy.proxy);
      if (before !== undefined && proxy.at <= before.at) continue;
      this.#before.set(proxy.proxy, { at: proxy.at, counters: now });
      if (before === undefined) continue;
      elapsed = Math.max(elapsed, proxy.at - before.at);
      for (const [key, counters] of now) add(sums, key, counters, before.counters.get(key));
    }
    if (elapsed > 0) this.#note(sums, elapsed);
  }

  #note(sums, elapsed) {
    const everything = { requests: 0, errors: 0, sessions: 0, latency: null };
    const known = new Map();
    for (const [key, sum] of sums) {
      const meter = this.#meters.get(key) ?? new Meter();
      meter.note(sum.requests, sum.errors, elapsed, sum);
      known.set(key, meter);
      if (sum.isTotal) {
        everything.requests += sum.requests;
        everything.errors += sum.errors;
        everything.sessions += sum.sessions;
      }
    }
    this.#meters = known;
    this.total.note(everything.requests, everything.errors, elapsed, everything);
  }
}

function keyOf(route, server) {
  return `${routeName(route)} ${server}`;
}

function countersOf(proxy) {
  const found = new Map();
  for (const route of proxy.routes) {
    found.set(keyOf(route, ""), { ...route.total, isTotal: true });
    for (const [name, counters] of Object.entries(route.servers)) found.set(keyOf(route, name), counters);
  }
  return found;
}

/** Add what one proxy counted since the last look. A counter that fell began anew with the proxy's process. */
function add(sums, key, now, before = { requests: 0, errors: 0 }) {
  const began = now.requests < before.requests || now.errors < before.errors;
  const sum = sums.get(key) ?? { requests: 0, errors: 0, sessions: 0, latency: null, isTotal: Boolean(now.isTotal) };
  sum.requests += began ? now.requests : now.requests - before.requests;
  sum.errors += began ? now.errors : now.errors - before.errors;
  sum.sessions += now.sessions;
  if (now.latency !== null) sum.latency = Math.max(sum.latency ?? 0, now.latency);
  sums.set(key, sum);
}
