"""A swarm's tasks and services as :class:`~interlock.core.model.Container`, so that the core need not know of swarms.

Labels are the service's own first (``deploy.labels``), then the container's.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from interlock.core.model import Attachment, Binding, Container, Phase, Port
from interlock.engines.containers import HIGHEST_PORT, Kept, checked_address, utc
from interlock.engines.swarm.documents import (
    HostPorts,
    NetworkAttachment,
    NetworkSpec,
    Node,
    PortConfig,
    Recipe,
    Service,
    ServicePoint,
    ServiceSpec,
    Task,
    TaskSpec,
    TaskStatus,
)

SHORT_ID = 12
"""Characters of a task's id in its name, as ``docker service ps`` shows it."""
NODE_LABEL = "com.docker.swarm.node.id"
SERVICE_LABEL = "com.docker.swarm.service.id"
SERVICE_NAME_LABEL = "com.docker.swarm.service.name"
TASK_LABEL = "com.docker.swarm.task.id"
TASK_NAME_LABEL = "com.docker.swarm.task.name"
SWARM_LABELS = ("com.docker.swarm.", "com.docker.stack.namespace")
"""Beginnings of the labels that are kept of a swarm's containers beside those that dialects read."""
MODE_LABEL = "com.docker.lb.backend_mode"
VIP = "vip"
"""Its value for a service that is reached at its own address only."""

_NANOSECONDS = 1_000_000_000
_HOST = "host"
_NOBODY: Mapping[str, str] = MappingProxyType({})


def task_container(
    task: Task, service: Service | None, node: Node | None, *, started_at: str, engine: str, kept: Kept
) -> Container:
    """A task as its manager tells of it: without health (it runs once it is healthy), nor what its image exposes."""
    spec = (task.Spec or TaskSpec()).ContainerSpec or Recipe()
    status = task.Status or TaskStatus()
    ports = (status.PortStatus or HostPorts()).Ports or ()
    name = service.name if service is not None else task.ServiceID or ""
    place = str(task.Slot) if task.Slot else task.NodeID or ""
    return Container(
        engine=engine,
        id=task.container_id,
        name=task_name(name, place, task.ID, node),
        image=spec.Image or "",
        hostname=spec.Hostname or "",
        environment=kept.variables(spec.Env or ()),
        labels=_labels(kept.labels(spec.Labels or {}), service, kept),
        stop_signal=spec.StopSignal or "SIGTERM",
        stop_timeout=10 if spec.StopGracePeriod is None else max(spec.StopGracePeriod // _NANOSECONDS, 1),
        created=utc(task.CreatedAt or ""),
        started_at=started_at,
        exposed=_exposed(service),
        bindings=_bindings((*ports, *_ingress_ports(service))),
        attachments=_attachments(task.NetworksAttachments or ()),
        node=node.name if node is not None else task.NodeID or "",
        node_address=checked_address(node.address) if node is not None else "",
        service=name,
        task=task.ID,
    )


def joined_container(
    container: Container, task: Task | None, service: Service | None, node: Node | None, kept: Kept
) -> Container:
    """A container as its own node tells of it, with what only a manager knows."""
    labels = container.labels
    if not (task_id := labels.get(TASK_LABEL, "")):
        return msgspec.structs.replace(
            container,
            node=node.name if node is not None else "",
            node_address=checked_address(node.address) if node is not None else "",
        )
    service_name = labels.get(SERVICE_NAME_LABEL, "")
    place = labels.get(TASK_NAME_LABEL, "").removeprefix(f"{service_name}.").removesuffix(f".{task_id}")
    return msgspec.structs.replace(
        container,
        name=task_name(service_name, place, task_id, node),
        labels=_labels(labels, service, kept),
        created=utc(task.CreatedAt or "") if task is not None else container.created,
        exposed=tuple(sorted({*container.exposed, *_exposed(service)})),
        bindings=tuple(dict.fromkeys((*container.bindings, *_bindings(_ingress_ports(service))))),
        node=node.name if node is not None else labels.get(NODE_LABEL, ""),
        node_address=checked_address(node.address) if node is not None else "",
        service=service_name,
        task=task_id,
    )


def service_container(
    service: Service, networks: Mapping[str, str], *, is_up: bool, engine: str, kept: Kept
) -> Container:
    """A service in one piece: at its virtual addresses, or, while none of its tasks runs, at none at all.

    `networks` are the names of networks by their ids.
    """
    spec = ((service.Spec or ServiceSpec()).TaskTemplate or TaskSpec()).ContainerSpec or Recipe()
    virtual = (service.Endpoint or ServicePoint()).VirtualIPs or ()
    return Container(
        engine=engine,
        id=service.ID,
        name=service.name,
        image=spec.Image or "",
        environment=kept.variables(spec.Env or ()),
        labels=_labels(kept.labels(spec.Labels or {}), service, kept),
        phase=Phase.RUNNING if is_up else Phase.CREATED,
        created=utc(service.CreatedAt or ""),
        started_at=utc(service.CreatedAt or ""),
        exposed=_exposed(service),
        attachments=tuple(
            sorted(
                Attachment(networks.get(place.NetworkID, place.NetworkID), place.NetworkID, *_pair([place.Addr or ""]))
                for place in virtual
            )
        ),
        service=service.name,
    )


def is_virtual(service: Service) -> bool:
    """Whether a service asks to be reached at its own address, rather than each of its tasks at theirs."""
    spec = ((service.Spec or ServiceSpec()).TaskTemplate or TaskSpec()).ContainerSpec or Recipe()
    return {**(spec.Labels or {}), **service.labels}.get(MODE_LABEL, "").strip().lower() == VIP


def task_name(service: str, place: str, task_id: str, node: Node | None) -> str:
    """``web.2.tkh4nm6dgj8w``; a task of a global service has its node's name for a number."""
    known = node.name if node is not None and place == node.ID else place[:SHORT_ID] if not place.isdecimal() else place
    return f"{service}.{known}.{task_id[:SHORT_ID]}"


def networks_of(tasks: Iterable[Task]) -> dict[str, str]:
    """Names of networks by their ids, as far as tasks tell them."""
    places = (place.Network for task in tasks for place in task.NetworksAttachments or ())
    return {network.ID: (network.Spec or NetworkSpec()).Name or network.ID for network in places if network is not None}


def _labels(labels: Mapping[str, str], service: Service | None, kept: Kept) -> dict[str, str]:
    return {**labels, **(kept.labels(service.labels) if service is not None else _NOBODY)}


def _ports(service: Service | None) -> list[PortConfig]:
    return ((service.Endpoint or ServicePoint()).Ports or []) if service is not None else []


def _ingress_ports(service: Service | None) -> list[PortConfig]:
    """Ports that every node publishes, and leads to any task."""
    return [port for port in _ports(service) if port.PublishMode != _HOST]


def _exposed(service: Service | None) -> tuple[Port, ...]:
    found = {Port(port.TargetPort, port.Protocol) for port in _ports(service) if 0 < port.TargetPort <= HIGHEST_PORT}
    return tuple(sorted(found))


def _bindings(ports: Iterable[PortConfig]) -> tuple[Binding, ...]:
    """Published on every address of the task's node; a swarm knows no other way."""
    found = dict.fromkeys(
        Binding(port.TargetPort, port.Protocol, "", port.PublishedPort)
        for port in ports
        if 0 < port.TargetPort <= HIGHEST_PORT and 0 < port.PublishedPort <= HIGHEST_PORT
    )
    return tuple(sorted(found))


def _attachments(places: Iterable[NetworkAttachment]) -> tuple[Attachment, ...]:
    found = []
    for place in places:
        if place.Network is not None:
            name = (place.Network.Spec or NetworkSpec()).Name or place.Network.ID
            found.append(Attachment(name, place.Network.ID, *_pair(place.Addresses or ())))
    return tuple(sorted(found))


def _pair(addresses: Iterable[str]) -> tuple[str, str]:
    """The first IPv4 and the first IPv6 address, without the lengths of their prefixes; "" for none."""
    plain = [address for text in addresses if (address := checked_address(text.partition("/")[0]))]
    return next((one for one in plain if ":" not in one), ""), next((one for one in plain if ":" in one), "")
