// What this page knows: the last answers of the API, kept up to date while somebody looks.

import { ApiError } from "./api.js";
import { TrafficMeters } from "./traffic.js";

const LEAST_PAUSE_MS = 150; // Between two looks, however fast things happen; a burst of events is one look.
const BUSY = 2; // A look that takes long is followed by a pause this many times as long.
const POLL_MS = { live: 10000, lost: 2000 }; // Without news, by the state of the event stream.
const TRAFFIC_MS = 2000;
const REVISIONS = 40;

export class Store extends EventTarget {
  status = null;
  routes = [];
  problems = [];
  revisions = []; // The newest first.
  meters = new TrafficMeters();
  right = "read"; // What we may do: nothing, read, operate.
  link = "lost"; // The event stream's state.
  failure = null; // Why the last look failed: an ApiError.
  #api;
  #due = false;
  #looking = false;
  #timer = 0;

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

  /** Look at once, or as soon as the look under way is over. */
  async look() {
    this.#due = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#due) {
        this.#due = false;
        const began = performance.now();
        await this.#lookOnce();
        await pause(Math.max(LEAST_PAUSE_MS, BUSY * (performance.now() - began)));
      }
    } finally {
      this.#looking = false;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), POLL_MS[this.link]);
  }

  async #lookOnce() {
    try {
      const questions = ["v1/status", "v1/routes", `v1/revisions?limit=${REVISIONS}`, "v1/access"];
      const [status, routes, history, access] = await Promise.all(questions.map((path) => this.#api.get(path)));
      [this.status, this.routes, this.problems] = [status, routes.routes, routes.problems];
      [this.revisions, this.right, this.failure] = [history.revisions, access.right, null];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure = error;
    }
    this.dispatchEvent(new Event("change"));
  }

  #follow() {
    const hear = (happening) => {
      if (happening.kind !== "EventSeen" || happening.touched > 0) this.look();
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

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
