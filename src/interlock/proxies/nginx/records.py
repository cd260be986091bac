"""A pool's record in NGINX's shared dictionary: what changes without a reload. `interlock.lua` reads it.

``LEAD METHOD MOST PATIENCE SLOW NAME;ADDRESS:PORT;WEIGHT;on NAME;ADDRESS:PORT;WEIGHT;off …``; LEAD is ``open``,
``gone``, or ``closed:RETRY-AFTER:MESSAGE:END`` with percent-encoded parts. A stand-by in rotation is ``standby``
instead of ``on``. Every word comes from a closed grammar.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

import msgspec

from interlock.core.model import Maintenance, Match, Options, Server
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    RemoveRoute,
    RemoveServer,
    Served,
    Step,
    WeighServer,
)
from interlock.proxies.nginx.pools import patience
from interlock.proxies.nginx.traits import retry_after
from interlock.proxies.serving.sites import Site

_SERVER = re.compile(r"([A-Za-z0-9_.-]+);([0-9a-fA-F.:\[\]]+);(\d+);(on|standby|off)")
_CLOSED = "closed:"
_STANDBY = "standby"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is served for a match."""

    leads: Lead | Maintenance = Lead.NOWHERE
    servers: Mapping[str, Served] = {}
    standbys: frozenset[str] = frozenset()
    """Those of the servers in rotation that take requests only while no other can."""

    def line(self, name: str, options: Options) -> str:
        """As it is sent, and written to disk; the options say how a server is chosen."""
        failures, seconds = patience(options)
        choice = f"{options.balance} {failures} {seconds} {options.slow_start}"
        words = [f"{n};{s.endpoint};{s.weight};{self._state_of(n)}" for n, s in self.servers.items()]
        return " ".join((name, _lead(self.leads), choice, *words)) + "\n"

    def _state_of(self, name: str) -> str:
        if not self.servers[name].takes_traffic:
            return "off"
        return _STANDBY if name in self.standbys else "on"


NO_RECORD = Record()


def record_of(site: Site) -> Record:
    """What a site should be served by."""
    leads = (site.maintenance or Lead.BACKEND) if site.routed else Lead.NOWHERE
    standbys = frozenset(server.name for server in site.servers if server.standby)
    return Record(leads=leads, servers={server.name: _served(server) for server in site.servers}, standbys=standbys)


def read(lines: str) -> dict[str, Record]:
    """Pool name -> record, from NGINX's answer."""
    found = {}
    for line in lines.splitlines():
        name, _, text = line.partition(" ")
        lead, _, rest = text.partition(" ")  # how a server is chosen is in what follows, and is skipped
        servers = {
            match[1]: Served(endpoint=match[2], weight=int(match[3]), takes_traffic=match[4] != "off")
            for match in _SERVER.finditer(rest)
        }
        standbys = frozenset(match[1] for match in _SERVER.finditer(rest) if match[4] == _STANDBY)
        found[name] = Record(leads=_read_lead(lead), servers=servers, standbys=standbys)
    return found


def after(record: Record, steps: Iterable[Step]) -> Record:
    """The record once these steps, all about one match, are done."""
    for step in steps:
        record = _after(record, step)
    return record


def _after(record: Record, step: Step) -> Record:
    servers, standbys = dict(record.servers), record.standbys
    match step:
        case AddServer(server=server) | MoveServer(server=server) | EnableServer(server=server):
            servers[server.name] = _served(server)
            standbys = standbys | {server.name} if server.standby else standbys - {server.name}
        case WeighServer(name=name, weight=weight) if name in servers:
            servers[name] = msgspec.structs.replace(servers[name], weight=weight)
        case DrainServer(name=name) if name in servers:
            servers[name] = msgspec.structs.replace(servers[name], takes_traffic=False)
        case RemoveServer(name=name):
            servers.pop(name, None)
        case AddRoute():
            return msgspec.structs.replace(record, leads=Lead.BACKEND)
        case CloseRoute(maintenance=maintenance):
            return msgspec.structs.replace(record, leads=maintenance)
        case RemoveRoute():
            return msgspec.structs.replace(record, leads=Lead.NOWHERE)
        case _:
            pass
    return msgspec.structs.replace(record, servers=servers, standbys=standbys & servers.keys())


def match_of(step: Step) -> Match | None:
    """Whom a step is about; None for a reload."""
    return getattr(step, "match", None)


def _served(server: Server) -> Served:
    return Served(endpoint=server.endpoint, weight=server.weight, takes_traffic=True)


def _lead(leads: Lead | Maintenance) -> str:
    if isinstance(leads, Maintenance):
        return _CLOSED + ":".join(quote(text, safe="") for text in (retry_after(leads), leads.message, leads.until))
    return "open" if leads is Lead.BACKEND else "gone"


def _read_lead(word: str) -> Lead | Maintenance:
    if word.startswith(_CLOSED):
        _, message, until = word.removeprefix(_CLOSED).split(":")
        return Maintenance(unquote(message), unquote(until))
    return Lead.BACKEND if word == "open" else Lead.NOWHERE
