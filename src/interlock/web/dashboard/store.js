// What this page knows: the last answers of the API, kept up to date while somebody looks.

import { ApiError } from "./api.js";
import { TrafficMeters } from "./traffic.js";
import { routeName } from "./words.js";

const LEAST_PAUSE_MS = 1000; // Between two looks for the sake of news, however fast things happen.
const BUSY = 2; // A look that takes long is followed by a pause this many times as long.
const POLL_MS = { live: 10000, lost: 2000 }; // Without news, by the state of the event stream.
const TRAFFIC_MS = 2000;
const REVISIONS = 40;

export class Store extends EventTarget {
  status = null;
  routes = []; // Sorted by host and path; replaced, as each of them is, when something about them changes.
  problems = [];
  revisions = []; // The newest first.
  meters = new TrafficMeters();
  right = "read"; // What we may do: nothing, read, operate.
  link = "lost"; // The event stream's state.
  failure = null; // Why the last look failed: an ApiError.
  #api;
  #known = new Map(); // The routes by their names.
  #at = "0"; // Up to where the changes of the routes are known.
  #due = false;
  #urgent = false; // Whether somebody waits for the next look.
  #looking = false;
  #timer = 0;
  #hurry = () => {}; // Ends the pause between two looks.

  constructor(api) {
    super();
    this.#api = api;
  }

  /** Keep up to date from now on. */
  start() {
    this.look();
    this.#follow();
    this.#count();
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  /** Look at once, or as soon as the look under way is over: somebody waits for it. */
  look() {
    this.#urgent = true;
    this.#hurry();
    return this.#lookSoon();
  }

  /** Look when the pause after the last look is over; a burst of events is one look. */
  async #lookSoon() {
    this.#due = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#due) {
        [this.#due, this.#urgent] = [false, false];
        const began = performance.now();
        await this.#lookOnce();
        const rest = Math.max(LEAST_PAUSE_MS, BUSY * (performance.now() - began));
        if (!this.#urgent) await Promise.race([pause(rest), new Promise((resolve) => (this.#hurry = resolve))]);
      }
    } finally {
      this.#looking = false;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lookSoon(), POLL_MS[this.link]);
  }

  async #lookOnce() {
    try {
      const questions = ["v1/status", `v1/routes/since/${this.#at}`, "v1/access"];
      const [status, changes, access] = await Promise.all(questions.map((path) => this.#api.get(path)));
      const revisions = await this.#revisionsUpTo(status.revision, changes.whole);
      this.#take(changes);
      [this.status, this.problems, this.right] = [status, status.problems, access.right];
      [this.revisions, this.failure] = [revisions, null];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure = error;
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Take in what became of the routes. */
  #take({ at, whole, routes, gone }) {
    this.#at = at;
    if (!whole && routes.length === 0 && gone.length === 0) return;
    if (whole) this.#known.clear();
    for (const route of gone) this.#known.delete(routeName(route));
    for (const route of routes) this.#known.set(routeName(route), route);
    this.routes = [...this.#known.values()].sort((a, b) => compare(a.host, b.host) || compare(a.path, b.path));
  }

  /** The newest revisions; only those that are not known yet are asked for, and the last one, which may have gone on. */
  async #revisionsUpTo(number, isAnew) {
    const newest = this.revisions[0]?.number ?? 0;
    const missing = isAnew || newest === 0 ? REVISIONS : number - newest + 1;
    if (missing > 0 && missing < REVISIONS) {
      const { revisions: news } = await this.#api.get(`v1/revisions?limit=${missing}`);
      const oldest = news.at(-1)?.number ?? 0;
      if (news.length > 0 && oldest <= newest) {
        return [...news, ...this.revisions.filter((each) => each.number < oldest)].slice(0, REVISIONS);
      }
    }
    return (await this.#api.get(`v1/revisions?limit=${REVISIONS}`)).revisions;
  }

  #follow() {
    const hear = (happening) => {
      if (happening.kind !== "EventSeen" || happening.touched > 0) this.#lookSoon();
    };
    this.#api.follow(hear, (state) => {
      this.link = state;
      this.look();
    });
  }

  /** Read the meters, for good, while the page is seen. */
  async #count() {
    for (;;) {
      if (!document.hidden) await this.#countOnce();
      await pause(TRAFFIC_MS);
    }
  }

  async #countOnce() {
    try {
      this.meters.take(await this.#api.get("v1/traffic"));
      this.dispatchEvent(new Event("traffic"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

function compare(a, b) {
  return Number(a > b) - Number(a < b);
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
