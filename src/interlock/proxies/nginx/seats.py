"""New hosts that are served before anything is loaded for them: with Lua, all that makes them differ is data.

What is seated stays so until the next reload that happens anyway, which gives it a pool of its own.
"""

from collections.abc import Collection

import msgspec

from interlock.core.model import Match, Options
from interlock.proxies.nginx.lookup import depth_of
from interlock.proxies.nginx.names import pool_name

FREE = ("balance", "check", "check_interval", "slow_start", "locality", "ssl_backend_verify", "websocket_endpoints")
"""Fields of Options that take no reload: the record has the first five, and the last two need nothing."""
_PLAIN = Options()


def fits(match: Match, options: Options, hosts: Collection[str]) -> bool:
    """Whether a match can be seated; `hosts` are those (and wildcards) that the loaded configuration knows."""
    if depth_of(match) or match.host.startswith("*") or match.host in hosts:
        return False
    if msgspec.structs.replace(options, **{name: getattr(_PLAIN, name) for name in FREE}) != _PLAIN:
        return False
    labels = match.host.split(".")
    return not any("*." + ".".join(labels[start:]) in hosts for start in range(1, len(labels)))


def line(match: Match) -> str:
    """Tells NGINX whose record counts for the host."""
    return f"@{match.host} {pool_name(match)}\n"
