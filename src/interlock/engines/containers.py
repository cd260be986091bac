"""An engine's documents as :class:`~interlock.core.model.Container`."""

import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from sys import intern
from types import MappingProxyType

import msgspec

from interlock.core.model import Attachment, Binding, Container, Health, Phase, Port
from interlock.engines.documents import (
    HEALTHS,
    Addresses,
    Creation,
    Entry,
    HealthState,
    Inspected,
    Placement,
    RunState,
    SwarmNode,
)

HIGHEST_PORT = 65535

_COMPOSE = frozenset({"com.docker.compose.project", "com.docker.compose.service"})
"""Labels that are kept whatever the dialects read: they name the application in explanations."""

_PHASES = MappingProxyType(
    {phase.value: phase for phase in Phase}
    # Podman's own words, where its Docker-compatible answers let them through.
    | {"configured": Phase.CREATED, "initialized": Phase.CREATED, "stopped": Phase.EXITED, "stopping": Phase.EXITED}
)

_PHASE_IN_STATUS = MappingProxyType(
    {
        "Up": Phase.RUNNING,
        "Restarting": Phase.RESTARTING,
        "Removal": Phase.REMOVING,
        "Created": Phase.CREATED,
        "Dead": Phase.DEAD,
    }
)
"""First word of Status -> phase."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))")
_NEVER = "0001-01-01T00:00:00Z"
"""How Go writes no time at all."""


class Kept(msgspec.Struct, frozen=True):
    """What is kept of a container's environment and labels. The rest may hold passwords and is never looked at.

    Names that thousands of containers share are kept once (`intern`), as are networks, images and nodes.
    """

    environment: frozenset[str] = frozenset()
    """Names of variables."""
    label_prefixes: tuple[str, ...] = ()
    """How the names of labels begin, in lower case; compared whatever the case, so that near misses get reported."""

    def variables(self, entries: Iterable[str]) -> dict[str, str]:
        """``NAME=value`` entries as a mapping. The first of a name wins; an entry without "=" says nothing."""
        found: dict[str, str] = {}
        for entry in entries:
            name, equals, value = entry.partition("=")
            if equals and name in self.environment:
                found.setdefault(intern(name), value)
        return found

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        return {
            intern(name): labels[name]
            for name in sorted(labels)
            if name in _COMPOSE or name.lower().startswith(self.label_prefixes)
        }


def inspected_container(document: Inspected, *, engine: str, kept: Kept) -> Container:
    """A container from its inspect document, which tells everything."""
    state = document.State or RunState()
    config = document.Config or Creation()
    settings = document.NetworkSettings or Addresses()
    node = document.Node or SwarmNode()
    published = settings.Ports or {}
    return Container(
        engine=engine,
        id=document.Id,
        name=document.Name.removeprefix("/"),
        image=intern(config.Image or ""),
        hostname=config.Hostname or "",
        domainname=config.Domainname or "",
        environment=kept.variables(config.Env or ()),
        labels=kept.labels(config.Labels or {}),
        phase=_phase(state),
        health=HEALTHS.get((state.Health or HealthState()).Status or "", Health.NONE),
        stop_signal=intern(config.StopSignal or "SIGTERM"),
        stop_timeout=10 if config.StopTimeout is None else config.StopTimeout,
        created=utc(document.Created or ""),
        started_at=utc(state.StartedAt or ""),
        restarts=document.RestartCount or 0,
        exposed=_exposed(_port(key) for key in (*(config.ExposedPorts or ()), *published)),
        bindings=_bindings(
            (_port(key), binding.HostIp, _number(binding.HostPort))
            for key, bindings in published.items()
            for binding in bindings or ()
        ),
        attachments=_attachments(settings),
        network_mode=intern((document.HostConfig or Placement()).NetworkMode or ""),
        node=intern(node.Name or ""),
        node_address=checked_address(node.IP),
    )


def listed_container(entry: Entry, *, engine: str, kept: Kept) -> Container:
    """A container from its list entry, which tells neither environment nor host name nor when it started."""
    ports = [(Port(port.PrivatePort, port.Type), port.IP, port.PublicPort) for port in entry.Ports or ()]
    name, node = _canonical_name(entry.Names or ())
    return Container(
        engine=engine,
        id=entry.Id,
        name=name,
        image=intern(entry.Image or ""),
        labels=kept.labels(entry.Labels or {}),
        phase=_listed_phase(entry),
        health=entry.told_health or Health.NONE,
        created="" if entry.Created is None else str(entry.Created),
        exposed=_exposed(port for port, _, _ in ports),
        bindings=_bindings(ports),
        attachments=_attachments(entry.NetworkSettings or Addresses()),
        network_mode=intern((entry.HostConfig or Placement()).NetworkMode or ""),
        node=intern(node),
    )


def _canonical_name(names: Iterable[str]) -> tuple[str, str]:
    """Name and classic Swarm node.

    ``/web`` on an engine, ``/node/web`` under a classic Swarm manager; each link to it adds a longer name,
    ``/other/alias``. So its own name is the one with the fewest slashes.
    """
    own = min(names, key=lambda name: (name.count("/"), name), default="")
    node, _, name = own.strip("/").rpartition("/")
    return name, node


def _phase(state: RunState) -> Phase:
    """The word where it is known. An unknown one, or none, is as good as its flags."""
    if (phase := _PHASES.get(state.Status or "")) is not None:
        return phase
    flags = (
        (state.Paused, Phase.PAUSED),
        (state.Restarting, Phase.RESTARTING),
        (state.Running, Phase.RUNNING),
        (state.Dead, Phase.DEAD),
    )
    return next((phase for is_set, phase in flags if is_set), Phase.EXITED)


def _listed_phase(entry: Entry) -> Phase:
    if entry.is_on_lost_node:
        return Phase.DEAD
    if (said := _PHASES.get(entry.State or "")) is not None:
        return said
    status = entry.Status or ""
    phase = _PHASE_IN_STATUS.get(status.partition(" ")[0], Phase.EXITED)
    return Phase.PAUSED if phase is Phase.RUNNING and status.endswith("(Paused)") else phase


def _exposed(ports: Iterable[Port | None]) -> tuple[Port, ...]:
    return tuple(sorted({port for port in ports if port is not None}))


def _bindings(published: Iterable[tuple[Port | None, str | None, int | None]]) -> tuple[Binding, ...]:
    """By port; for each IPv4 before IPv6, and then as the engine has them.

    Classic Swarm writes the node's address over both, so that only their order tells which is which; engine 20.10
    may have given them different host ports.
    """
    found = dict.fromkeys(
        Binding(port.number, port.protocol, address, host_port)
        for port, host_ip, host_port in published
        if port is not None and host_port and (address := checked_address(host_ip)) == (host_ip or "")
    )
    return tuple(sorted(found, key=lambda binding: (binding.port, binding.protocol, ":" in binding.host_ip)))


def _attachments(settings: Addresses) -> tuple[Attachment, ...]:
    networks = settings.Networks or {}
    found = [
        Attachment(
            intern(name),
            intern(network.NetworkID or ""),
            checked_address(network.IPAddress),
            checked_address(network.GlobalIPv6Address),
        )
        for name, network in networks.items()
        if network is not None
    ]
    if not networks and (address := checked_address(settings.IPAddress)):
        found.append(Attachment("bridge", "", address))
    return tuple(sorted(found))


def _port(key: str) -> Port | None:
    """``5000/tcp``, or None for what is no port."""
    number, _, protocol = key.partition("/")
    parsed = _number(number)
    return Port(parsed, protocol or "tcp") if parsed else None


def _number(text: str | None) -> int | None:
    if not text or not text.isascii() or not text.isdecimal() or len(text) > len(str(HIGHEST_PORT)):
        return None
    return number if 0 < (number := int(text)) <= HIGHEST_PORT else None


@functools.lru_cache(maxsize=1 << 16)
def checked_address(text: str | None) -> str:
    """An IP address as it stands; "" for none, and for anything else: a file may hold what no engine would say."""
    if not text:
        return ""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return ""
    return text


def utc(text: str) -> str:
    """An RFC 3339 time in UTC with nine decimals, so that text order is time order (Go cuts trailing zeros).

    "" stands for Go's zero time; what is no time stays as it is.
    """
    match = _TIME.fullmatch(text)
    if match is None or text == _NEVER:
        return "" if text == _NEVER else text
    whole, fraction, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC) - offset
    except (ValueError, OverflowError):
        return text
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{fraction or '':0<9}Z"
