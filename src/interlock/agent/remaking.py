"""Answers of the engine, made anew from the fields that Interlock reads.

Nothing is struck out of what the engine wrote; what is passed on is written from the same typed documents that
Interlock's own engines read, so a field that no one thought of cannot slip through. Of environment and labels only
what dialects read is left, and the labels by which swarms and Compose name their things.
"""

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

import msgspec

from interlock.agent.allowed import Kind
from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES
from interlock.core.problems import TemporaryError, shown
from interlock.engines.client import Info, Version
from interlock.engines.containers import Kept
from interlock.engines.documents import AT_A_STRETCH, Entry, decode_entry, decode_inspected
from interlock.engines.mending import decode_leniently
from interlock.engines.swarm.containers import SWARM_LABELS
from interlock.engines.swarm.documents import Node, Service, Task, TaskSpec

KEPT = Kept(environment=ENVIRONMENT_KEYS, label_prefixes=(*LABEL_PREFIXES, *SWARM_LABELS))

LONGEST_MESSAGE = 500
"""Characters of an engine's own word on what went wrong."""

_Document = TypeVar("_Document")


class Network(msgspec.Struct):
    """One element of ``GET /networks``, and all of ``GET /networks/{id}``."""

    Id: str
    Name: str = ""
    Driver: str = ""
    Scope: str = ""


class Message(msgspec.Struct):
    """How the Docker API tells what went wrong."""

    message: str = ""


_encode = msgspec.json.Encoder().encode
_list = msgspec.json.Decoder(list[msgspec.Raw])
_network = msgspec.json.Decoder(Network)
_version = msgspec.json.Decoder(Version)
_info = msgspec.json.Decoder(Info)
_service = msgspec.json.Decoder(Service)
_task = msgspec.json.Decoder(Task)
_node = msgspec.json.Decoder(Node)
_message = msgspec.json.Decoder(Message)


async def remade(kind: Kind, body: bytes) -> bytes:
    """The answer to pass on. Raises TemporaryError where the engine's is not what was asked for."""
    if (one := _OF_ONE.get(kind)) is not None:
        return one(body)
    element = _OF_ELEMENT[kind]
    parts: list[bytes] = []
    for raw in _decoded(_list, body):
        parts.append(element(bytes(raw)))
        if len(parts) % AT_A_STRETCH == 0:
            await asyncio.sleep(0)
    return b"[" + b",".join(parts) + b"]"


def refusal(body: bytes) -> bytes:
    """The engine's own refusal: its message, whether it came as JSON (Docker, Podman) or as text (classic Swarm)."""
    try:
        text = _decoded(_message, body).message
    except TemporaryError:
        text = body.decode("utf-8", "replace")
    return message(shown(text.strip(), length=LONGEST_MESSAGE))


def message(text: str) -> bytes:
    return _encode(Message(text))


def _ping(_: bytes) -> bytes:
    return b"OK"


def _version_of(body: bytes) -> bytes:
    return _encode(_decoded(_version, body))


def _info_of(body: bytes) -> bytes:
    info = _decoded(_info, body)
    if info.SystemStatus is not None:
        info.SystemStatus = [(key, value) for key, value in info.SystemStatus if key.split()[-1:] == ["Status"]]
    return _encode(info)


def _container(body: bytes) -> bytes:
    document = decode_inspected(body)
    if (config := document.Config) is not None:
        config.Env = [f"{name}={value}" for name, value in KEPT.variables(config.Env or ()).items()]
        config.Labels = KEPT.labels(config.Labels or {})
        config.ExposedPorts = dict.fromkeys(config.ExposedPorts or {}, msgspec.Raw(b"{}"))
    return _encode(document)


def _entry(body: bytes) -> bytes:
    entry: Entry = decode_entry(body)
    entry.Labels = KEPT.labels(entry.Labels or {})
    return _encode(entry)


def _network_of(body: bytes) -> bytes:
    return _encode(_decoded(_network, body))


def _service_of(body: bytes) -> bytes:
    service = _decoded(_service, body)
    if (spec := service.Spec) is not None:
        labels = KEPT.labels(spec.Labels or {})
        spec = msgspec.structs.replace(spec, Labels=labels, TaskTemplate=_template(spec.TaskTemplate))
    return _encode(msgspec.structs.replace(service, Spec=spec))


def _task_of(body: bytes) -> bytes:
    task = _decoded(_task, body)
    return _encode(msgspec.structs.replace(task, Spec=_template(task.Spec)))


def _template(spec: TaskSpec | None) -> TaskSpec | None:
    """What a task's container is made from, with its environment and labels as those of a container."""
    if spec is None or (recipe := spec.ContainerSpec) is None:
        return spec
    variables = [f"{name}={value}" for name, value in KEPT.variables(recipe.Env or ()).items()]
    recipe = msgspec.structs.replace(recipe, Env=variables, Labels=KEPT.labels(recipe.Labels or {}))
    return msgspec.structs.replace(spec, ContainerSpec=recipe)


def _node_of(body: bytes) -> bytes:
    return _encode(_decoded(_node, body))


_OF_ONE: MappingProxyType[Kind, Callable[[bytes], bytes]] = MappingProxyType(
    {
        Kind.PING: _ping,
        Kind.VERSION: _version_of,
        Kind.INFO: _info_of,
        Kind.CONTAINER: _container,
        Kind.NETWORK: _network_of,
        Kind.SERVICE: _service_of,
        Kind.TASK: _task_of,
        Kind.NODE: _node_of,
    }
)
_OF_ELEMENT: MappingProxyType[Kind, Callable[[bytes], bytes]] = MappingProxyType(
    {
        Kind.CONTAINERS: _entry,
        Kind.NETWORKS: _network_of,
        Kind.SERVICES: _service_of,
        Kind.TASKS: _task_of,
        Kind.NODES: _node_of,
    }
)


def _decoded(decoder: msgspec.json.Decoder[_Document], body: bytes) -> _Document:
    try:
        return decode_leniently(decoder, body)
    except ValueError as error:
        raise TemporaryError(f"the engine's answer is not what was asked for: {shown(str(error))}") from error
