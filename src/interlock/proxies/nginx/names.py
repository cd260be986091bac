"""Identifiers for NGINX, made so that two different routes never meet in one name."""

import functools
import re
from hashlib import sha256

from interlock.core.model import Match

_PLAIN_HOST = re.compile(r"[a-z0-9.-]+")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_SLUG_LENGTH = 80
_WORDS_OF_A_MAP = frozenset({"default", "hostnames", "include", "volatile"})
"""What NGINX would not take for a key; host names all the same."""


@functools.lru_cache(maxsize=1 << 16)
def pool_name(match: Match) -> str:
    """The host, dots as underscores, wherever that can be undone; else with a hash of the whole match.

    It names the upstream, and stands for the match wherever the configuration speaks of it.

    >>> pool_name(Match("demo.interlock.com"))
    'demo_interlock_com'
    >>> pool_name(Match("demo.interlock.com", "/app"))
    'demo_interlock_com_app-e12f2b'
    """
    text = str(match)
    slug = _NOT_IN_A_NAME.sub("_", text)[:_SLUG_LENGTH]
    reversible = match.path == "/" and _PLAIN_HOST.fullmatch(match.host) and len(match.host) <= _SLUG_LENGTH
    if reversible and slug not in _WORDS_OF_A_MAP:
        return slug
    return f"{slug}-{sha256(text.encode()).hexdigest()[:6]}"
