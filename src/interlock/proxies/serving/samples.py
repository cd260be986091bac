"""A small world with everything in it that a route can ask for: what a template must be able to fill in."""

from collections.abc import Iterable

from interlock.core.model import (
    Balance,
    CheckKind,
    ContainerKey,
    HealthCheck,
    Maintenance,
    Match,
    Options,
    Retry,
    Server,
    Verify,
)
from interlock.proxies.serving.sites import Site

DOMAIN = "sample.invalid"
"""Of all sample hosts; nobody's (RFC 6761), so that they can stand beside real ones."""


def samples(*, verified: bool) -> tuple[Site, ...]:
    """Sites with each kind of option, and without servers, closed, or known by a path only.

    Args:
        verified: with containers whose certificate is checked, which takes a CA.
    """
    asked = (
        *(Options(balance=balance) for balance in Balance),
        *(Options(check=HealthCheck(kind=kind)) for kind in CheckKind),
        *(Options(retry=retry) for retry in Retry),
        Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/health?full=1", host="other.invalid")),
        Options(ssl=True, ssl_only=True, slow_start=30),
        Options(backend_options=("http-no-delay", "keepalive 7"), websocket_endpoints=("/ws",)),
        Options(locality=("node1",)),
        Options(ssl_backend=True),
        *((Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED),) if verified else ()),
    )
    return tuple(sorted((*_by_options(asked), *_by_match(), *_closed()), key=lambda site: site.match))


def _by_options(asked: Iterable[Options]) -> Iterable[Site]:
    for number, options in enumerate(asked):
        yield Site(match=Match(f"option-{number}.{DOMAIN}"), options=options, servers=_servers(number % 4))


def _by_match() -> Iterable[Site]:
    rewritten = Options(rewrite=True)
    yield Site(match=Match(f"*.{DOMAIN}"), options=Options(), servers=_servers(1))
    yield Site(match=Match(f"path.{DOMAIN}", "/app"), options=Options(), servers=_servers(1))
    yield Site(match=Match(f"path.{DOMAIN}", "/app/V2"), options=rewritten, servers=_servers(2))
    yield Site(match=Match(f"gone.{DOMAIN}"), options=Options(), routed=False)


def _closed() -> Iterable[Site]:
    until = Maintenance('Back at "noon": $5 %[date]', "2030-01-01T12:00:00Z")
    yield Site(match=Match(f"closed.{DOMAIN}"), options=Options(), servers=_servers(1), maintenance=until)
    never = Maintenance("Later")
    yield Site(match=Match(f"empty.{DOMAIN}"), options=Options(), has_backend=False, maintenance=never)


def _servers(count: int) -> tuple[Server, ...]:
    """The first one by IPv6, the last one without a share."""
    return tuple(
        Server(
            name=f"web_{number}",
            address="fd00::1" if number == 1 else f"10.0.0.{number}",
            port=8000 + number,
            weight=100 if number < count or count == 1 else 0,
            container=ContainerKey("sample", str(number)),
        )
        for number in range(1, count + 1)
    )
