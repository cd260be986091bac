"""What the routes map says of a match: the backend that its requests go to, or the message of a closed host.

A closed host's entry holds all of it, ``interlock_maintenance:END:MESSAGE``, so that one change of one entry closes,
and no request ever meets half of an order. The end is in Unix seconds, 0 for none; the message is percent-encoded,
so that it is one inert word wherever it goes: in the map file, in a runtime command, in an answer of HAProxy.
"""

from datetime import UTC, datetime
from urllib.parse import quote, unquote

from interlock.core.model import Maintenance, Match
from interlock.core.plan import Lead
from interlock.proxies.haproxy.names import MAINTENANCE_BACKEND, backend_name

CLOSED = f"{MAINTENANCE_BACKEND}:"
"""How the entry of a closed match begins; no backend of a match has a colon in its name."""


def entry_of(match: Match, maintenance: Maintenance | None) -> str:
    """The map's value for a match."""
    if maintenance is None:
        return backend_name(match)
    end = int(datetime.fromisoformat(maintenance.until).timestamp()) if maintenance.until else 0
    return f"{CLOSED}{end}:{quote(maintenance.message, safe='')}"


def lead_of(match: Match, entry: str) -> Lead | Maintenance:
    """What a map's value means for a match; "" stands for no entry."""
    if entry == backend_name(match):
        return Lead.BACKEND
    end, _, message = entry.removeprefix(CLOSED).partition(":")
    if not entry.startswith(CLOSED) or not end.isdecimal():
        return Lead.NOWHERE
    until = f"{datetime.fromtimestamp(int(end), UTC):%Y-%m-%dT%H:%M:%SZ}" if int(end) else ""
    return Maintenance(unquote(message), until)
