// Speaks with the API of the Interlock that served this page.

const TOKEN = "interlock-token";
const ANSWER_MS = 30000; // An order is answered once every proxy has confirmed it, within 20 s.
const LOOK_MS = 10000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10000;
const SILENCE_MS = 60000; // The event stream has a heartbeat far more often.

/** An answer that is not 2xx, or none at all (status 0), and the token that it was given to. */
export class ApiError extends Error {
  constructor(status, problem, { fix = "", token = "" } = {}) {
    super(problem);
    this.status = status;
    this.fix = fix;
    this.token = token;
  }
}

export class Api {
  /** The token lives as long as this tab. */
  get token() {
    return stored(() => sessionStorage.getItem(TOKEN)) ?? "";
  }

  set token(value) {
    stored(() => (value ? sessionStorage.setItem(TOKEN, value) : sessionStorage.removeItem(TOKEN)));
  }

  /** The answer to GET. Raises ApiError. */
  get(path) {
    return this.#ask(path, { method: "GET" }, LOOK_MS);
  }

  /** The answer to an order. Raises ApiError. */
  post(path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) }, ANSWER_MS);
  }

  /**
   * Follow what happens, for good: `hear` gets each happening, `state` hears "live" and "lost". Never returns.
   */
  async follow(hear, state) {
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      try {
        await this.#stream(hear, () => {
          pause = FIRST_PAUSE_MS;
          state("live");
        });
      } catch {
        // Whatever broke it, it is tried again.
      }
      state("lost");
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  async #stream(hear, opened) {
    const control = new AbortController();
    let watch = setTimeout(() => control.abort(), SILENCE_MS);
    try {
      const answer = await fetch("v1/events", { headers: this.#headers(), cache: "no-store", signal: control.signal });
      if (!answer.ok) throw await refusal(answer);
      opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watch);
        watch = setTimeout(() => control.abort(), SILENCE_MS);
        const records = (text + value).split(/\r?\n\r?\n/);
        text = records.pop();
        records.map(dataOf).filter((data) => data !== "").map((data) => JSON.parse(data)).filter(isHappening).forEach((told) => hear(told));
      }
    } finally {
      clearTimeout(watch);
      control.abort();
    }
  }

  async #ask(path, request, milliseconds) {
    const { token } = this;
    const signal = AbortSignal.timeout(milliseconds);
    let answer;
    try {
      answer = await fetch(path, {
        ...request,
        headers: { ...request.headers, ...this.#headers() },
        cache: "no-store",
        signal,
      });
    } catch {
      throw new ApiError(0, "Interlock does not answer", { fix: "see whether it runs: interlock status", token });
    }
    if (!answer.ok) throw await refusal(answer, token);
    return answer.json();
  }

  #headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

/** The data of one record of an event stream; "" for a heartbeat. */
function dataOf(record) {
  const lines = record.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).trimStart()).join("\n");
}

/** Beside happenings the stream tells of itself: that it was cut, or that something was missed. */
function isHappening(told) {
  return told.kind !== undefined;
}

async function refusal(answer, token) {
  let fault = {};
  try {
    fault = await answer.json();
  } catch {
    // Somebody else answered in between, without JSON.
  }
  return new ApiError(answer.status, fault.problem ?? `the answer is ${answer.status}`, { fix: fault.fix, token });
}

function stored(work) {
  try {
    return work();
  } catch {
    return null; // Storage is forbidden.
  }
}
