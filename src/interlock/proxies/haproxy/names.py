"""Identifiers for HAProxy, made so that two different routes never meet in one name."""

import re
from functools import lru_cache
from hashlib import sha256

from interlock.core.model import Match

UNKNOWN_BACKEND = "interlock_unknown"
"""The backend of requests that nobody asked for."""
MAINTENANCE_BACKEND = "interlock_maintenance"
"""The backend of requests for a closed host."""
PAGES_BACKEND = "interlock_pages"
"""The backend of the operator's pages: statistics and metrics."""

_PLAIN_HOST = re.compile(r"[a-z0-9.-]+")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_SLUG_LENGTH = 80


@lru_cache(maxsize=1 << 16)
def backend_name(match: Match) -> str:
    """The original's name, dots as underscores, wherever that can be undone; else with a hash of the whole match.

    >>> backend_name(Match("demo.interlock.com"))
    'demo_interlock_com'
    >>> backend_name(Match("demo_interlock.com"))
    'demo_interlock_com-2d15f8'
    """
    text = str(match)
    slug = _NOT_IN_A_NAME.sub("_", text.replace(".", "_"))[:_SLUG_LENGTH]
    reversible = match.path == "/" and _PLAIN_HOST.fullmatch(match.host) and len(match.host) <= _SLUG_LENGTH
    if reversible and slug not in {UNKNOWN_BACKEND, MAINTENANCE_BACKEND, PAGES_BACKEND}:
        return slug
    return f"{slug}-{sha256(text.encode()).hexdigest()[:6]}"


def map_key(match: Match) -> str:
    """What the routes map is searched for by longest prefix: host, path, and a slash that ends the last segment.

    >>> map_key(Match("demo.interlock.com", "/app"))
    'demo.interlock.com/app/'
    """
    return f"{match.host}/" if match.path == "/" else f"{match.host}{match.path}/"


def match_of(key: str) -> Match:
    """The match that a key of the routes map stands for.

    >>> match_of("demo.interlock.com/app/")
    Match(host='demo.interlock.com', path='/app')
    """
    host, _, rest = key.partition("/")
    return Match(host, f"/{rest}".removesuffix("/") or "/")
