"""Where Interlock stands relative to an engine: on its host, in one of its containers, or elsewhere."""

import asyncio
import os
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec

from interlock.core.addresses import LOOPBACK
from interlock.core.events import View
from interlock.core.model import Container
from interlock.engines.address import EngineAddress, Kind

_OWN_FILES = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})
"""Files that Docker and Podman mount into every container, from a directory named after its id."""

_ID = re.compile(r"[0-9a-f]{64}")
_SHORT_ID = re.compile(r"[0-9a-f]{12}")
_PEER = struct.Struct("3i")
"""struct ucred: process, user and group id (socket(7))."""

_PEER_SECONDS = 1.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


async def shares_network_with(socket_path: str) -> bool | None:
    """Whether the process that listens on a unix socket has our network namespace; None when it cannot be told.

    It cannot when that process is out of sight (Interlock in a container) or out of our rights (not root).
    """
    return await _shares("net", socket_path)


async def is_rootless(socket_path: str) -> bool:
    """Whether the process that listens on a unix socket runs in a user namespace that is not ours, as far as we see.

    Podman's then keeps its containers' networks in a network namespace that the host does not reach.
    """
    return await _shares("user", socket_path) is False


async def _shares(kind: str, socket_path: str) -> bool | None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0)
        try:
            async with asyncio.timeout(_PEER_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, socket_path)
            process, _, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            return _namespace(process, kind) == _namespace("self", kind)
        except OSError:
            return None


def _namespace(process: int | str, kind: str) -> tuple[int, int]:
    """What tells one namespace from another (namespaces(7))."""
    namespace = Path(f"/proc/{process}/ns/{kind}").stat()
    return namespace.st_dev, namespace.st_ino


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """How this process learns where it is; tests put in their own."""

    read: Callable[[str], str] = _read
    """Text of a file, "" when it cannot be read."""
    hostname: str = msgspec.field(default_factory=lambda: os.environ.get("HOSTNAME", ""))
    shares_network_with: Callable[[str], Awaitable[bool | None]] = shares_network_with
    is_rootless: Callable[[str], Awaitable[bool]] = is_rootless


async def find_view(
    address: EngineAddress,
    *,
    inspect: Callable[[str], Awaitable[Container | None]],
    is_swarm_manager: bool,
    surroundings: Surroundings,
    override_address: str = "",
) -> View:
    """Find out where Interlock stands.

    A container id found in our own surroundings counts only when this engine knows it: it may be that of an outer
    engine, on which this one runs.
    """
    candidates = own_ids(surroundings)
    own = await _own_container(candidates, inspect)
    view = View(engine=address.name, node_address=address.host, override_address=override_address)
    if own is not None:
        return moved(view, own, is_swarm_manager=is_swarm_manager)
    local = not is_swarm_manager and await _is_on_host(address, candidates, surroundings)
    if local and address.kind is Kind.UNIX and await surroundings.is_rootless(address.path):
        return msgspec.structs.replace(view, node_address=LOOPBACK)
    return msgspec.structs.replace(view, local=local)


def moved(view: View, own: Container, *, is_swarm_manager: bool) -> View:
    """The view from our own container as it is now. With the host's network it is as good as on the host itself.

    A Swarm manager's containers live on many hosts, so that ours is near to none of the others.
    """
    return msgspec.structs.replace(
        view,
        own_container=own.id,
        own_networks=frozenset(place.network_id for place in own.attachments if own.network_mode != "host"),
        local=own.network_mode == "host" and not is_swarm_manager,
    )


def own_ids(surroundings: Surroundings) -> list[str]:
    """Ids that may be that of the container we run in, the best evidence first."""
    found = [*_mounted_ids(surroundings.read("/proc/self/mountinfo"))]
    found += _ID.findall(surroundings.read("/proc/self/cgroup"))
    if _SHORT_ID.fullmatch(surroundings.hostname):
        found.append(surroundings.hostname)
    return list(dict.fromkeys(found))


def _mounted_ids(mountinfo: str) -> Iterable[str]:
    """From lines such as ``… 8:1 /var/lib/docker/containers/ID/hostname /etc/hostname rw …`` (proc(5)).

    The mount point is compared too, since an engine's host sees mounts of all its containers.
    """
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[4] in _OWN_FILES:  # noqa: PLR2004 - the mount point is the fifth field
            yield from re.findall(r"containers/([0-9a-f]{64})/", fields[3])


async def _own_container(
    candidates: Iterable[str], inspect: Callable[[str], Awaitable[Container | None]]
) -> Container | None:
    for candidate in candidates:
        container = await inspect(candidate)
        if container is None or not container.is_up or not container.id.startswith(candidate):
            continue
        # ``network_mode: container:ID``: that one's network is ours.
        host = await inspect(container.network_mode.partition(":")[2]) if _borrows_network(container) else None
        if host is None:
            return container
        return msgspec.structs.replace(container, attachments=host.attachments, network_mode=host.network_mode)
    return None


def _borrows_network(container: Container) -> bool:
    return container.network_mode.startswith("container:")


async def _is_on_host(address: EngineAddress, candidates: list[str], surroundings: Surroundings) -> bool:
    """Whether this process, which is in no container of this engine, is on the engine's host."""
    if address.kind is not Kind.UNIX:
        return address.is_near
    shared = await surroundings.shares_network_with(address.path)
    return shared if shared is not None else not candidates
