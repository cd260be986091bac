"""The HTTP API: a table of endpoints, served on a socket."""

import socket
import ssl
from collections.abc import Awaitable, Callable, Collection
from typing import Any, NoReturn

from aiohttp import web

from interlock.accepting import accept
from interlock.core.decisions import Explanation
from interlock.core.happenings import AnyHappening
from interlock.core.route_changes import RoutesSince
from interlock.core.status import ContainerStatus, Receipt, RoutesStatus, Status
from interlock.core.targets import Names
from interlock.core.trace import Trace
from interlock.core.traffic import Traffic
from interlock.web import asking, looking, ordering, past
from interlock.web.access import GATE, LOCAL, Door, admit
from interlock.web.answers import LARGEST_BODY, explained
from interlock.web.endpoint import Endpoint, Parameter, Right
from interlock.web.metrics import METRICS, TEXT_FORMAT, Metrics, page
from interlock.web.news import EVENT_STREAM, NEWS, News, stream
from interlock.web.openapi import DESCRIPTION, described, description
from interlock.web.orders import Orders
from interlock.web.pages import pages

GOODBYE_SECONDS = 1.0
"""For requests under way when we stop."""

NOTHING, READ, OPERATE = Right

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/healthz", looking.health, NOTHING, "Whether the process works", looking.Alive),
    Endpoint(
        "GET",
        "/readyz",
        looking.readiness,
        NOTHING,
        "Whether every engine has told what it runs, lately, and every proxy serves it",
        looking.Readiness,
        unready=looking.Readiness,
    ),
    Endpoint("GET", "/v1/access", looking.access, NOTHING, "What this caller may do", looking.Access),
    Endpoint("GET", "/metrics", page, READ, "Counters and gauges for Prometheus", str, content_type=TEXT_FORMAT),
    Endpoint(
        "GET", "/v1/openapi.json", description, NOTHING, "This description of the API (OpenAPI 3.1)", dict[str, Any]
    ),
    Endpoint(
        "GET",
        "/v1/events",
        stream,
        READ,
        "What happens, as server-sent events whose data is one JSON object each; Last-Event-ID resumes",
        AnyHappening,
        content_type=EVENT_STREAM,
        faults=(503,),
    ),
    Endpoint("GET", "/v1/status", looking.status, READ, "Counts, engines, proxies, orders, problems", Status),
    Endpoint("GET", "/v1/routes", looking.routes, READ, "Every route with its servers, and the problems", RoutesStatus),
    Endpoint(
        "GET",
        "/v1/routes/since/{at}",
        looking.changes,
        READ,
        "The routes that are otherwise than when an answer said `at`; all of them for 0, or where that is not known",
        RoutesSince,
    ),
    Endpoint("GET", "/v1/names", looking.names, READ, "Names of containers, Compose services and hosts", Names),
    Endpoint(
        "GET",
        "/v1/traffic",
        looking.traffic,
        READ,
        "What the proxies have counted of each route and server: requests, errors, sessions, latency",
        Traffic,
    ),
    Endpoint(
        "GET",
        "/v1/containers/{who:.+}",
        looking.containers,
        READ,
        "Containers of that name, id or Compose service: where each is in rotation, with how many requests",
        tuple[ContainerStatus, ...],
        faults=(400, 404, 503),
    ),
    Endpoint(
        "GET",
        "/v1/explain/{who:.+}",
        asking.explain,
        READ,
        "Why containers of that name, id or Compose service take traffic or not, decision by decision",
        tuple[Explanation, ...],
        faults=(400, 404, 503),
    ),
    Endpoint(
        "GET",
        "/v1/trace",
        asking.trace,
        READ,
        "What becomes of a request for a URL: its route, servers, and the routes that lose",
        Trace,
        parameters=(Parameter(name="url", doc="The URL; http:// may be left out", required=True),),
        faults=(400, 503),
    ),
    Endpoint(
        "POST",
        "/v1/drain",
        ordering.drain,
        OPERATE,
        "Take containers out of rotation; they finish what they have",
        Receipt,
        ordering.Named,
        ordering.NAMED,
        faults=(404, 503),
    ),
    Endpoint(
        "POST",
        "/v1/undrain",
        ordering.undrain,
        OPERATE,
        "Put drained containers back",
        Receipt,
        ordering.Named,
        ordering.NAMED,
        faults=(404, 503),
    ),
    Endpoint(
        "POST",
        "/v1/weigh",
        ordering.weigh,
        OPERATE,
        "Give containers another share of the traffic",
        Receipt,
        ordering.Weighed,
        ordering.WEIGHED,
        faults=(404, 503),
    ),
    Endpoint(
        "POST",
        "/v1/maintenance",
        ordering.maintenance,
        OPERATE,
        "Close a host with a message, or open it again",
        Receipt,
        ordering.Maintained,
        ordering.MAINTAINED,
        faults=(404, 503),
    ),
    Endpoint(
        "POST",
        "/v1/confirm",
        ordering.confirm,
        OPERATE,
        "Believe a list that lost most of what ran",
        Receipt,
        ordering.Confirmed,
        ordering.CONFIRMED,
        faults=(400, 503),
    ),
    *past.ENDPOINTS,
)
"""The whole API. Its description is drawn from this table, and `right` is all that decides who may ask for what."""


METRICS_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""What 1.4.5 had a port for, and what asks whether Interlock lives."""


async def serve(
    orders: Orders,
    listener: socket.socket,
    *,
    door: Door = LOCAL,
    paths: Collection[str] | None = None,
    metrics: Metrics | None = None,
    news: News | None = None,
    tls: ssl.SSLContext | None = None,
) -> NoReturn:
    """Answer on a socket until cancelled; the socket stays its owner's. Without `paths` the whole API is there."""
    app = application(orders, door, paths=paths, metrics=metrics, news=news)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GOODBYE_SECONDS)
    await runner.setup()
    try:
        server = runner.server
        assert server is not None  # noqa: S101 - it is set up
        await accept(listener, server, tls=tls)
    finally:
        await runner.cleanup()


def application(
    orders: Orders,
    door: Door,
    *,
    paths: Collection[str] | None = None,
    metrics: Metrics | None = None,
    news: News | None = None,
) -> web.Application:
    """The API, for those that the door lets in; and the dashboard, which shows nothing that it does not ask.

    With `paths` only that part of the API.
    """
    endpoints = [endpoint for endpoint in ENDPOINTS if paths is None or endpoint.path in paths]
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[explained(endpoints)])
    app[METRICS] = metrics if metrics is not None else Metrics()
    app[NEWS] = news if news is not None else News()
    app[DESCRIPTION] = described(endpoints)
    app[GATE] = door.gate
    app.on_shutdown.append(_let_go)
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, endpoint.path, _guarded(endpoint, orders, door))
    for path, file in pages().items() if paths is None else ():
        app.router.add_get(path, file.answer)
    return app


async def _let_go(app: web.Application) -> None:
    app[NEWS].close()


def _guarded(endpoint: Endpoint, orders: Orders, door: Door) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        admit(request, door, endpoint.right)
        return await endpoint.handler(request, orders)

    return handle
