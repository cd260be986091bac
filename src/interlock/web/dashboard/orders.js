// Orders: drain, undrain, maintenance. Each is confirmed by every proxy before it is told as done.

import { ApiError } from "./api.js";
import { h } from "./dom.js";
import * as words from "./words.js";

const NOTICE_MS = 8000;
const FOREVER = "0";
const ENDS = [
  ["900", "for 15 minutes"],
  ["3600", "for an hour"],
  ["14400", "for 4 hours"],
  [FOREVER, "until it is opened again"],
];

export class Orders {
  #api;
  #store;
  #notices;

  constructor(api, store, notices) {
    this.#api = api;
    this.#store = store;
    this.#notices = notices;
  }

  /** Whether we may give any. */
  get allowed() {
    return this.#store.right === "operate";
  }

  /** Take a container out of rotation. `last` is the name of a route that then has no server; it is asked about. */
  async drain(container, name, last = "") {
    const question = `${name} is the last server of ${last} that takes requests: without it, ${last} answers 503.`;
    if (last !== "" && !(await this.#confirmed("Drain the last server?", question, "Drain it"))) return;
    await this.#give("v1/drain", { target: container }, `${name} is out of rotation`);
  }

  async undrain(container, name) {
    await this.#give("v1/undrain", { target: container }, `${name} is back in rotation`);
  }

  async close(host) {
    const message = h("input", { type: "text", id: "closing-message", maxlength: 200, value: "Down for maintenance", autocomplete: "off" });
    const end = h("select", { id: "closing-end" }, ...ENDS.map(([value, text]) => h("option", { value, text })));
    const fields = h(
      "div",
      { class: "fields" },
      h("label", { for: "closing-message", text: "What visitors read" }),
      message,
      h("label", { for: "closing-end", text: "How long" }),
      end,
    );
    const what = `Every request for ${host} will be answered 503 with this message.`;
    if (!(await this.#confirmed(`Close ${host}?`, what, "Close it", fields))) return;
    const until = end.value === FOREVER ? "" : instant(Number(end.value));
    await this.#give("v1/maintenance", { host, on: true, message: message.value, until }, `${host} is closed`);
  }

  async open(host) {
    await this.#give("v1/maintenance", { host, on: false }, `${host} is open again`);
  }

  /** Tell something for a while. */
  tell(text, kind = "") {
    const notice = h("p", { class: `notice ${kind}`, text });
    this.#notices.append(notice);
    setTimeout(() => notice.remove(), NOTICE_MS);
  }

  async #give(path, body, done) {
    try {
      const receipt = await this.#api.post(path, body);
      this.tell(done);
      receipt.warnings.forEach((warning) => this.tell(warning, "warning"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.tell(error.fix ? `${error.message}; fix: ${error.fix}` : error.message, "error");
    }
    await this.#store.look();
  }

  #confirmed(title, text, yes, fields = null) {
    return new Promise((resolve) => {
      const dialog = openDialog(
        title,
        h("p", { text }),
        fields,
        h(
          "div",
          { class: "buttons" },
          h("button", { type: "button", text: "Cancel", on: { click: () => dialog.close() } }),
          h("button", { type: "submit", class: "danger", value: "yes", text: yes }),
        ),
      );
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    });
  }
}

/** Open a dialog with these contents; it is gone once it is closed. */
export function openDialog(title, ...contents) {
  const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title", text: title }), ...contents);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", on: { close: () => dialog.remove() } }, form);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** So many seconds from now, RFC 3339 in whole seconds. */
function instant(seconds) {
  return `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** The name of a route that would have no server without this one; "" where there is none. */
export function deserted(routes, container) {
  const takes = (server) => server.state === "ready" && server.weight > 0;
  const route = routes.find(
    ({ servers }) => servers.some((each) => each.container === container && takes(each)) && servers.filter(takes).length === 1,
  );
  return route === undefined ? "" : words.routeName(route);
}
