"""A backend's section of HAProxy's configuration: its rules, and its servers. Text in, text out."""

from functools import lru_cache

from interlock.core.dialects.values import NGINX_OPTION
from interlock.core.model import Balance, CheckKind, HealthCheck, Match, Options, Retry, Server, Verify

CHECKS_MAP = "checks.map"
CHECK_HOSTS_MAP = "check_hosts.map"
"""What each backend with an HTTP check asks for, by the backend's name."""

STANDBY_ERRORS, STANDBY_RETRIES = 10, 50
"""Connections in a row that a local server refuses until HAProxy turns to stand-bys, before Interlock or a check has
told; and retries of a request, enough to see that. For HAProxy asks the last server again and again, without a pause
where the request first had a reused connection (measured: 50 times in 12 ms)."""

REPEATABLE = "GET HEAD OPTIONS TRACE PUT DELETE"
"""Methods whose request may be sent again when a container died over it (RFC 9110, 9.2.2)."""


def server_arguments(options: Options, server: Server, *, backend_ca: str) -> str:
    """What follows a server's name, in a configuration line as in a runtime command.

    `pool-purge-delay` and `pool-max-conn` together are what makes HAProxy 2.6 reuse the connections of a server that
    was added at run time (measured: 13,000 against 27,000 to 48,000 requests a second).
    """
    words = [server.endpoint, f"weight {server.weight}", "pool-purge-delay 5s pool-max-conn 1000"]
    if server.standby:
        words.append("backup")
    if options.slow_start:
        words.append(f"slowstart {options.slow_start}s")
    if options.check.kind is not CheckKind.NONE:
        fast = min(options.check_interval, 1000)
        words.append(f"check inter {options.check_interval} fastinter {fast} downinter {fast} rise 1 fall 2")
        if options.locality and not server.standby:
            words.append(f"observe layer4 error-limit {STANDBY_ERRORS} on-error mark-down")
    if options.ssl_backend:
        ca_file = f" ca-file {backend_ca}" if backend_ca else ""
        required = options.ssl_backend_verify is Verify.REQUIRED
        words.append(f"ssl verify required{ca_file}" if required else "ssl verify none")
        words.append("sni req.hdr(host),field(1,:)")
    return " ".join(words)


def rules(match: Match, options: Options, *, https_port: int) -> str:
    """A backend's lines but for its servers; equal for backends that differ in nothing else but their names."""
    depth = match.path.count("/") if options.rewrite and match.path != "/" else 0
    return _lines(options, depth, https_port)


@lru_cache(maxsize=1024)
def _lines(options: Options, depth: int, https_port: int) -> str:
    """The same for all backends with these options, and as many segments of their paths to strip."""
    lines = [f"    balance {options.balance}"]
    if options.balance in {Balance.SOURCE, Balance.URI}:
        lines.append("    hash-type consistent")
    lines += _check(options.check)
    words = [word for word in options.backend_options if not NGINX_OPTION.fullmatch(word)]
    if options.locality and _ALL_STANDBYS not in words:
        words.append(_ALL_STANDBYS)
    lines += [f"    option {word}" for word in words]
    if options.locality and options.check.kind is not CheckKind.NONE:
        lines.append(f"    retries {STANDBY_RETRIES}")
    lines += _RETRIES[options.retry]
    if options.ssl_only:
        lines.append(_to_https(https_port))
    if depth:
        lines += _strip(depth)
    return "\n".join(lines) + "\n"


_ALL_STANDBYS = "allbackups"
"""Without it, HAProxy asks the first of them only."""
_SAFELY = f"    http-request disable-l7-retry unless {{ method {REPEATABLE} }}"
_RETRIES = {
    Retry.OFF: ["    retry-on conn-failure"],
    Retry.SAFE: ["    retry-on conn-failure empty-response 0rtt-rejected", _SAFELY],
    Retry.SAFE_5XX: ["    retry-on conn-failure empty-response 0rtt-rejected 500 502 503 504", _SAFELY],
    Retry.ALL: ["    retry-on conn-failure empty-response 0rtt-rejected"],
}
"""A connection that failed is always tried on another server: the request has not been sent."""


def _check(check: HealthCheck) -> list[str]:
    match check.kind:
        case CheckKind.TCP | CheckKind.NONE:
            return []
        case CheckKind.HTTP:
            uri = f'uri-lf "%[be_name,map_str({CHECKS_MAP},/)]"'
            host = f'hdr Host "%[be_name,map_str({CHECK_HOSTS_MAP},localhost)]"'
            return ["    option httpchk", f"    http-check send meth {check.method} {uri} ver {check.version} {host}"]
        case kind:
            return [f"    option {kind}"]


def _to_https(port: int) -> str:
    """Redirect what came in the clear, also to a trusted proxy before us; without a port where it is the usual one."""
    usual = 443
    suffix = f":{port}" if port not in {0, usual} else ""
    location = f"https://%[req.fhdr(host),field(1,:)]{suffix}%[pathq]"
    return f'    http-request redirect code 302 location "{location}" unless {{ req.hdr(X-Forwarded-Proto) -i https }}'


def _strip(depth: int) -> list[str]:
    """Strip the route's path by counting its segments, so that its text need not be here."""
    rest = f"path,field({depth + 2},/,0)"
    bare = f"!{{ {rest} -m found }} !{{ path_end / }}"
    return [
        f'    http-request redirect code 301 location "%[path]/?%[query]" if {bare} {{ query -m found }}',
        f'    http-request redirect code 301 location "%[path]/" if {bare}',
        f'    http-request set-path "/%[{rest}]"',
    ]
