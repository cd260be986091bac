// Numbers, times and values as people read them.

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const CALENDAR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A rate: `0`, `0.4`, `12.5`, `140`, `12.3k`. */
export function rate(value) {
  if (value === 0) return "0";
  if (value < 0.05) return "<0.1";
  if (value < 100) return value.toFixed(1);
  return value < 10000 ? Math.round(value).toString() : `${(value / 1000).toFixed(1)}k`;
}

/** Milliseconds; null is told as a dash. */
export function latency(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  return milliseconds < 10000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** A duration in seconds, short. */
export function seconds(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

/** Unix seconds as a time of the day, here. */
export function clock(at) {
  return CLOCK.format(new Date(at * 1000));
}

/** Unix seconds with their date, here. */
export function calendar(at) {
  return CALENDAR.format(new Date(at * 1000));
}

/** What a server is shown as: a stand-by that is ready waits while a local one takes the requests. */
export function stateOf({ state, waits }) {
  return waits ? "stand-by" : state;
}

/** `no server`, `1 server`, `2 servers`. */
export function count(number, one, many = `${one}s`) {
  return `${number === 0 ? "no" : number} ${number === 1 ? one : many}`;
}

/** Host and path, the root left out. */
export function routeName(route) {
  return route.path === "/" ? route.host : route.host + route.path;
}

/** A server's address and port. */
export function endpoint(server) {
  return server.address.includes(":") ? `[${server.address}]:${server.port}` : `${server.address}:${server.port}`;
}

/** A field's name in the API, as words: `check_interval` is "check interval". */
export function spaced(name) {
  return name.replaceAll("_", " ");
}
