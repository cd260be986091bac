"""The shape of an engine's documents: inspect and list, as far as routing needs them.

Whatever Go leaves out or writes as null is read as absent. Field names are the Docker API's own.
"""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import TypeVar

import msgspec

from interlock.core import model
from interlock.core.problems import TemporaryError, shown
from interlock.engines.mending import decode_leniently

HEALTHS = MappingProxyType({health.value: health for health in model.Health})

AT_A_STRETCH = 256
"""Entries that are dealt with before others get their turn: some milliseconds."""

_HEALTH_IN_STATUS = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)$")


class Attached(msgspec.Struct, gc=False):
    """A container's place on one network."""

    NetworkID: str | None = None
    IPAddress: str | None = None
    GlobalIPv6Address: str | None = None


class Published(msgspec.Struct, gc=False):
    """Where a port is published."""

    HostIp: str | None = None
    HostPort: str | None = None


class Addresses(msgspec.Struct, gc=False):
    """Addresses and published ports."""

    IPAddress: str | None = None
    """Of the default bridge; the only address that API < 1.21 tells."""
    Ports: dict[str, list[Published] | None] | None = None
    """``5000/tcp`` -> where it is published."""
    Networks: dict[str, Attached | None] | None = None


class HealthState(msgspec.Struct, gc=False):
    """Missing for a container without HEALTHCHECK."""

    Status: str | None = None


class RunState(msgspec.Struct, gc=False):
    """Whether it runs."""

    Status: str | None = None
    """Missing before API 1.21, where the flags say it."""
    Running: bool = False
    Paused: bool = False
    Restarting: bool = False
    Dead: bool = False
    StartedAt: str | None = None
    Health: HealthState | None = None


class Creation(msgspec.Struct, gc=False):
    """What it was created from."""

    Hostname: str | None = None
    Domainname: str | None = None
    Env: list[str] | None = None
    Labels: dict[str, str] | None = None
    Image: str | None = None
    ExposedPorts: dict[str, msgspec.Raw] | None = None
    StopSignal: str | None = None
    StopTimeout: int | None = None
    """Seconds."""


class Placement(msgspec.Struct, gc=False):
    """How it sits on its host."""

    NetworkMode: str | None = None


class SwarmNode(msgspec.Struct, gc=False):
    """Only a classic Swarm manager writes one."""

    Name: str | None = None
    IP: str | None = None


class Inspected(msgspec.Struct, gc=False):
    """``GET /containers/{id}/json``."""

    Id: str
    Name: str = ""
    Created: str | None = None
    RestartCount: int | None = None
    State: RunState | None = None
    Config: Creation | None = None
    HostConfig: Placement | None = None
    NetworkSettings: Addresses | None = None
    Node: SwarmNode | None = None


class ListedPort(msgspec.Struct, gc=False):
    """A port, once for each address that it is published on."""

    PrivatePort: int
    PublicPort: int | None = None
    IP: str | None = None
    Type: str = "tcp"


class Entry(msgspec.Struct, gc=False):
    """One element of ``GET /containers/json``."""

    Id: str
    Names: list[str] | None = None
    Image: str | None = None
    Created: int | float | str | None = None
    """Unix seconds."""
    Ports: list[ListedPort] | None = None
    Labels: dict[str, str] | None = None
    State: str | None = None
    """Missing before API 1.23, where Status begins with a word for it."""
    Status: str | None = None
    Health: HealthState | None = None
    """Since API 1.52."""
    HostConfig: Placement | None = None
    NetworkSettings: Addresses | None = None

    @property
    def told_health(self) -> model.Health | None:
        """None where the list does not tell: Podman's never does, Docker's not of a paused container."""
        if self.Health is not None and self.Health.Status:
            return HEALTHS.get(self.Health.Status, model.Health.NONE)
        match = _HEALTH_IN_STATUS.search(self.Status or "")
        return model.Health(match[1]) if match else None

    @property
    def is_up(self) -> bool:
        return not self.is_on_lost_node and (self.Status or "").startswith("Up")

    @property
    def is_on_lost_node(self) -> bool:
        """Whether a classic Swarm manager lost its node. It still says "running", but ``docker ps`` hides it."""
        return self.Status == "Host Down"


_Document = TypeVar("_Document")

_inspected = msgspec.json.Decoder(Inspected)
_entry = msgspec.json.Decoder(Entry)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def decode_inspected(data: bytes | msgspec.Raw) -> Inspected:
    """Raises TemporaryError for what is no inspect document."""
    return _decode(_inspected, bytes(data), "inspect document")


def decode_entry(data: bytes | msgspec.Raw) -> Entry:
    """Raises TemporaryError for what is no list entry."""
    return _decode(_entry, bytes(data), "entry of a list of containers")


def decode_entries(data: bytes) -> Iterator[Entry]:
    """The entries of a list, one by one, so that others get their turn in between.

    Raises TemporaryError for what is no list.
    """
    documents = _decode(_list, data, "list of containers")
    return map(decode_entry, documents)


def _decode(decoder: msgspec.json.Decoder[_Document], data: bytes, what: str) -> _Document:
    try:
        return decode_leniently(decoder, data)
    except ValueError as error:
        raise TemporaryError(f"no {what}: {shown(str(error))}") from error
