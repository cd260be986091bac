"""Route table -> NGINX's configuration. Text in, text out.

One server block serves every host; what differs from site to site is looked up by map. That halves the time and the
memory of a reload against a block for each host (1,000 sites on NGINX 1.22: 37 against 114 ms to check, 34 against 80
MB a worker). No text of a container reaches `nginx.conf`: hosts and paths are keys of map files and names of TLS
hosts, identifiers are slugs (names.py). Files named without a folder are found beside the configuration, so that a
candidate is checked exactly as it will be loaded.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from interlock.core.model import Match, Options
from interlock.proxies.nginx.frame import CONFIG, SERVER, TLS, Certificates, Frame, Pair
from interlock.proxies.nginx.lookup import HOSTS_MAP, PATHS_MAP, hosts_map, lookup, paths_map
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.nginx.pools import has_pool, pool, shared_pool, upstream_name
from interlock.proxies.nginx.records import record_of
from interlock.proxies.nginx.traits import https_address, traits
from interlock.proxies.nginx.ways import RETRIES, Way, way_of
from interlock.proxies.serving.sites import Site

RECORDS = "records.txt"

SMALLEST_HASH = 2048
_MARK = "\0"
"""Stands for the generation in a rendered template; nowhere else in it, as NGINX takes no such character."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one configuration."""

    generation: str
    """Names all of it, but for servers that change without a reload. A running worker tells its own."""
    files: Mapping[str, str]
    """Name -> text; the one that includes the others is the last."""


class Pool(msgspec.Struct, frozen=True):
    """What a template knows of one upstream block; printed, it is the whole block."""

    name: str
    text: str
    match: Match
    options: Options

    def __str__(self) -> str:
        return self.text


class Pools(Sequence[Pool]):
    """The upstream blocks of the sites that have their own, made when a template asks; printed, it is all blocks."""

    def __init__(self, sites: Sequence[Site], frame: Frame) -> None:
        self._sites = [site for site in sites if has_pool(site, frame)]
        self._frame = frame

    def __len__(self) -> int:
        return len(self._sites)

    def __getitem__(self, number: Any) -> Any:
        site = self._sites[number]
        return Pool(upstream_name(site), pool(site, self._frame), site.match, site.options)

    def __str__(self) -> str:
        shared = (shared_pool(),) if self._frame.live is not None else ()
        return "".join((*(pool(site, self._frame) for site in self._sites), *shared))


def render(frame: Frame, sites: Sequence[Site], certificates: Certificates) -> Rendered:
    """Render everything; the same sites in the same order give the same bytes.

    Raises:
        TemplateError: a template cannot be filled in.
        PermanentError: a file of the operator's has a name that NGINX cannot read.
    """
    matches = [site.match for site in sites]
    variables = _variables(frame, sites, certificates)
    template = frame.template
    files = {
        HOSTS_MAP: hosts_map(matches),
        PATHS_MAP: paths_map(matches),
        SERVER: template.render(f"{SERVER}.j2", variables),
        TLS: template.render(f"{TLS}.j2", variables) if frame.https_port else "",
    }
    parts = template.render(f"{CONFIG}.j2", variables).split(_MARK)
    generation = sha256("\0".join((*files.values(), *parts)).encode()).hexdigest()[:16]
    if frame.live is not None:
        files[RECORDS] = "".join(record_of(site).line(pool_name(site.match), site.options) for site in sites)
    return Rendered(generation=generation, files=files | {CONFIG: generation.join(parts)})


def _variables(frame: Frame, sites: Sequence[Site], certificates: Certificates) -> dict[str, Any]:
    """What a template is given; docs/templates.md tells of each."""
    matches = [site.match for site in sites]
    return {
        "frame": frame,
        "generation": _MARK,
        "lookup": "\n".join(lookup(matches)),
        "traits": "\n".join(traits(sites, frame)),
        "pools": Pools(sites, frame),
        "containers": _containers(sites) if frame.json_log and frame.live is None else (),
        "certificates": certificates,
        "certified": _by_pair(certificates, {match.host for match in matches}),
        "ways": sorted({way_of(site.options) for site in sites if site.has_backend} - {Way()}),
        "retries": RETRIES,
        "https": https_address(frame.https_port),
        "hash_size": _hash_size(len(sites)),
        "server_file": SERVER,
        "tls_file": TLS,
    }


def _containers(sites: Iterable[Site]) -> list[tuple[str, str]]:
    """The address of every server with its name, for the log; the last of several at one address."""
    return sorted({server.endpoint: server.name for site in sites for server in site.servers}.items())


def _hash_size(entries: int) -> int:
    """Enough for NGINX not to say that it could be more; a power of two, so that it seldom changes."""
    size = SMALLEST_HASH
    while size < 2 * entries:
        size *= 2
    return size


def _by_pair(certificates: Certificates, hosts: Iterable[str]) -> list[tuple[Pair, list[str]]]:
    """Each certificate that is needed, with the hosts that it is for."""
    found: dict[Pair, list[str]] = {}
    for host in sorted(set(hosts) & certificates.of_host.keys()):
        found.setdefault(certificates.of_host[host], []).append(host)
    return sorted(found.items())
