"""The table of metrics: the registry, docs/metrics.md and the checks of dashboard and alerts are drawn from it."""

from typing import Literal

import msgspec

APPLY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; a live change takes some milliseconds, a reload some hundred."""
TRAFFIC_BUCKETS = (*APPLY_BUCKETS, 30.0, 60.0)
"""Seconds; from a start to traffic it is mostly the application's own time."""


class Family(msgspec.Struct, frozen=True):
    """One metric."""

    name: str
    """As it is asked for; a counter's ends in ``_total``."""
    kind: Literal["counter", "gauge", "histogram", "untyped"]
    doc: str
    """One sentence, with the unit."""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


EVENTS = Family("interlock_events_total", "counter", "Facts from engines and probes, by what they are", ("event",))
RECONCILES = Family(
    "interlock_reconciles_total",
    "counter",
    "Whole lists of an engine that were compared with what is served",
    ("engine",),
)
STEPS = Family("interlock_plan_steps_total", "counter", "Live steps that a proxy has confirmed", ("proxy", "step"))
APPLIED = Family(
    "interlock_apply_seconds",
    "histogram",
    "Time from the moment that Interlock turned to a change until the proxy confirmed its live steps",
    ("proxy",),
    APPLY_BUCKETS,
)
RELOADS = Family(
    "interlock_reloads_total",
    "counter",
    "Reloads of a proxy, by what they were for: new-site, options, certificates, tidy-up, live-failed, other",
    ("proxy", "reason"),
)
RELOADED = Family(
    "interlock_reload_seconds", "histogram", "Time that a reload took, its check included", ("proxy",), APPLY_BUCKETS
)
FAILURES = Family(
    "interlock_apply_failures_total",
    "counter",
    "Steps or reloads that did not come about and are tried again",
    ("proxy", "way"),
)
TRAFFIC = Family(
    "interlock_event_to_traffic_seconds",
    "histogram",
    "Time from the engine's event until the proxy confirmed what follows from it, waiting for the application included",
    ("proxy", "way"),
    TRAFFIC_BUCKETS,
)
REFUSED = Family("interlock_routes_refused", "gauge", "Routes that the proxy's own check would not load", ("proxy",))
LOSSES = Family("interlock_engine_losses_total", "counter", "How often an engine went out of reach", ("engine",))
DAMPED = Family(
    "interlock_containers_damped", "gauge", "Containers that end again and again, and so wait longer for traffic"
)
BUILD = Family("interlock_build_info", "gauge", "1, with the version as a label", ("version", "python"))
STARTED = Family("interlock_start_time_seconds", "gauge", "Unix time at which Interlock started")
READY = Family("interlock_ready", "gauge", "1 where /readyz says so, else 0")
STALE = Family(
    "interlock_seconds_since_reconcile",
    "gauge",
    "Seconds since every engine last told everything; absent until each has",
)
REVISION = Family("interlock_revision", "gauge", "Number of the last revision, as `interlock history` has it")
ROUTES = Family("interlock_routes", "gauge", "Routes that are wanted")
SERVERS = Family("interlock_servers", "gauge", "Servers that are wanted, by state", ("state",))
PROBLEMS = Family(
    "interlock_problems",
    "gauge",
    "Things that were asked for and cannot be done, by the key that asked; beyond 50 keys the rest is `others`",
    ("key", "severity"),
)
ENGINE_UP = Family("interlock_engine_up", "gauge", "1 where the engine is in reach, else 0", ("engine",))
ENGINE_STALE = Family(
    "interlock_engine_seconds_since_list",
    "gauge",
    "Seconds since the engine last told everything; absent until it has",
    ("engine",),
)
ENGINE_CONTAINERS = Family("interlock_engine_containers", "gauge", "Containers that the engine has", ("engine",))
PROXY_READY = Family(
    "interlock_proxy_ready", "gauge", "1 once the proxy serves what the first lists asked for", ("proxy",)
)
PROXY_FAILING = Family("interlock_proxy_failing", "gauge", "1 while the proxy's last change failed", ("proxy",))
OLD_EVENTS = Family("interlock_totals_events_processed", "untyped", "Of 1.4.5: events since the start")
OLD_UPTIME = Family("interlock_totals_uptime", "untyped", "Of 1.4.5: seconds since the start")

ROUTE_LABELS = ("proxy", "host", "path")
SERVER_LABELS = (*ROUTE_LABELS, "server")
ROUTE_REQUESTS = Family("interlock_route_requests_total", "counter", "Requests for a route", ROUTE_LABELS)
ROUTE_ERRORS = Family(
    "interlock_route_errors_total", "counter", "Of those: answered with 5xx, or without a sound answer", ROUTE_LABELS
)
ROUTE_SESSIONS = Family("interlock_route_sessions", "gauge", "Requests under way for a route", ROUTE_LABELS)
ROUTE_LATENCY = Family(
    "interlock_route_latency_seconds", "gauge", "Seconds until an answer begins, averaged lately", ROUTE_LABELS
)
SERVER_REQUESTS = Family(
    "interlock_server_requests_total", "counter", "Requests given to a server (a container's name)", SERVER_LABELS
)
SERVER_ERRORS = Family(
    "interlock_server_errors_total", "counter", "Of those: 5xx, no sound answer, or passed on", SERVER_LABELS
)
SERVER_SESSIONS = Family("interlock_server_sessions", "gauge", "Requests under way at a server", SERVER_LABELS)
SERVER_LATENCY = Family(
    "interlock_server_latency_seconds", "gauge", "Seconds until its answer begins, averaged lately", SERVER_LABELS
)
LEFT_OUT = Family(
    "interlock_traffic_left_out",
    "gauge",
    "Routes and servers whose counters are not told here, because there are more than MetricsLimit",
    ("proxy",),
)
UNCOUNTED = Family(
    "interlock_traffic_unknown", "gauge", "1 where a proxy told no counters by route, else 0", ("proxy",)
)

HEARD = (EVENTS, RECONCILES, STEPS, APPLIED, RELOADS, RELOADED, FAILURES, TRAFFIC, REFUSED, LOSSES, DAMPED)
"""Counted as things happen."""
LOOKED_UP = (
    BUILD,
    STARTED,
    READY,
    STALE,
    REVISION,
    ROUTES,
    SERVERS,
    PROBLEMS,
    ENGINE_UP,
    ENGINE_STALE,
    ENGINE_CONTAINERS,
    PROXY_READY,
    PROXY_FAILING,
    OLD_EVENTS,
    OLD_UPTIME,
)
"""Looked up when somebody asks."""
COUNTED = (
    ROUTE_REQUESTS,
    ROUTE_ERRORS,
    ROUTE_SESSIONS,
    ROUTE_LATENCY,
    SERVER_REQUESTS,
    SERVER_ERRORS,
    SERVER_SESSIONS,
    SERVER_LATENCY,
    LEFT_OUT,
    UNCOUNTED,
)
"""What the proxies count."""
FAMILIES = (*HEARD, *LOOKED_UP, *COUNTED)
