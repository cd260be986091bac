"""Whose fault it is that NGINX refuses a configuration: its message names a file and a line."""

import re
from collections.abc import Mapping, Sequence

from interlock.core.model import Match
from interlock.proxies.nginx.lookup import HOSTS_MAP, PATHS_MAP
from interlock.proxies.nginx.names import pool_name
from interlock.proxies.serving.sites import Site

_PLACE = re.compile(r"\[emerg\].* in \S*/([^/\s]+):(\d+)$", re.MULTILINE)


def culprits(output: str, texts: Mapping[str, str], sites: Sequence[Site]) -> set[Match]:
    """The sites that the first message points at; none where it does not say, or where it is nobody's line."""
    by_name = {pool_name(site.match): site.match for site in sites}
    place = _PLACE.search(output)
    if place is None:
        return set()
    name, number = place[1], int(place[2])
    if name in {HOSTS_MAP, PATHS_MAP}:
        entry = texts[name].splitlines()[number - 1]
        found = entry.rstrip(";").rpartition(" ")[2]
    else:
        found = _pool_at(texts.get(name, list(texts.values())[-1]), number)
    return {by_name[found]} if found in by_name else set()


def _pool_at(config: str, number: int) -> str:
    """The pool whose block holds a line; "" for a line of nobody's."""
    for line in reversed(config.splitlines()[:number]):
        words = line.split()
        if words[:1] == ["upstream"]:
            return words[1].partition("_")[2]
        if words == ["}"] and line.startswith("    }"):
            return ""
    return ""
