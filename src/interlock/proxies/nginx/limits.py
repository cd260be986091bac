"""What routes ask for that NGINX, as it is set up, cannot do: reported, never passed over in silence."""

from collections.abc import Iterable

import msgspec

from interlock.core.dialects.values import NGINX_OPTION
from interlock.core.model import Balance, CheckKind, HealthCheck, Options, Retry, Route, Verify
from interlock.core.problems import Problem, Severity, shown
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.nginx.frame import Frame
from interlock.proxies.nginx.pools import IMPLIED_OPTIONS, TAKES_BACKUPS

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
        "ssl",
        "ssl_certificate",
        "ssl_certificate_key",
        "websocket_endpoints",
        "retry",
        "slow_start",
        "locality",
    }
)
"""Fields of Options that NGINX serves, as far as what is below allows. WebSockets pass everywhere."""

PASSIVE = frozenset({CheckKind.TCP, CheckKind.NONE})


class _Limit(msgspec.Struct, frozen=True):
    field: str
    what: str
    fix: str
    value: str = ""


_NO_FIRST = _Limit(
    "balance",
    "NGINX cannot fill one server before the next, so they take turns",
    "name another balance_algorithm, or use --plugin haproxy",
    Balance.FIRST,
)
_ALL_OR_NOTHING = _Limit(
    "retry",
    "NGINX then gives up also where a connection was refused and nothing had been sent",
    "ask for retry=safe, or use --plugin haproxy",
    Retry.OFF,
)
_NO_SLOW_START = _Limit(
    "slow_start",
    "this NGINX has no Lua module, and without it gives a newcomer its full share at once",
    "install libnginx-mod-http-lua, or use --plugin haproxy",
)
_ONE_BY_ONE = _Limit(
    "locality",
    "without its Lua module, and under this balance_algorithm, NGINX passes over no server, so that stand-bys take "
    "requests only once no local container is up",
    "install libnginx-mod-http-lua, balance by roundrobin or leastconn, or use --plugin haproxy",
)
_NO_CA = _Limit(
    "ssl_backend_verify",
    "there is no CA to verify containers' certificates by, so NGINX passes nothing on to them",
    "set NGINX_SSL_BACKEND_CA",
)


def problems_of(frame: Frame, store: Store, route: Route) -> tuple[Problem, ...]:
    """The limits that a route runs into."""
    options = route.backend.options
    limits = [*_limits(frame, options), *_https(frame, store, route)]
    return tuple(_problem(str(route.match), limit) for limit in limits)


def problems_of_itself(frame: Frame) -> tuple[Problem, ...]:
    """What is wrong with this NGINX."""
    if frame.has_status:
        return ()
    limit = _Limit(
        "/nginx_status",
        "this nginx was built without its status module, so the page answers 501",
        "use your distribution's nginx: set NGINX_BINARY",
    )
    return (_problem("", limit),)


def _limits(frame: Frame, options: Options) -> Iterable[_Limit]:
    if options.balance is Balance.FIRST:
        yield _NO_FIRST
    if options.check.kind not in PASSIVE:
        yield _Limit(
            "check",
            "this NGINX makes no health checks; a container that does not answer is passed over for check_interval",
            "give the container a HEALTHCHECK, which is heeded, or use --plugin haproxy",
            _written(options.check),
        )
    if options.ssl_backend and options.ssl_backend_verify is Verify.REQUIRED and not frame.backend_ca:
        yield _NO_CA
    if options.retry is Retry.OFF:
        yield _ALL_OR_NOTHING
    if options.slow_start and frame.live is None:
        yield _NO_SLOW_START
    if options.locality and frame.live is None and options.balance not in TAKES_BACKUPS:
        yield _ONE_BY_ONE
    for option in options.backend_options:
        if option not in IMPLIED_OPTIONS and not NGINX_OPTION.fullmatch(option):
            yield _Limit("backend_options", "is an option of HAProxy", "use --plugin haproxy, or take it away", option)


def _https(frame: Frame, store: Store, route: Route) -> Iterable[_Limit]:
    options = route.backend.options
    if not (options.ssl or options.ssl_only or options.ssl_certificate):
        return
    if not frame.https_port:
        yield _Limit(
            _asked(options),
            "NGINX serves no HTTPS: there is no certificate in NGINX_SSL_CERT_DIR, or NGINX_SSL_PORT is 0",
            "put certificates there and send SIGHUP",
        )
        return
    choice = store.of(route.match.host, options)
    if choice.fault:
        names = f"{options.ssl_certificate} {options.ssl_certificate_key}".strip()
        fix = "put the certificate and its unencrypted key into NGINX_SSL_CERT_DIR"
        yield _Limit("ssl_certificate", f"cannot be served: {choice.fault}", fix, shown(names))
    elif not store.is_served(route.match, options):
        yield _Limit(
            _asked(options),
            "the host has no certificate, so it is served over plain HTTP only",
            "name one with ssl_certificate, or put HOST.pem or default.pem into NGINX_SSL_CERT_DIR",
        )


def _asked(options: Options) -> str:
    return next(field for field in ("ssl_certificate", "ssl", "ssl_only") if getattr(options, field))


def _written(check: HealthCheck) -> str:
    return f"{check.kind} {check.method} {check.uri}" if check.kind is CheckKind.HTTP else check.kind


def _problem(match: str, limit: _Limit) -> Problem:
    return Problem(
        container="",
        key=f"{limit.field} of {match}" if match else limit.field,
        value=limit.value,
        what=limit.what,
        fix=limit.fix,
        severity=Severity.WARNING,
    )
