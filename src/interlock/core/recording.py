"""A recording: what the engines, the probes and the operator said, as lines of JSON. Text in, text out.

It holds what is known of containers, and nothing else: of an environment only the variables that a dialect reads, of
labels only those with a known prefix.
"""

from collections.abc import Iterable, Iterator

import msgspec

from interlock.core.events import Event
from interlock.core.overrides import Overrides, decode, encode
from interlock.core.problems import InterlockError, PermanentError

FORMAT = 1


class Turn(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="turn"):
    """Events that were taken in as one change."""

    at: float
    """Unix seconds."""
    settled_before: str
    """Containers that have run since before then are taken to be listening when they are first seen."""
    events: tuple[Event, ...]


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """All orders of the operator, since one of them changed."""

    at: float
    orders: Overrides


class Opening(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="opening"):
    """The first line."""

    format: int
    version: str
    """Of the Interlock that recorded it."""
    at: float
    engines: tuple[str, ...]
    locality: tuple[str, ...] = ()
    """The operator's, in force."""
    awaited: tuple[str, ...] = ()
    """Those that have not told everything yet, and without which no proxy is driven."""


class Ending(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="ending"):
    """The last line of a recording that ended by itself."""

    at: float
    why: str


class _Orders(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="orders"):
    at: float
    orders: msgspec.Raw
    """As in the file of orders."""


Line = Opening | Turn | Ordered | Ending

_line = msgspec.json.Decoder(Opening | Turn | _Orders | Ending)


def written(line: Line) -> bytes:
    """A line with its end."""
    if isinstance(line, Ordered):
        compact = msgspec.json.format(encode(line.orders), indent=-1).encode()
        return msgspec.json.encode(_Orders(at=line.at, orders=msgspec.Raw(compact))) + b"\n"
    return msgspec.json.encode(line) + b"\n"


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a recording; of one that breaks off, those before.

    Raises PermanentError for what is no recording, or is damaged in its midst.
    """
    told = [line for line in lines if line.strip()]
    for number, text in enumerate(told, 1):
        try:
            line = _typed(text)
        except (ValueError, InterlockError) as error:
            if number == len(told) > 1 and not text.endswith(b"\n"):
                return
            raise PermanentError(f"line {number} is damaged: {error}", fix="record it again") from error
        if isinstance(line, Opening) != (number == 1):
            raise PermanentError("it is no recording", fix="make one with `interlock record FILE`")
        if isinstance(line, Opening) and line.format != FORMAT:
            raise PermanentError(
                f"it was recorded by Interlock {line.version}, in another form", fix="replay it with that version"
            )
        yield line


def _typed(text: bytes) -> Line:
    """Raises ValueError, PermanentError."""
    line: Opening | Turn | _Orders | Ending = _line.decode(text)
    if isinstance(line, _Orders):
        return Ordered(at=line.at, orders=decode(bytes(line.orders).decode()))
    return line
