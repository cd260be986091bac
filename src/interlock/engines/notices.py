"""What an engine's event says, in one shape for every engine: who, what, which signal."""

import enum
from types import MappingProxyType

import msgspec

from interlock.engines.mending import decode_leniently


class Meaning(enum.Enum):
    """What an event means for routing."""

    CREATED = enum.auto()
    STARTED = enum.auto()
    SIGNALLED = enum.auto()
    DIED = enum.auto()
    STOPPED = enum.auto()
    CHANGED = enum.auto()
    """It is otherwise than before: paused, renamed, healthy."""
    REWIRED = enum.auto()
    """It was connected to a network, or disconnected."""
    REMOVED = enum.auto()
    NODES_CHANGED = enum.auto()
    """A classic Swarm manager found or lost a node."""


_CONTAINER = "container"
_NETWORK = "network"

_MEANINGS = MappingProxyType(
    {
        (_CONTAINER, "create"): Meaning.CREATED,
        (_CONTAINER, "start"): Meaning.STARTED,
        (_CONTAINER, "kill"): Meaning.SIGNALLED,
        (_CONTAINER, "die"): Meaning.DIED,
        (_CONTAINER, "stop"): Meaning.STOPPED,
        (_CONTAINER, "pause"): Meaning.CHANGED,
        (_CONTAINER, "unpause"): Meaning.CHANGED,
        (_CONTAINER, "rename"): Meaning.CHANGED,
        (_CONTAINER, "update"): Meaning.CHANGED,
        (_CONTAINER, "health_status"): Meaning.CHANGED,
        (_CONTAINER, "destroy"): Meaning.REMOVED,
        (_CONTAINER, "remove"): Meaning.REMOVED,  # Podman's word
        (_NETWORK, "connect"): Meaning.REWIRED,
        (_NETWORK, "disconnect"): Meaning.REWIRED,
        ("swarm", "engine_connect"): Meaning.NODES_CHANGED,
        ("swarm", "engine_reconnect"): Meaning.NODES_CHANGED,
        ("swarm", "engine_disconnect"): Meaning.NODES_CHANGED,
    }
)
"""Type and first word of Action -> meaning; all others mean nothing.

``restart`` is missing on purpose: a ``start`` comes with it, on every engine.
"""

FILTERS = MappingProxyType(
    {
        "type": [_CONTAINER, _NETWORK],
        "event": [action for kind, action in _MEANINGS if kind in {_CONTAINER, _NETWORK}]
        # Engines before 1.13 compare the whole action with the filter, later ones its beginning.
        + ["health_status: healthy", "health_status: unhealthy"],
    }
)
"""Value of the ``filters`` parameter of ``/events``: exec_* of every health check would only cost.

A classic Swarm manager ignores it.
"""

NOISE = (
    b'{"status":"exec_',
    b'{"Type":"container","Action":"exec_',
    b'{"Action":"exec_',
    b'{"status":"top"',
    b'{"status":"attach"',
)
"""How events begin that are not worth decoding: engines before 1.52 in their two orders of keys, and later ones."""


class Notice(msgspec.Struct, frozen=True):
    """One event that matters."""

    meaning: Meaning
    action: str
    """The engine's word for it: ``start``."""
    container: str
    """Id of the container that it is about; "" when it is about none."""
    image: str = ""
    """As the engine says it: under classic Swarm the node's name follows."""
    signal: str = ""
    time: int = 0
    """Unix seconds."""
    at: float = 0.0
    """The same as exactly as the engine says it; 0 where it does not."""


class _Attributes(msgspec.Struct):
    container: str = ""
    image: str = ""
    signal: str = ""


class _Actor(msgspec.Struct):
    ID: str = ""
    Attributes: _Attributes | None = None


class EventDocument(msgspec.Struct):
    """Both tellings of an event: Type, Action and Actor, and the legacy ones that API 1.52 dropped."""

    Type: str = ""
    Action: str = ""
    Actor: _Actor | None = None
    status: str = ""
    id: str = ""
    image: str = msgspec.field(name="from", default="")
    time: int | float = 0
    time_nano: int = msgspec.field(name="timeNano", default=0)


_decoder = msgspec.json.Decoder(EventDocument)


def is_known(kind: str, action: str) -> bool:
    """Whether events of this type and action (its first word) mean anything."""
    return (kind or _CONTAINER, action) in _MEANINGS


def read_notice(data: bytes) -> Notice | None:
    """Understand one object of the stream; None for an event that does not matter.

    Raises ValueError for what is no event at all.
    """
    if data.startswith(NOISE):
        return None
    event = decode_leniently(_decoder, data)
    actor = event.Actor or _Actor()
    attributes = actor.Attributes or _Attributes()
    kind = event.Type or _CONTAINER  # engines before 1.10 tell of containers and images, by status and id alone
    action = (event.Action or event.status).partition(":")[0]
    # The actor of a network's event is the network, with the container among its attributes; Podman's is the container.
    container = (attributes.container if kind == _NETWORK else "") or actor.ID or event.id
    meaning = _MEANINGS.get((kind, action))
    if meaning is None or (not container and meaning is not Meaning.NODES_CHANGED):
        return None
    return Notice(
        meaning=meaning,
        action=action,
        container=container,
        image=event.image or attributes.image,
        signal=attributes.signal,
        time=int(event.time),
        at=event.time_nano / 1e9 or event.time,
    )
