"""A backend -> an upstream block. Its name is ours, its servers are addresses, its words come from closed sets."""

import math
from collections.abc import Iterable, Sequence
from hashlib import sha256

from interlock.core.dialects.values import NGINX_OPTION
from interlock.core.model import Balance, CheckKind, Options, Server
from interlock.proxies.nginx.frame import Frame
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.serving.sites import Site

KEPT_CONNECTIONS = 32
"""Idle connections to a pool's containers that each worker keeps, unless the containers ask for another number."""
KEPT_SECONDS = 4
"""How long. Shorter than the 5 s after which Node.js closes its side, which would cost a POST; and idle connections
are bounded by the traffic of these seconds, not by the number of sites (1,000 of them exhausted 2,048 connections)."""
FAILURES = 2
"""Failures in a row after which a server is passed over, for as long as a health check's interval would be."""
KEPT_CONNECTIONS_SHARED = 256
"""The same for the pool that sites share. NGINX looks through them one by one, so not too many."""
SHARED = "interlock_shared"
"""That pool."""
HASH_RANGE = 20
"""Largest weight under a consistent hash, of which NGINX makes 160 points each."""

METHODS = {
    Balance.ROUNDROBIN: "",
    Balance.LEASTCONN: "least_conn",
    Balance.RANDOM: "random",
    Balance.FIRST: "",  # NGINX has nothing like it; see `limits`
    Balance.SOURCE: "hash $remote_addr consistent",
    Balance.URI: "hash $interlock_path consistent",
}

TAKES_BACKUPS = frozenset({Balance.ROUNDROBIN, Balance.LEASTCONN, Balance.FIRST})
"""Methods beside which NGINX takes `backup`; under the others no server is ever passed over."""
_LIVE = ("server 0.0.0.1;", 'balancer_by_lua_block { require("interlock").balance() }')
"""The address is a placeholder that NGINX insists on; `interlock.lua` chooses the server."""
IMPLIED_OPTIONS = frozenset({"forwardfor", "http-keep-alive", "http-no-delay"})
"""Options of HAProxy whose effect NGINX has anyway."""


def has_pool(site: Site, frame: Frame) -> bool:
    """Whether a site needs an upstream block of its own.

    NGINX refuses one without servers. With Lua, sites share one, but for those that speak TLS, since a connection is
    kept under its address only, and those that name a number of connections.
    """
    if not site.has_backend:
        return False
    if frame.live is not None:
        return site.options.ssl_backend or kept_connections(site.options) != KEPT_CONNECTIONS
    return any(server.weight for server in site.servers)


def pool(site: Site, frame: Frame) -> str:
    """The upstream block of a site that :func:`has_pool`."""
    lines = _servers(site) if frame.live is None else _LIVE
    return _block(upstream_name(site), lines, kept_connections(site.options))


def shared_pool() -> str:
    """The upstream block of all the others, with Lua."""
    return _block(SHARED, _LIVE, KEPT_CONNECTIONS_SHARED)


def upstream_name(site: Site) -> str:
    """What a site's upstream block is called.

    NGINX compares the names one by one for each request, so they differ in their first letters: with 5,000 sites that
    makes 15,000 requests per second out of 6,000.
    """
    name = pool_name(site.match)
    return f"{sha256(name.encode()).hexdigest()[:2]}_{name}"


def _block(name: str, lines: Iterable[str], kept: int) -> str:
    more = (f"keepalive {kept};", f"keepalive_timeout {KEPT_SECONDS}s;")
    return "\n".join((f"upstream {name} {{", *(f"    {line}" for line in (*lines, *more)), "}", ""))


def kept_connections(options: Options) -> int:
    """The last number that the backend options name."""
    if not options.backend_options:
        return KEPT_CONNECTIONS
    found = [NGINX_OPTION.fullmatch(option) for option in options.backend_options]
    return next((int(match["count"]) for match in reversed(found) if match), KEPT_CONNECTIONS)


def patience(options: Options) -> tuple[int, int]:
    """Failures that put a server last, and for how many seconds."""
    return 0 if options.check.kind is CheckKind.NONE else FAILURES, math.ceil(options.check_interval / 1000)


def _servers(site: Site) -> list[str]:
    """Each server, and once more for when all have failed: some requests break every server that they are tried on.

    Where there are stand-bys, they are what is left then. NGINX takes none without a server before them.
    """
    balance = site.options.balance
    failures, seconds = patience(site.options)
    shares = _shares(site.servers, hashed=balance in {Balance.SOURCE, Balance.URI})
    weighed = [(server, share) for server, share in zip(site.servers, shares, strict=True) if share]
    active = [(server.endpoint, share) for server, share in weighed if not server.standby]
    standby = [(server.endpoint, share) for server, share in weighed if server.standby]
    if not active:
        active, standby = standby, []
    passes_over = failures > 0 and balance in TAKES_BACKUPS and len(active) + len(standby) > 1
    limits = f"max_fails={failures} fail_timeout={seconds}s" if passes_over else "max_fails=0"
    lines = [f"{METHODS[balance]};"] if METHODS[balance] else []
    lines += [f"server {endpoint} weight={share} {limits};" for endpoint, share in active]
    left = standby or (active if passes_over else [])
    if balance in TAKES_BACKUPS:
        lines += [f"server {endpoint} weight={share} max_fails=0 backup;" for endpoint, share in left]
    return lines


def _shares(servers: Sequence[Server], *, hashed: bool) -> list[int]:
    """The weights in their lowest terms; 0 stays 0."""
    weights = [server.weight for server in servers]
    divisor = math.gcd(*weights) or 1
    largest = max(weights, default=0) // divisor
    if hashed and largest > HASH_RANGE:
        return [weight and max(1, round(weight / divisor * HASH_RANGE / largest)) for weight in weights]
    return [weight // divisor for weight in weights]
