"""What becomes of a request for a URL: which route takes it, which servers may answer, which routes lose, and why.

The rule is that of the proxies: the most exact host that is known, and of its paths the longest on whole segments. A
host that is known by other paths only does not fall through to a wildcard.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from urllib.parse import urlsplit

import msgspec

from interlock.core.backends import shares_of, waiting_in
from interlock.core.decisions import ProxyWord
from interlock.core.dialects import names
from interlock.core.model import Maintenance, Match, Options, Route, RouteTable, ServerState
from interlock.core.plan import Lead
from interlock.core.problems import PermanentError, Problem, shown

LONGEST_URL = 4096
LISTED = 20
"""Routes that lose which are named."""


class Outcome(enum.StrEnum):
    """What a visitor gets."""

    SERVED = "served"
    """What one of the servers answers."""
    REDIRECTED = "redirected"
    """302, to the same URL with https."""
    CLOSED = "closed"
    """503, with the message of a maintenance."""
    NO_SERVER = "no server"
    """503, since nobody takes requests."""
    NOT_FOUND = "not found"
    """404, since nobody asks for it."""


class TracedServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server of the route, and its part."""

    name: str
    address: str
    """``address:port``."""
    state: ServerState
    weight: int
    share: float
    """Of the route's requests, 0 to 1."""
    in_rotation: bool
    """Whether every proxy says that it takes requests there."""
    standby: bool = False
    """It takes requests only while no local server can."""
    waits: bool = False
    """It stands by: a local server takes the requests."""


class Loser(msgspec.Struct, frozen=True, kw_only=True):
    """A route that is near, and does not take the request."""

    route: str
    why: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a request."""

    url: str
    """As it is understood."""
    host: str
    path: str
    outcome: Outcome
    what: str
    """The outcome in one clause."""
    fix: str = ""
    """For whoever wants another one."""
    route: str = ""
    """Host and path of the route that takes it; "" for none."""
    maintenance: Maintenance | None = None
    backend: Options | None = None
    servers: tuple[TracedServer, ...] = ()
    losers: tuple[Loser, ...] = ()
    remarks: tuple[str, ...] = ()
    """What else is to be known: what a proxy cannot do, or has not done yet."""


def trace(url: str, table: RouteTable, proxies: Sequence[ProxyWord]) -> Trace:
    """Follow a request. Raises PermanentError for what is no URL of HTTP."""
    scheme, host, path = parse(url)
    match = find(table, host, path)
    whole = f"{scheme}://{host}{path}"
    losers = tuple(_losers(table, host, path, match))
    if match is None:
        return Trace(
            url=whole,
            host=host,
            path=path,
            outcome=Outcome.NOT_FOUND,
            what=_nobody(table, host, path),
            fix=_near(table, host),
            losers=losers,
        )
    route = table[match]
    servers = tuple(_servers(route, proxies))
    outcome, what, fix = _outcome(route, servers, scheme)
    return Trace(
        url=whole,
        host=host,
        path=path,
        outcome=outcome,
        what=what,
        fix=fix,
        route=str(match),
        maintenance=route.maintenance,
        backend=route.backend.options,
        servers=servers,
        losers=losers,
        remarks=tuple(_remarks(match, proxies)),
    )


def parse(url: str) -> tuple[str, str, str]:
    """Scheme, host and path of a URL; http where it names none. Raises PermanentError."""
    fix = "write a URL, like http://www.example.com/app"
    if len(url) > LONGEST_URL:
        raise PermanentError(f"the URL has more than {LONGEST_URL} characters", fix=fix)
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        given = parts.netloc.rpartition("@")[2]
    except ValueError as error:
        raise PermanentError(f"{shown(url)} is no URL: {shown(str(error))}", fix=fix) from None
    if parts.scheme not in {"http", "https"}:
        raise PermanentError(f"{shown(url)} is not a URL of http or https", fix=fix)
    typed = names.host(given)
    if typed.value is None:
        what = typed.remark.what if typed.remark is not None else "is no host"
        raise PermanentError(f"the host {shown(given)} {what}", fix=fix)
    return parts.scheme, typed.value, parts.path or "/"


def find(table: RouteTable, host: str, path: str) -> Match | None:
    """The route that takes a request; None where nobody asked for it."""
    known = next((each for each in _hosts(host) if table.of_host(each)), None)
    if known is None:
        return None
    fitting = [match for match in table.of_host(known) if _covers(match.path, path)]
    return max(fitting, key=lambda match: len(match.path), default=None)


def _hosts(host: str) -> Iterator[str]:
    """The host itself, then the wildcards that cover it, the nearest first."""
    yield host
    labels = host.removeprefix("*.").split(".")
    for start in range(1, len(labels)):
        yield f"*.{'.'.join(labels[start:])}"


def _covers(prefix: str, path: str) -> bool:
    """Whether a path is below a prefix, on whole segments."""
    return prefix in {"/", path} or path.startswith(f"{prefix}/")


def _losers(table: RouteTable, host: str, path: str, winner: Match | None) -> Iterator[Loser]:
    """Other routes of the host and of the wildcards above it."""
    known = [each for each in _hosts(host) if table.of_host(each)]
    matches = [match for each in known for match in sorted(table.of_host(each)) if match != winner]
    for match in matches[:LISTED]:
        if match.host != known[0]:
            why = f"{known[0]} is the more exact host"
        elif not _covers(match.path, path):
            why = f"{shown(path)} is not below {match.path}"
        else:
            why = f"{winner.path if winner is not None else ''} is the longer path"
        yield Loser(route=str(match), why=why)


def _nobody(table: RouteTable, host: str, path: str) -> str:
    if any(table.of_host(each) for each in _hosts(host)):
        return f"404: the host is known, but nobody asks for {shown(path)} on it"
    return f"404: nobody asks for {host}"


def _near(table: RouteTable, host: str) -> str:
    near = get_close_matches(host, sorted({match.host for match in table}), n=3)
    if host in near:
        return "ask for the whole host, or for that path, with a container"
    return f"did you mean {' or '.join(near)}?" if near else "`interlock routes` names all that is asked for"


def _servers(route: Route, proxies: Sequence[ProxyWord]) -> Iterator[TracedServer]:
    shares, waiting = shares_of(route.backend), waiting_in(route.backend)
    for server in route.backend.servers:
        is_in = all(_takes(proxy, route.match, server.name, server.endpoint) for proxy in proxies)
        yield TracedServer(
            name=server.name,
            address=server.endpoint,
            state=server.state,
            weight=server.weight,
            share=round(shares[server.name], 4),
            in_rotation=is_in and server.state is ServerState.READY,
            standby=server.standby,
            waits=is_in and server.name in waiting,
        )


def _takes(proxy: ProxyWord, match: Match, name: str, endpoint: str) -> bool:
    route = proxy.serving.get(match)
    served = route.servers.get(name) if route is not None else None
    return served is not None and served.takes_traffic and served.passes_check and served.endpoint == endpoint


def _outcome(route: Route, servers: Sequence[TracedServer], scheme: str) -> tuple[Outcome, str, str]:
    match = route.match
    if route.maintenance is not None:
        what = f"503: {match.host} is under maintenance: {shown(route.maintenance.message, length=500)}"
        return Outcome.CLOSED, what, f"interlock maintenance off {match.host}"
    if route.backend.options.ssl_only and scheme == "http":
        return Outcome.REDIRECTED, "302: sent to the same URL with https, as ssl_only asks for", ""
    able = [server for server in servers if server.in_rotation and server.weight]
    taking = [server for server in able if not server.standby] or able
    if taking:
        what = f"answered by one of {len(taking)} servers" if len(taking) > 1 else f"answered by {taking[0].name}"
        return Outcome.SERVED, what, ""
    if servers:
        what = f"503: none of its {len(servers)} servers takes requests"
        return Outcome.NO_SERVER, what, f"interlock explain {shown(servers[0].name)}"
    return Outcome.NO_SERVER, "503: its containers do not run, or are not reached", "see `interlock status`"


def _remarks(match: Match, proxies: Iterable[ProxyWord]) -> Iterator[str]:
    for proxy in proxies:
        if (why := proxy.refused.get(match)) is not None:
            yield f"{proxy.name}'s own check refused the route's configuration: {why}"
        elif match not in proxy.serving or proxy.serving[match].leads is Lead.NOWHERE:
            yield f"{proxy.name} does not serve it yet{f': {shown(proxy.error)}' if proxy.error else ''}"
        yield from (_limit(problem) for problem in proxy.limits.get(match, ()))


def _limit(problem: Problem) -> str:
    return f"{problem.key}: {problem.what} (fix: {problem.fix})"
