"""The nouns: what engines say runs, and what a proxy is wanted to serve.

Every value is frozen and every collection is sorted, so that equal worlds are equal values, byte for byte. No value
leads back to itself, so the garbage collector need not know of any (`gc=False`), which is 16 bytes less each.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec


class ContainerKey(NamedTuple):
    """Names one container of the whole fleet."""

    engine: str
    """Name of the engine that runs it, as in settings and logs."""
    id: str
    """Its full id, 64 hexadecimal digits on Docker and Podman."""


class Phase(enum.StrEnum):
    """State.Status of an inspect, State of a list entry; the words are the Docker API's."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(enum.StrEnum):
    """State.Health.Status of an inspect; NONE for a container without HEALTHCHECK."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Port(msgspec.Struct, frozen=True, order=True, gc=False):
    """A port that a container exposes, published or not."""

    number: int
    protocol: str = "tcp"


class Binding(msgspec.Struct, frozen=True, order=True, gc=False):
    """A container port published on the engine's node."""

    port: int
    """The container's port."""
    protocol: str
    host_ip: str
    """Address on the node; "0.0.0.0", "::" and "" mean every address of it (Podman leaves it empty)."""
    host_port: int


class Attachment(msgspec.Struct, frozen=True, order=True, gc=False):
    """A container's place on one Docker network; an address is "" where there is none."""

    network: str
    network_id: str
    ipv4: str = ""
    ipv6: str = ""


class Container(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One container, as far as routing cares; built by an engine from an inspect (or list) document."""

    engine: str
    id: str
    name: str
    """Canonical name without the leading slash, nor a classic Swarm's node: ``dockchat_web_1``."""
    image: str = ""
    hostname: str = ""
    domainname: str = ""
    environment: Mapping[str, str] = {}
    """Only variables that a dialect reads; the others may hold passwords and are never kept. First entry wins."""
    labels: Mapping[str, str] = {}
    """Only labels that a dialect or Interlock itself reads."""
    phase: Phase = Phase.RUNNING
    health: Health = Health.NONE
    stop_signal: str = "SIGTERM"
    stop_timeout: int = 10
    """Seconds that `docker stop` waits before it kills; Docker's default is 10."""
    created: str = ""
    """RFC 3339 time in UTC (or Unix seconds, from a list entry), only ever compared as text of one engine."""
    started_at: str = ""
    """RFC 3339 time of the present run; tells one incarnation of a container from the next."""
    restarts: int = 0
    """How often its restart policy has started it again after it ended by itself."""
    exposed: tuple[Port, ...] = ()
    bindings: tuple[Binding, ...] = ()
    """In the engine's own order (IPv4 before IPv6), since that order is what classic Swarm leaves us."""
    attachments: tuple[Attachment, ...] = ()
    network_mode: str = ""
    node: str = ""
    """Name of the node under a Swarm manager; "" on a plain engine."""
    node_address: str = ""
    """Address of that node, where the engine tells."""
    service: str = ""
    """Name of the swarm's service that it is a task of (or stands for); "" for any other container."""
    task: str = ""
    """Id of that task."""

    @property
    def key(self) -> ContainerKey:
        return ContainerKey(self.engine, self.id)

    @property
    def age_order(self) -> tuple[str, str, str]:
        """Oldest first; the id decides between two of the same instant, so every run agrees on the order."""
        return (self.created, self.engine, self.id)

    @property
    def is_up(self) -> bool:
        """Whether its processes exist (a paused one's do, but answer nobody)."""
        return self.phase in {Phase.RUNNING, Phase.PAUSED}


class Match(NamedTuple):
    """Which requests a route takes: a host and a path prefix."""

    host: str
    """Lower case, no port, no trailing dot; ``*.example.com`` matches every name below example.com."""
    path: str = "/"
    """Prefix on whole segments: ``/app`` matches ``/app/x``, not ``/apple``. Only the root ends in a slash."""

    def __str__(self) -> str:
        return self.host if self.path == "/" else f"{self.host}{self.path}"


class Balance(enum.StrEnum):
    """How a backend chooses a server. Only algorithms that take servers at run time are here."""

    ROUNDROBIN = "roundrobin"
    LEASTCONN = "leastconn"
    RANDOM = "random"
    FIRST = "first"
    SOURCE = "source"
    """By the client's address (consistent hash), so that a client stays with its server."""
    URI = "uri"


class Verify(enum.StrEnum):
    """Whether a backend's TLS certificate is checked."""

    NONE = "none"
    REQUIRED = "required"


class Ready(enum.StrEnum):
    """What a container's HEALTHCHECK means for its traffic."""

    REQUIRE = "require"
    """Only a healthy container takes traffic."""
    PREFER = "prefer"
    """Healthy ones first, but the last instance is kept whatever its health."""
    IGNORE = "ignore"


class Retry(enum.StrEnum):
    """Which requests are made again, on another server, when the first server failed them.

    A connection that was never opened is always tried again elsewhere: nothing had been sent.
    """

    OFF = "off"
    SAFE = "safe"
    """Those that may be repeated (GET, HEAD, OPTIONS, TRACE, PUT, DELETE: RFC 9110, 9.2.2), if no answer came."""
    SAFE_5XX = "safe-5xx"
    """Those, and also if the answer was 500, 502, 503 or 504."""
    ALL = "all"
    """Every request that got no answer, POST too: for applications that recognise a request they have had."""


class CheckKind(enum.StrEnum):
    """A health check that the proxy makes; the names are HAProxy's options."""

    TCP = "tcp"
    """A connection that opens; what every server gets when nothing is asked for."""
    HTTP = "httpchk"
    SSL_HELLO = "ssl-hello-chk"
    SMTP = "smtpchk"
    LDAP = "ldap-check"
    REDIS = "redis-check"
    NONE = "none"


class HealthCheck(msgspec.Struct, frozen=True, order=True, gc=False):
    """A typed health check; the text fields hold only what their grammar allows (see dialects.values)."""

    kind: CheckKind = CheckKind.TCP
    method: str = "GET"
    """GET, HEAD or OPTIONS."""
    uri: str = "/"
    version: str = "HTTP/1.1"
    host: str = ""
    """Host header of the check; "" means the route's own host."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Options of a backend as one container asks for them; None where it does not say.

    The field names are the words of messages, JSON output and docs. Defaults live in :class:`Options`.
    """

    balance: Balance | None = None
    check: HealthCheck | None = None
    check_interval: int | None = None
    """Milliseconds between two health checks of one server."""
    ssl_only: bool | None = None
    """Redirect plain HTTP to HTTPS."""
    ssl_backend: bool | None = None
    """Speak TLS to the container."""
    ssl_backend_verify: Verify | None = None
    rewrite: bool | None = None
    """Strip the route's path before the request reaches the container."""
    backend_options: tuple[str, ...] | None = None
    """Names from the allow list in dialects.values, sorted."""
    ssl: bool | None = None
    ssl_certificate: str | None = None
    """File name in the operator's certificate directory."""
    ssl_certificate_key: str | None = None
    websocket_endpoints: tuple[str, ...] | None = None
    retry: Retry | None = None
    slow_start: int | None = None
    """Seconds over which a server that comes in gets its full share."""
    locality: tuple[str, ...] | None = None
    """Engines, or nodes of a swarm, whose containers come first, sorted; () for all alike."""


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one container asks for in one dialect, typed and checked."""

    container: ContainerKey
    dialect: str
    matches: tuple[Match, ...]
    """The primary first, then aliases, without duplicates."""
    port: int | None = None
    """The container's port, where it named one."""
    network: str | None = None
    """The Docker network to reach it on, where it named one."""
    warm: str | None = None
    """Path of a first request that must be answered before traffic comes; None for a plain TCP connect."""
    ready: Ready = Ready.REQUIRE
    weight: int = 100
    """Share of the traffic relative to the other servers, 0 to 256 (HAProxy's range)."""
    wishes: Wishes = Wishes()
    origins: Mapping[str, str] = {}
    """Field name -> the user's own key for it (``port`` -> ``label interlock.port``), for messages."""

    def origin(self, field: str) -> str:
        """The user's own word for a field."""
        return self.origins.get(field, f"{self.dialect} {field}")


class ServerState(enum.StrEnum):
    """Whether a server takes traffic."""

    READY = "ready"
    PROBING = "probing"
    """Runs, and would be ready if only a first probe had answered."""
    STARTING = "starting"
    """Runs, but its HEALTHCHECK has not passed yet."""
    DRAINING = "draining"
    """Told to stop: takes no new request, finishes those it has."""
    DOWN = "down"
    """Runs, but is paused or unhealthy."""


class Server(msgspec.Struct, frozen=True, order=True, kw_only=True, gc=False):
    """One address in a backend."""

    name: str
    """The container's name, unique in its backend."""
    address: str
    port: int
    weight: int = 100
    state: ServerState = ServerState.READY
    container: ContainerKey
    standby: bool = False
    """It is not local, so it takes requests only while no local server can: HAProxy's and NGINX's ``backup``."""

    @property
    def endpoint(self) -> str:
        """``address:port``, an IPv6 address in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Options(msgspec.Struct, frozen=True, order=True, kw_only=True, gc=False):
    """Options of a backend, merged from all who ask, with the defaults of the original filled in."""

    balance: Balance = Balance.ROUNDROBIN
    check: HealthCheck = HealthCheck()
    check_interval: int = 5000
    ssl_only: bool = False
    ssl_backend: bool = False
    ssl_backend_verify: Verify = Verify.NONE
    rewrite: bool = False
    backend_options: tuple[str, ...] = ()
    ssl: bool = False
    ssl_certificate: str = ""
    ssl_certificate_key: str = ""
    websocket_endpoints: tuple[str, ...] = ()
    retry: Retry = Retry.SAFE
    slow_start: int = 0
    locality: tuple[str, ...] = ()
    """Unless a container names one, the operator's; () for none."""


class Backend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The pool of servers behind a route."""

    options: Options = Options()
    servers: tuple[Server, ...] = ()
    """Sorted by name."""


class Maintenance(msgspec.Struct, frozen=True, order=True, gc=False):
    """The operator closed a host for a while: every request is answered 503 with this message."""

    message: str
    """One printable line; see :func:`interlock.core.overrides.checked_maintenance`."""
    until: str = ""
    """When it ends by itself, RFC 3339 in UTC and whole seconds: ``2026-11-24T18:00:00Z``; "" for never."""


class Route(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A match and the backend it leads to. A route without servers is a known host that answers 503."""

    match: Match
    backend: Backend
    maintenance: Maintenance | None = None
    """What its requests are answered instead, while its host is closed; the backend is kept ready meanwhile."""


class RouteTable(Mapping[Match, Route]):
    """Everything wanted, iterated in the order of its matches; changed only by the one who builds it."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes: dict[Match, Route] = {}
        self._by_host: dict[str, tuple[Match, ...]] = {}
        """Tuples: most hosts have one match, and a set of one is four times as large."""
        for route in routes:
            self.put(route)

    def put(self, route: Route) -> None:
        if route.match not in self._routes:
            host = route.match.host
            self._by_host[host] = (*self._by_host.get(host, ()), route.match)
        self._routes[route.match] = route

    def drop(self, match: Match) -> None:
        """Forget a route; one that is not there is none the worse."""
        if self._routes.pop(match, None) is None:
            return
        siblings = tuple(each for each in self._by_host.pop(match.host) if each != match)
        if siblings:
            self._by_host[match.host] = siblings

    def of_host(self, host: str) -> frozenset[Match]:
        """Every match of a host, whatever its path."""
        return frozenset(self._by_host.get(host, ()))

    def closed(self) -> frozenset[Match]:
        """The routes of hosts that the operator closed."""
        return frozenset(match for match, route in self._routes.items() if route.maintenance is not None)

    def __getitem__(self, match: Match) -> Route:
        return self._routes[match]

    def __contains__(self, match: object) -> bool:
        return match in self._routes

    def __iter__(self) -> Iterator[Match]:
        return iter(sorted(self._routes))

    def __len__(self) -> int:
        return len(self._routes)
