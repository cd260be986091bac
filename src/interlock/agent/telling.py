"""Events of the engine, made anew: those that Interlock acts on, without what an event carries beside."""

import msgspec

from interlock.engines.mending import decode_leniently
from interlock.engines.notices import NOISE, EventDocument, is_known

_OF_SWARM = frozenset((kind, action) for kind in ("service", "node") for action in ("create", "update", "remove"))
"""What a manager tells; Interlock then asks for tasks, services and nodes."""
_HEALTHS = frozenset({"healthy", "unhealthy", "starting"})

_decoder = msgspec.json.Decoder(EventDocument)
_encode = msgspec.json.Encoder().encode


def retold(data: bytes) -> bytes | None:
    """One event to pass on, with the line's end; None for one that is nobody's business.

    Those of ``exec`` are: their actions hold the command line.
    """
    if data.startswith(NOISE):
        return None
    try:
        event = decode_leniently(_decoder, data)
    except ValueError:
        return None
    said = event.Action or event.status
    action, _, detail = said.partition(": ")
    if not is_known(event.Type, action) and (event.Type, action) not in _OF_SWARM:
        return None
    whole = said if detail in _HEALTHS else action
    event.Action = whole if event.Action else ""
    event.status = whole if event.status else ""
    return _encode(event) + b"\n"
