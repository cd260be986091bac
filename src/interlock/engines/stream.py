r"""JSON objects out of a byte stream, whatever frames them.

Docker and Podman end each object with a newline; a classic Swarm manager writes ``}{`` with nothing between. A network
may cut anywhere, also inside a UTF-8 character. So the splitter counts braces outside of strings, and looks at each
byte once.

A broken object costs itself, not the stream: a raw newline may not stand inside a JSON string, and no engine puts a
line break before the brace of an inner object. Both therefore mean that something new begins.
"""

import re

from interlock.core.problems import TemporaryError

LONGEST = 1 << 20
"""Bytes of an object that is kept. A container's labels are in each of its events, and they know no bound."""
HOPELESS = 64 << 20
"""Bytes after which an object that does not end is taken for a stream that lost its way."""

_START = re.compile(rb"\{")
_BETWEEN = re.compile(rb'["{}]')
_IN_STRING = re.compile(rb'["\\\n]')
_JOINT = re.compile(rb"\}\s*\{")


class ObjectSplitter:
    """Takes bytes as they come, gives whole objects as they end."""

    def __init__(self, *, longest: int = LONGEST, hopeless: int = HOPELESS) -> None:
        self.skipped = 0
        """Bytes thrown away so far: garbage, broken objects and too long ones."""
        self._longest = longest
        self._hopeless = hopeless
        self._buffer = bytearray()
        self._at = 0
        """Where to look next; one past the end after a backslash, since the byte after it means nothing."""
        self._begin = 0
        """Where the object (or, between two objects, the garbage) began."""
        self._depth = 0
        self._in_string = False
        self._dropped = 0
        """Bytes of the present object that were let go because it is too long."""

    def feed(self, data: bytes) -> list[bytes]:
        """Whole objects that end within `data`.

        Raises TemporaryError when an object grows beyond all measure.
        """
        if not self._buffer and data.endswith(b"\n"):
            lines = data.split(b"\n")[:-1]
            if all(map(self._is_plain, lines)):
                return lines
        self._buffer += data
        found: list[bytes] = []
        while (match := self._pattern().search(self._buffer, self._at)) is not None:
            self._at = match.end()
            self._take(match[0], match.start(), found)
        self._at = max(self._at, len(self._buffer))
        self._trim()
        return found

    def _is_plain(self, line: bytes) -> bool:
        """Whether a whole line is one object beyond doubt: nearly every event of nearly every engine.

        This costs a tenth of looking at each brace and quote. A brace in a string only leads to the closer look.
        """
        return (
            line.startswith(b"{")
            and line.endswith(b"}")
            and len(line) <= self._longest
            and line.count(b"{") == line.count(b"}")
            and _JOINT.search(line) is None
        )

    def _pattern(self) -> re.Pattern[bytes]:
        if self._in_string:
            return _IN_STRING
        return _BETWEEN if self._depth else _START

    def _take(self, token: bytes, position: int, found: list[bytes]) -> None:
        match token:
            case b"{":
                self._open(position)
            case b"}":
                self._depth -= 1
                if not self._depth:
                    self._close(found)
            case b'"':
                self._in_string = not self._in_string
            case b"\\":
                self._at += 1
            case _:  # a newline inside a string: this object is broken
                self._give_up(self._at)

    def _open(self, position: int) -> None:
        if self._depth and self._buffer[position - 1 : position] == b"\n":
            self._give_up(position)
        if not self._depth:
            self._let_go(position)
        self._depth += 1

    def _close(self, found: list[bytes]) -> None:
        size = self._dropped + self._at - self._begin
        if size > self._longest:
            self.skipped += size
        else:
            found.append(bytes(self._buffer[self._begin : self._at]))
        self._dropped = 0
        self._begin = self._at

    def _give_up(self, until: int) -> None:
        """Count the present object as garbage, up to where the next may begin."""
        self.skipped += self._dropped + until - self._begin
        self._begin = until
        self._depth = self._dropped = 0
        self._in_string = False

    def _let_go(self, until: int) -> None:
        """Count what stands between two objects, white space apart."""
        self.skipped += len(self._buffer[self._begin : until].strip())
        self._begin = until

    def _trim(self) -> None:
        """Forget what is no longer needed."""
        end = len(self._buffer)
        if not self._depth:
            self._let_go(end)
        elif end - self._begin > self._longest:
            keep_from = end - 1  # the last byte may be the newline that shows a new object
            self._dropped += keep_from - self._begin
            self._begin = keep_from
            if self._dropped > self._hopeless:
                raise TemporaryError(f"an object of more than {self._hopeless} bytes in the event stream")
        del self._buffer[: self._begin]
        self._at -= self._begin
        self._begin = 0
