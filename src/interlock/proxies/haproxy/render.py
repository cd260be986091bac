"""Route table -> HAProxy's configuration and maps. Text in, text out.

No text of a container reaches the configuration: host names, paths and check URIs are map entries, options are words
from closed sets, identifiers are slugs (names.py). Files named without a folder are found beside the configuration
(`default-path config`), so that a candidate is checked exactly as it will be loaded.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from interlock.core.dialects.values import NGINX_OPTION
from interlock.core.model import Balance, CheckKind, HealthCheck, Maintenance, Match, Options, Retry, Server, Verify
from interlock.proxies.haproxy.leads import entry_of
from interlock.proxies.haproxy.names import MAINTENANCE_BACKEND, PAGES_BACKEND, UNKNOWN_BACKEND, backend_name, map_key
from interlock.proxies.haproxy.spares import spare
from interlock.proxies.serving.sites import Site
from interlock.proxies.serving.templating import Template, TemplateError

CONFIG = "haproxy.cfg"
CONFIG_TEMPLATE = f"{CONFIG}.j2"
BUILTIN = Template("interlock.proxies.haproxy", main=CONFIG_TEMPLATE)
ROUTES_MAP = "routes.map"
CHECKS_MAP = "checks.map"
CHECK_HOSTS_MAP = "check_hosts.map"
FILES = (ROUTES_MAP, CHECKS_MAP, CHECK_HOSTS_MAP, CONFIG)
"""In the order in which they are written: a map ahead of its configuration leads a request to nowhere, one behind it
to a backend of old."""

WILDCARD_LEVELS = 6
"""How many leading labels of a host a wildcard may stand for."""

RETRY_AFTER = 60
"""Seconds after which a visitor of a closed host without a known end should come again."""

_MARK = "\0"
"""Around what is put into a rendered template; nowhere else in it, as HAProxy takes no such character."""
_GENERATION = "generation"

STANDBY_ERRORS, STANDBY_RETRIES = 10, 50
"""Connections in a row that a local server refuses until HAProxy turns to stand-bys, before Interlock or a check has
told; and retries of a request, enough to see that. For HAProxy asks the last server again and again, without a pause
where the request first had a reused connection (measured: 50 times in 12 ms)."""

REPEATABLE = "GET HEAD OPTIONS TRACE PUT DELETE"
"""Methods whose request may be sent again when a container died over it (RFC 9110, 9.2.2)."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the configuration that is the operator's, already checked; paths are absolute."""

    admin_socket: str
    admin_socket_mode: str = "600"
    state_file: str
    """What a new process should know of the old one's health checks."""
    http_port: int
    https_port: int = 0
    """0 without certificates."""
    certificates: str = ""
    """File or folder of PEMs for the HTTPS bind."""
    https_options: tuple[str, ...] = ()
    dh_bits: int = 2048
    backend_ca: str = ""
    """File of CAs for containers' certificates; "" where none are verified."""
    max_connections: int = 2048
    connect_timeout: int = 500
    server_timeout: int = 10_000
    client_timeout: int = 10_000
    tunnel_timeout: int = 3_600_000
    hard_stop_after: int = 3_600_000
    stats_user: str = "stats"
    stats_password: str
    pid_file: str = ""
    syslog: str = ""
    json_log: bool = False
    """Whether each request is one JSON object in the access log."""
    trusted: tuple[str, ...] = ()
    unknown_status: int = 404
    spares: int = 0
    """Backends for hosts to come (see spares.py)."""
    template: Template = BUILTIN


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one configuration."""

    generation: str
    """Names the structure: equal for configurations that differ in servers only. The running HAProxy tells its own."""
    config: str
    routes_map: str
    checks_map: str
    check_hosts_map: str

    @property
    def files(self) -> dict[str, str]:
        """Name -> text."""
        return dict(zip(FILES, (self.routes_map, self.checks_map, self.check_hosts_map, self.config), strict=True))


class Piece(NamedTuple):
    """One site's share of the files."""

    site: Site
    name: str
    rules: str
    servers: str
    routes: tuple[tuple[str, str], ...]
    check: tuple[tuple[str, str], tuple[str, str]] | None
    """Its entries in the two maps of checks."""
    verifies: bool


class Backend(msgspec.Struct, frozen=True):
    """What a template knows of one backend; printed, it is the whole section."""

    name: str
    rules: str
    """Its lines but for the servers."""
    servers: str
    """Stands for the lines of its servers."""
    match: Match
    options: Options

    def __str__(self) -> str:
        return _section(self.name, self.rules, self.servers)


class Backends(Sequence[Backend]):
    """All of them, made when a template asks; printed, they are their sections."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, number: Any) -> Any:
        each = self._pieces[number]
        return Backend(each.name, each.rules, _marked(str(number)), each.site.match, each.site.options)

    def __str__(self) -> str:
        return "\n".join(
            _section(each.name, each.rules, _marked(str(number))) for number, each in enumerate(self._pieces)
        )


def render(frame: Frame, sites: Iterable[Site]) -> Rendered:
    """Render everything; the same sites in the same order give the same bytes.

    Raises:
        TemplateError: the template cannot be filled in.
    """
    return assemble(frame, [piece(frame, site) for site in sites])


def piece(frame: Frame, site: Site) -> Piece:
    """What one site adds; independent of all the others, so that thousands can be rendered a few at a time."""
    options, name = site.options, backend_name(site.match)
    is_checked = site.has_backend and options.check.kind is CheckKind.HTTP
    return Piece(
        site=site,
        name=name,
        rules=_rules(frame, site) if site.has_backend else "",
        servers=_server_lines(frame, site) if site.has_backend else "",
        routes=_entries(site.match, site.maintenance) if site.routed else (),
        check=((name, options.check.uri), (name, options.check.host or site.match.host)) if is_checked else None,
        verifies=site.has_backend and options.ssl_backend_verify is Verify.REQUIRED,
    )


def assemble(frame: Frame, pieces: Sequence[Piece]) -> Rendered:
    """The files, from their pieces."""
    pools = [each for each in pieces if each.site.has_backend]
    alike = spare_options(each.site.options for each in pools)
    pools += [piece(frame, Site(match=spare(number), options=alike)) for number in range(frame.spares)]
    checked = [each.check for each in pools if each.check is not None]
    checks_map, check_hosts_map = _map(uri for uri, _ in checked), _map(host for _, host in checked)
    parts = frame.template.render(CONFIG_TEMPLATE, _variables(frame, pools)).split(_MARK)
    structure = "\0".join((*parts[::2], checks_map, check_hosts_map))
    generation = sha256(structure.encode()).hexdigest()[:16]
    parts[1::2] = _meant(parts[1::2], generation, pools)
    return Rendered(
        generation=generation,
        config="".join(parts),
        routes_map=_map(_merged(each.routes for each in pieces)),
        checks_map=checks_map,
        check_hosts_map=check_hosts_map,
    )


def _meant(marks: Iterable[str], generation: str, pools: Sequence[Piece]) -> list[str]:
    """What is put in where a template has these marks."""
    try:
        return [generation if mark == _GENERATION else pools[int(mark)].servers for mark in marks]
    except (ValueError, IndexError):
        raise TemplateError(
            "`generation` or `backend.servers` went through a filter", fix="write it as it is"
        ) from None


def _variables(frame: Frame, pools: Sequence[Piece]) -> dict[str, Any]:
    """What a template is given; docs/templates.md tells of each.

    Servers and generation are put in when all else is known: a generation names everything but the servers.
    """
    return {
        "frame": frame,
        "generation": _marked(_GENERATION),
        "backends": Backends(pools),
        "verifies": any(each.verifies for each in pools),
        "routes_map": ROUTES_MAP,
        "unknown_backend": UNKNOWN_BACKEND,
        "maintenance_backend": MAINTENANCE_BACKEND,
        "pages_backend": PAGES_BACKEND,
        "wildcard_levels": WILDCARD_LEVELS,
        "retry_after": RETRY_AFTER,
    }


def _section(name: str, rules: str, servers: str) -> str:
    return f"backend {name}\n{rules}{servers}"


def _marked(text: str) -> str:
    return f"{_MARK}{text}{_MARK}"


def spare_options(loaded: Iterable[Options]) -> Options:
    """What the spares are loaded with, beside backends with these options: the operator's locality is everybody's."""
    return Options(locality=next((options.locality for options in loaded if options.locality), ()))


def fits_spare(frame: Frame, match: Match, options: Options, spares: Options) -> bool:
    """Whether a spare backend is just what this match would have been loaded with, but for its name.

    Of a template of the operator's nobody knows: it may say something of this very host.
    """
    if frame.template.is_custom:
        return False
    own, free = Site(match=match, options=options), Site(match=spare(0), options=spares)
    return _rules(frame, own) == _rules(frame, free) and options.ssl_backend_verify is Verify.NONE


def routes_entries(matches: Mapping[Match, Maintenance | None]) -> list[tuple[str, str]]:
    """Entries of the routes map, sorted.

    A host that is known by paths only gets a root entry that leads nowhere, so that its other paths do not fall
    through to somebody's wildcard.
    """
    return _merged(_entries(match, maintenance) for match, maintenance in matches.items())


def _entries(match: Match, maintenance: Maintenance | None) -> tuple[tuple[str, str], ...]:
    own = (map_key(match), entry_of(match, maintenance))
    return (own,) if match.path == "/" else ((map_key(Match(match.host)), UNKNOWN_BACKEND), own)


def _merged(shares: Iterable[tuple[tuple[str, str], ...]]) -> list[tuple[str, str]]:
    entries: dict[str, str] = {}
    for key, entry in (each for share in shares for each in share):
        if entry != UNKNOWN_BACKEND or key not in entries:
            entries[key] = entry
    return sorted(entries.items())


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


def _rules(frame: Frame, site: Site) -> str:
    """A backend's lines but for its servers."""
    depth = site.match.path.count("/") if site.options.rewrite and site.match.path != "/" else 0
    return _lines(site.options, depth, frame.https_port)


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


def _server_lines(frame: Frame, site: Site) -> str:
    return "".join(
        f"    server {server.name} {server_arguments(site.options, server, backend_ca=frame.backend_ca)}\n"
        for server in site.servers
    )


def _map(entries: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries)
