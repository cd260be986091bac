"""Where a container is reached: container and view -> address | problem.

The first way that leads there is taken, always the same for the same container and view; what a container named and
does not have is a problem, never a guess.
"""

import enum
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from interlock.core.events import View
from interlock.core.model import Attachment, Binding, Container, RouteRequest
from interlock.core.problems import Problem, Severity, shown

EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, never listened on
"""Host addresses of a published port that stand for all of the node's."""
LOOPBACK = "127.0.0.1"
NO_NETWORKS = frozenset({"host", "none", "ingress"})
"""Docker networks on which a container has no address that anybody could be told to use."""

LISTED = 10
"""Ports or networks that a message lists; a container may expose a range of thousands."""


class Via(enum.StrEnum):
    """How a container is reached."""

    NAMED_NETWORK = "named network"
    SHARED_NETWORK = "shared network"
    LOCAL_NETWORK = "local network"
    PUBLISHED = "published port"
    OVERRIDE = "override address"
    HOST_NETWORK = "host network"


class Address(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where the proxy connects to."""

    address: str
    port: int
    via: Via
    why: str
    """For the log: one clause."""

    @property
    def endpoint(self) -> str:
        """``address:port``, an IPv6 address in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class _Place(NamedTuple):
    """An address on a network."""

    network: str
    address: str


class _Dead(msgspec.Struct, frozen=True):
    """A way that was meant but leads nowhere, for this reason."""

    field: str
    """Of the request, whose origin the problem names."""
    value: object
    what: str
    fix: str


def locate(request: RouteRequest, container: Container, view: View) -> Address | Problem:
    """Find the address at which a container is reached from where Interlock stands.

    The order: a network that the container named; a published port on the address that the operator named; the
    container's own address on a network near to us; a published port on its node; the host's network.
    """
    way = _way(request, container, view)
    if isinstance(way, Address):
        return way
    return Problem(
        container=container.name,
        container_id=container.id,
        engine=container.engine,
        key=request.origin(way.field),
        value=shown(way.value),
        what=way.what,
        fix=way.fix,
        severity=Severity.ERROR,
    )


def _way(request: RouteRequest, container: Container, view: View) -> Address | _Dead:
    if view.own_container and container.id == view.own_container:
        return _Dead("matches", str(request.matches[0]), "is Interlock's own container", "ask for no route here")
    if request.network is not None:
        return _on_named_network(request, container)
    for way in _ON_PAPER if view.on_paper else _LIVE:
        if (found := way(request, container, view)) is not None:
            return found
    return _unreachable(request, container)


def _on_named_network(request: RouteRequest, container: Container) -> Address | _Dead:
    """Its network and port are taken at their word: a port need not be exposed there."""
    network = request.network
    found = _first_address(place for place in container.attachments if network in {place.network, place.network_id})
    if found is None:
        what = f"is not a network that the container has an address on; it has {_networks(container)}"
        return _Dead("network", network, what, f"run `docker network connect {network} {shown(container.name)}`")
    port = request.port if request.port is not None else _container_port(request, container)
    if isinstance(port, _Dead):
        return port
    return Address(found.address, port, Via.NAMED_NETWORK, f"its address on {shown(network)}, which it named")


def _overridden(request: RouteRequest, container: Container, view: View) -> Address | _Dead | None:
    if not view.override_address or not _is_published(request, container):
        return None
    binding = _binding(request, container, view)
    if isinstance(binding, _Dead):
        return binding
    why = f"port {binding.port} is published as {binding.host_port}, on the address that the operator set"
    return Address(view.override_address, binding.host_port, Via.OVERRIDE, why)


def _near(request: RouteRequest, container: Container, view: View) -> Address | _Dead | None:
    """The container's own address on a network that we are on too, or on any network of our own host."""
    shared = [place for place in container.attachments if place.network_id in view.own_networks]
    local = container.attachments if view.local or view.on_paper else ()
    for via, places in ((Via.SHARED_NETWORK, shared), (Via.LOCAL_NETWORK, local)):
        if (found := _first_address(places)) is not None:
            port = _container_port(request, container)
            if isinstance(port, _Dead):
                return port
            return Address(found.address, port, via, _why_near(found.network, via))
    return None


@lru_cache(maxsize=1024)
def _why_near(network: str, via: Via) -> str:
    """The same text for all containers of a network."""
    return f"its address on {shown(network)}, a {via}"


def _published(request: RouteRequest, container: Container, view: View) -> Address | _Dead | None:
    if not container.bindings:
        return None
    binding = _binding(request, container, view)
    if isinstance(binding, _Dead):
        return binding
    ours = view.local or (view.node_address == LOOPBACK and not container.node)
    if _is_loopback(binding) and not ours:
        what = f"is published on {binding.host_ip} only, where nobody but its own host reaches it"
        return _Dead("port", binding.port, what, f'publish it on all addresses (ports: ["{binding.port}"])')
    address = binding.host_ip
    if address in EVERY_ADDRESS:
        address = container.node_address or view.node_address or (LOOPBACK if view.local else "")
    if not address:
        return None
    why = f"port {binding.port} is published as {binding.host_port} on its node"
    return Address(address, binding.host_port, Via.PUBLISHED, why)


def _as_published(request: RouteRequest, container: Container, view: View) -> Address | _Dead | None:
    """On paper: what the engine reports, reachable or not, as the original had it."""
    if not _is_published(request, container):
        return None
    binding = _binding(request, container, view)
    if isinstance(binding, _Dead):
        return binding
    address = view.override_address or binding.host_ip or "0.0.0.0"  # noqa: S104 - as the engine reports it
    return Address(address, binding.host_port, Via.PUBLISHED, f"port {binding.port} is published there")


def _on_host_network(request: RouteRequest, container: Container, view: View) -> Address | _Dead | None:
    if container.network_mode != "host":
        return None
    ours = view.local or view.on_paper or any(place.network_id in view.own_networks for place in container.attachments)
    address = LOOPBACK if ours else container.node_address or view.node_address
    if not address:
        return None
    port = _container_port(request, container)
    return port if isinstance(port, _Dead) else Address(address, port, Via.HOST_NETWORK, "it uses its host's network")


_LIVE = (_overridden, _near, _published, _on_host_network)
_ON_PAPER = (_as_published, _near, _on_host_network)


def _unreachable(request: RouteRequest, container: Container) -> _Dead:
    match = str(request.matches[0])
    if container.network_mode.startswith("container:"):
        what = "shares another container's network, so it has no address of its own"
        return _Dead("matches", match, what, "ask for the route on that container")
    what = f"has no address that is reached from here; the container has {_networks(container)}"
    if container.bindings:
        what += ", and the address of its node, where its ports are published, is not known"
    fix = (
        "put it on a network with Interlock (Compose: networks: [interlock] under both services, networks: "
        '{interlock: {}} at the end), or publish its port (ports: ["80"]) and set the backend override address'
    )
    return _Dead("matches", match, what, fix)


def _is_published(request: RouteRequest, container: Container) -> bool:
    """Whether a published port may be what is asked for."""
    published = _published_ports(container)
    return bool(published) if request.port is None else request.port in published


def _binding(request: RouteRequest, container: Container, view: View) -> Binding | _Dead:
    """The published port that is asked for; IPv4 before IPv6, and what only its host reaches last."""
    published = _published_ports(container)
    port = request.port
    if port is None and len(published) == 1:
        port = published[0]
    if port is None:
        return _ambiguous(request, "publishes", published)
    candidates = [binding for binding in container.bindings if binding.protocol == "tcp" and binding.port == port]
    if not candidates:
        what = f"is not published by the container, which publishes {_listed(published)}"
        return _Dead("port", port, what, f'publish it (ports: ["{port}"]), or name one that is')
    here = view.local or view.on_paper
    return min(candidates, key=lambda binding: (_is_loopback(binding) and not here, ":" in binding.host_ip))


def _container_port(request: RouteRequest, container: Container) -> int | _Dead:
    """The port to connect to on the container's own address.

    A swarm does not tell which ports the image of a task exposes, so that a named one is taken at its word.
    """
    published = _published_ports(container)
    exposed = sorted({port.number for port in container.exposed if port.protocol == "tcp"} | set(published))
    if request.port is not None:
        if request.port in exposed or not exposed or container.service:
            return request.port
        what = f"is not exposed by the container, which exposes {_listed(exposed)}"
        return _Dead("port", request.port, what, f"name one of them, or add EXPOSE {request.port} to its image")
    for choice in (exposed, published):
        if len(choice) == 1:
            return choice[0]
    return _ambiguous(request, "exposes", exposed)


def _ambiguous(request: RouteRequest, verb: str, ports: Sequence[int]) -> _Dead:
    what = f"is not named, and the container {verb} {_listed(ports)}"
    return _Dead(
        "port", "", what, f"set {request.origin('port')} to the one to use, like {ports[0] if ports else 8080}"
    )


def _first_address(places: Iterable[Attachment]) -> _Place | None:
    """IPv4 before IPv6, then by the networks' names."""
    usable = sorted(place for place in places if place.network not in NO_NETWORKS)
    found = [_Place(place.network, place.ipv4) for place in usable if place.ipv4]
    found += [_Place(place.network, place.ipv6) for place in usable if place.ipv6]
    return found[0] if found else None


def _published_ports(container: Container) -> list[int]:
    return sorted({binding.port for binding in container.bindings if binding.protocol == "tcp"})


def _is_loopback(binding: Binding) -> bool:
    return binding.host_ip.startswith("127.") or binding.host_ip == "::1"


def _networks(container: Container) -> str:
    return f"the networks {_listed([shown(place.network) for place in container.attachments])}"


def _listed(things: Sequence[object]) -> str:
    more = f" and {len(things) - LISTED} more" if len(things) > LISTED else ""
    return ", ".join(str(thing) for thing in things[:LISTED]) + more if things else "none"
