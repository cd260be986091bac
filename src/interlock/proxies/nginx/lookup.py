"""Host and path -> site: the maps that NGINX finds a request's pool by.

``hosts.map`` knows hosts and wildcards, ``paths.map`` a host's paths; only these files hold text of containers, always
as a quoted key. NGINX compares the keys of a map whatever their case, which suits hosts. For paths, a prefix with a
capital in it is looked up behind a mark that no other key has, and is found by a case-sensitive pattern.
"""

import re
from collections.abc import Iterable, Sequence

from interlock.core.model import Match
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.nginx.quoting import key, quoted

HOSTS_MAP = "hosts.map"
PATHS_MAP = "paths.map"

_CAPITAL = "^"
"""Marks a prefix with a capital letter; in no host's name and in no path."""
_SPECIAL = re.compile(r"[.+]")
"""What means something in a pattern, of all that a path may hold."""


def depth_of(match: Match) -> int:
    """Segments of a match's path.

    >>> depth_of(Match("a.com")), depth_of(Match("a.com", "/app/v2"))
    (0, 2)
    """
    return 0 if match.path == "/" else match.path.count("/")


def hosts_map(matches: Iterable[Match]) -> str:
    """Every host that is known at all, so that its other paths do not fall through to somebody's wildcard."""
    hosts = sorted({match.host for match in matches})
    return "".join(f"{key(host)} {pool_name(Match(host))};\n" for host in hosts)


def paths_map(matches: Iterable[Match]) -> str:
    """The sites with a path, of whatever depth."""
    return "".join(f"{_path_key(match)} {pool_name(match)};\n" for match in sorted(matches) if depth_of(match))


def lookup(matches: Sequence[Match]) -> list[str]:
    """Directives that set ``$interlock_site`` to the name of the longest prefix's pool; "" where nobody asked."""
    roots = {match.host for match in matches if depth_of(match) == 0}
    rootless = sorted({pool_name(Match(match.host)) for match in matches} - {pool_name(Match(host)) for host in roots})
    deepest = max(map(depth_of, matches), default=0)
    lines = [
        "map $host $interlock_host {",
        "    hostnames;",
        f"    include {HOSTS_MAP};",
        "}",
        f"map $interlock_host ${_site(0, deepest)} {{",
        "    default $interlock_host;",
        *(f'    {name} "";' for name in rootless),
        "}",
    ]
    for depth in range(1, deepest + 1):
        lines += _level(depth, deepest)
    return lines


def _level(depth: int, deepest: int) -> list[str]:
    """The prefix of so many segments, and the site that has it; else the one of the next shorter prefix."""
    plain, any_ = rf"(?:/[^/?#A-Z]*){{{depth}}}", rf"(?:/[^/?#]*){{{depth}}}"
    return [
        f"map $request_uri $interlock_prefix_{depth} {{",
        f'    "~^({plain})(?:[/?#]|$)" "$1";',
        f'    "~^({any_})(?:[/?#]|$)" "{_CAPITAL}$1";',
        "}",
        f'map "$interlock_host$interlock_prefix_{depth}" ${_site(depth, deepest)} {{',
        f"    default ${_site(depth - 1, deepest)};",
        f"    include {PATHS_MAP};",
        "}",
    ]


def _site(depth: int, deepest: int) -> str:
    return "interlock_site" if depth == deepest else f"interlock_site_{depth}"


def _path_key(match: Match) -> str:
    host = pool_name(Match(match.host))
    if match.path == match.path.lower():
        return key(f"{host}{match.path}")
    pattern = _SPECIAL.sub(r"[\g<0>]", match.path)
    return quoted(f"~^{host}\\{_CAPITAL}{pattern}$")
