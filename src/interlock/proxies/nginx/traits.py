"""The options of sites -> maps from a site's name to what it wants; requests ask them in `server.conf`."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime

from interlock.core.model import Maintenance
from interlock.proxies.nginx.frame import Frame
from interlock.proxies.nginx.lookup import depth_of
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.nginx.pools import SHARED, has_pool, upstream_name
from interlock.proxies.nginx.quoting import literal
from interlock.proxies.nginx.ways import way_of
from interlock.proxies.serving.sites import Site

RETRY_AFTER = 60
"""Seconds after which a visitor of a closed host may ask again, where its end is not known."""
USUAL_HTTPS_PORT = 443


def traits(sites: Sequence[Site], frame: Frame) -> list[str]:
    """The directives of all that differs from site to site."""
    strips = _strips(sites)
    return [
        *_answers(sites, frame),
        *_map("interlock_site", "interlock_https_only", _those(sites, lambda site: site.options.ssl_only, "1")),
        'map "$interlock_https_only$interlock_proto" $interlock_to_https {',
        '    "~*^1https$" "";',
        '    "~^1" 1;',
        "}",
        *_map(
            "interlock_site",
            "interlock_scheme",
            _those(sites, lambda site: site.options.ssl_backend, "https"),
            default="http",
        ),
        *_map("interlock_site", "interlock_way", _ways(sites)),
        *_map("interlock_site", "interlock_pool", _pools(sites, frame), default=SHARED if frame.live else '""'),
        *_rests(set(strips.values())),
        *_map(
            "interlock_site",
            "interlock_uri",
            [(name, f"$interlock_rest_{depth}") for name, depth in strips.items()],
            default="$request_uri",
        ),
    ]


def https_address(port: int) -> str:
    """Host and port of the same URL over HTTPS; without a port where it is the usual one, or not ours."""
    return "https://$host" + (f":{port}" if port not in {0, USUAL_HTTPS_PORT} else "")


def _answers(sites: Sequence[Site], frame: Frame) -> list[str]:
    """What is answered without a container: by the maps, or in live mode by the Lua that knows more."""
    if frame.live is not None:
        return []
    answers = [(pool_name(site.match), answer) for site in sites if (answer := _answer(site, frame))]
    closed = [(pool_name(site.match), site.maintenance) for site in sites if site.maintenance is not None]
    messages = [(name, literal(maintenance.message)) for name, maintenance in closed]
    return [
        *_map("interlock_site", "interlock_answer", [('""', "unknown"), *answers]),
        *_map("interlock_site", "interlock_message", messages),
        *_map("interlock_site", "interlock_retry_after", [(name, f'"{retry_after(m)}"') for name, m in closed]),
    ]


def _answer(site: Site, frame: Frame) -> str:
    if site.maintenance is not None:
        return "closed"
    return "" if has_pool(site, frame) else "idle"


def retry_after(maintenance: Maintenance) -> str:
    """When the end is known, that time, since NGINX cannot reckon with times (RFC 9110, 10.2.3 allows both)."""
    if not maintenance.until:
        return str(RETRY_AFTER)
    return format_datetime(datetime.fromisoformat(maintenance.until), usegmt=True)


def _pools(sites: Iterable[Site], frame: Frame) -> list[tuple[str, str]]:
    return [(pool_name(site.match), upstream_name(site)) for site in sites if has_pool(site, frame)]


def _ways(sites: Iterable[Site]) -> list[tuple[str, str]]:
    return [(pool_name(site.match), name) for site in sites if site.has_backend and (name := way_of(site.options).name)]


def _strips(sites: Iterable[Site]) -> dict[str, int]:
    """Site -> how many segments are stripped off its requests' paths."""
    return {pool_name(site.match): depth for site in sites if site.options.rewrite and (depth := depth_of(site.match))}


def _rests(depths: Iterable[int]) -> Iterable[str]:
    """What is left of the request's URI without so many segments; "" where there is not even a slash."""
    for depth in sorted(depths):
        yield from _map("request_uri", f"interlock_rest_{depth}", [(f'"~^(?:/[^/?#]*){{{depth}}}(/.*)$"', '"$1"')])


def _those(sites: Iterable[Site], wanted: Callable[[Site], bool], value: str) -> list[tuple[str, str]]:
    return [(pool_name(site.match), value) for site in sites if wanted(site)]


def _map(source: str, target: str, entries: Iterable[tuple[str, str]], *, default: str = '""') -> list[str]:
    return [
        f"map ${source} ${target} {{",
        f"    default {default};",
        *(f"    {name} {value};" for name, value in entries),
        "}",
    ]
