"""What a proxy is told to serve, and what survives of it: the words between a route table and a configuration."""

from collections.abc import Iterable

import msgspec

from interlock.core.model import Maintenance, Match, Options, Server


class Site(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One match to be rendered, mostly with a backend."""

    match: Match
    options: Options
    servers: tuple[Server, ...] = ()
    """Those in rotation."""
    routed: bool = True
    """False for a backend that is loaded, but that nobody asks for any more."""
    has_backend: bool = True
    """False for a closed match that nothing has been loaded for."""
    maintenance: Maintenance | None = None
    """What its requests are answered instead, while its host is closed."""


class LastGood(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was served last, in our own words; the configuration is rendered from it anew."""

    generation: str = ""
    sites: tuple[Site, ...] = ()


def written(generation: str, sites: Iterable[Site]) -> bytes:
    """The :class:`LastGood` of these in JSON, made site by site: all at once would hold up other threads for long."""
    encode = msgspec.json.Encoder().encode
    return encode({"generation": generation, "sites": [msgspec.Raw(encode(site)) for site in sites]})
