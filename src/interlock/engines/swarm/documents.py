"""The shape of a swarm's documents: services, tasks and nodes, as far as routing needs them.

Field names are the Docker API's own. Whatever Go leaves out or writes as null is read as absent.
"""

from typing import TypeVar

import msgspec

from interlock.core.problems import TemporaryError, shown
from interlock.engines.mending import decode_leniently

_Document = TypeVar("_Document")


class Edition(msgspec.Struct, frozen=True):
    """Of one object of the swarm; higher with each change of it."""

    Index: int = 0


class PortConfig(msgspec.Struct, frozen=True):
    """A published port."""

    Protocol: str = "tcp"
    TargetPort: int = 0
    PublishedPort: int = 0
    """0 where none has been given yet."""
    PublishMode: str = "ingress"
    """``ingress`` (every node, any task) or ``host`` (the task's own node)."""


class Recipe(msgspec.Struct, frozen=True):
    """What a task's container is made from."""

    Image: str | None = None
    Labels: dict[str, str] | None = None
    Env: list[str] | None = None
    Hostname: str | None = None
    StopSignal: str | None = None
    StopGracePeriod: int | None = None
    """Nanoseconds."""


class TaskSpec(msgspec.Struct, frozen=True):
    """What a task is made from."""

    ContainerSpec: Recipe | None = None


class NetworkSpec(msgspec.Struct, frozen=True):
    """Of a network of the swarm."""

    Name: str | None = None


class SwarmNetwork(msgspec.Struct, frozen=True):
    """A network of the swarm, as a task has it with each attachment."""

    ID: str = ""
    Spec: NetworkSpec | None = None


class NetworkAttachment(msgspec.Struct, frozen=True):
    """A task's place on one network."""

    Network: SwarmNetwork | None = None
    Addresses: list[str] | None = None
    """With the length of the prefix: ``10.0.1.2/24``."""


class RunningContainer(msgspec.Struct, frozen=True):
    """A task's container."""

    ContainerID: str | None = None


class HostPorts(msgspec.Struct, frozen=True):
    """Host-mode ports of a task; engine 20.10 tells each twice, for IPv4 and for IPv6."""

    Ports: list[PortConfig] | None = None


class TaskStatus(msgspec.Struct, frozen=True):
    """How a task is, by the word of its node."""

    Timestamp: str | None = None
    State: str | None = None
    ContainerStatus: RunningContainer | None = None
    PortStatus: HostPorts | None = None


class Task(msgspec.Struct, frozen=True):
    """One element of ``GET /tasks``."""

    ID: str
    Version: Edition = Edition()
    CreatedAt: str | None = None
    Spec: TaskSpec | None = None
    ServiceID: str | None = None
    Slot: int | None = None
    """From 1; absent for a task of a global service."""
    NodeID: str | None = None
    Status: TaskStatus | None = None
    DesiredState: str | None = None
    NetworksAttachments: list[NetworkAttachment] | None = None

    @property
    def container_id(self) -> str:
        """Id of its container; "" before there is one."""
        status = (self.Status or TaskStatus()).ContainerStatus or RunningContainer()
        return status.ContainerID or ""

    @property
    def is_running(self) -> bool:
        """Whether its node says so. A node that is lost keeps saying it."""
        return (self.Status or TaskStatus()).State == "running"

    @property
    def is_wanted(self) -> bool:
        """Whether it shall go on running; what is not wanted any more gets SIGTERM about three seconds later."""
        return self.DesiredState == "running"


class VirtualIP(msgspec.Struct, frozen=True):
    """A service's own address on one network."""

    NetworkID: str = ""
    Addr: str | None = None
    """With the length of the prefix."""


class ServicePoint(msgspec.Struct, frozen=True):
    """How a service is reached."""

    Ports: list[PortConfig] | None = None
    VirtualIPs: list[VirtualIP] | None = None


class ServiceSpec(msgspec.Struct, frozen=True):
    """What a service is made from."""

    Name: str | None = None
    Labels: dict[str, str] | None = None
    TaskTemplate: TaskSpec | None = None


class Service(msgspec.Struct, frozen=True):
    """One element of ``GET /services``."""

    ID: str
    Version: Edition = Edition()
    CreatedAt: str | None = None
    Spec: ServiceSpec | None = None
    Endpoint: ServicePoint | None = None

    @property
    def name(self) -> str:
        return (self.Spec or ServiceSpec()).Name or self.ID

    @property
    def labels(self) -> dict[str, str]:
        """Its own (``deploy.labels`` of a Compose file), not those of its containers."""
        return (self.Spec or ServiceSpec()).Labels or {}


class NodeStatus(msgspec.Struct, frozen=True):
    """How a node is."""

    State: str | None = None
    """``ready``, ``down``, ``disconnected``, or ``unknown`` (just after a change of leader)."""
    Addr: str | None = None


class ManagerState(msgspec.Struct, frozen=True):
    """Only a manager has one."""

    Addr: str | None = None
    """With a port: ``10.0.0.5:2377``."""


class NodeDescription(msgspec.Struct, frozen=True):
    """What a node says of itself."""

    Hostname: str | None = None


class Node(msgspec.Struct, frozen=True):
    """One element of ``GET /nodes``."""

    ID: str
    Version: Edition = Edition()
    Description: NodeDescription | None = None
    Status: NodeStatus | None = None
    ManagerStatus: ManagerState | None = None

    @property
    def name(self) -> str:
        return (self.Description or NodeDescription()).Hostname or self.ID

    @property
    def is_lost(self) -> bool:
        """Whether the managers have given it up.

        A node that is ``unknown`` is not: every node is, for a moment, after a change of leader.
        """
        return (self.Status or NodeStatus()).State in {"down", "disconnected"}

    @property
    def address(self) -> str:
        """Where its published ports are. A manager may say 0.0.0.0 of itself, and the truth beside it."""
        told = (self.Status or NodeStatus()).Addr or ""
        if told in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared with, never listened on
            return ((self.ManagerStatus or ManagerState()).Addr or "").rpartition(":")[0].strip("[]")
        return told


_tasks = msgspec.json.Decoder(list[Task])
_services = msgspec.json.Decoder(list[Service])
_nodes = msgspec.json.Decoder(list[Node])


def decode_tasks(data: bytes) -> list[Task]:
    """Raises TemporaryError for what is no list of tasks."""
    return _decode(_tasks, data, "list of tasks")


def decode_services(data: bytes) -> list[Service]:
    """Raises TemporaryError for what is no list of services."""
    return _decode(_services, data, "list of services")


def decode_nodes(data: bytes) -> list[Node]:
    """Raises TemporaryError for what is no list of nodes."""
    return _decode(_nodes, data, "list of nodes")


def _decode(decoder: msgspec.json.Decoder[_Document], data: bytes, what: str) -> _Document:
    try:
        return decode_leniently(decoder, data)
    except ValueError as error:
        raise TemporaryError(f"no {what}: {shown(str(error))}") from error
