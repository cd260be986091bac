"""What routes ask for that HAProxy, as it is set up, cannot do: reported, never passed over in silence."""

from collections.abc import Iterable

import msgspec

from interlock.core.dialects.values import NGINX_OPTION
from interlock.core.model import Match, Options, Route, Verify
from interlock.core.problems import Problem, Severity
from interlock.proxies.haproxy.render import Frame

HONOURED = frozenset(
    {
        "balance",
        "check",
        "check_interval",
        "ssl_only",
        "ssl_backend",
        "ssl_backend_verify",
        "rewrite",
        "backend_options",
        "websocket_endpoints",
        "retry",
        "slow_start",
        "locality",
    }
)
"""Fields of Options that HAProxy serves. WebSockets pass everywhere, so their endpoints need nothing."""


class _Limit(msgspec.Struct, frozen=True):
    field: str
    what: str
    fix: str


_NO_HTTPS = _Limit(
    "ssl_only",
    "HAProxy has no certificate, so the HTTPS port that requests are sent to is not served",
    "set HAPROXY_SSL_CERT, or take ssl_only away",
)
_NO_TLS = _Limit(
    "ssl", "HAProxy has no certificate, so the host is served over plain HTTP only", "set HAPROXY_SSL_CERT"
)
_OWN_CERTIFICATE = _Limit(
    "ssl_certificate",
    "HAProxy takes certificates from the operator's HAPROXY_SSL_CERT, chosen by host name",
    "put the certificate into that file or folder, or use --plugin nginx",
)
_NO_CA = _Limit(
    "ssl_backend_verify",
    "there is no CA to verify containers' certificates by, so HAProxy takes no such server",
    "set HAPROXY_SSL_BACKEND_CA",
)

_NOT_OURS = _Limit("backend_options", "keepalive is NGINX's; HAProxy keeps connections as it sees fit", "take it away")


def problems_of(frame: Frame, route: Route) -> tuple[Problem, ...]:
    """The limits that a route runs into."""
    return tuple(_problem(route.match, limit) for limit in _limits(frame, route.backend.options))


def _limits(frame: Frame, options: Options) -> Iterable[_Limit]:
    if options.ssl_only and not frame.https_port:
        yield _NO_HTTPS
    if options.ssl and not frame.https_port:
        yield _NO_TLS
    if options.ssl_certificate or options.ssl_certificate_key:
        yield _OWN_CERTIFICATE
    if options.ssl_backend and options.ssl_backend_verify is Verify.REQUIRED and not frame.backend_ca:
        yield _NO_CA
    if any(NGINX_OPTION.fullmatch(option) for option in options.backend_options):
        yield _NOT_OURS


def _problem(match: Match, limit: _Limit) -> Problem:
    return Problem(
        container="",
        key=f"{limit.field} of {match}",
        value="",
        what=limit.what,
        fix=limit.fix,
        severity=Severity.WARNING,
    )
