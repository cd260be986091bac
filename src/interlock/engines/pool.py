"""Connections to an engine's unix socket that are kept open, for short answers to GET.

Each start of a container costs one inspect, and the HTTP client that everything else goes through spends several times
as much CPU on it (docs/performance.md has the figures). Framing is left to httptools, the parser of Node.js. What is
not understood here is not explained here either: whoever asked asks again, by the client that explains everything.
"""

import asyncio
import contextlib

import httptools
import msgspec

LONGEST_HEAD = 64 << 10
"""Bytes around the body of an answer: its head, and the framing of its chunks where they are not tiny."""

_PLAIN = b"identity"
_FIRST_FINAL = 200
"""Statuses below announce another answer, and nobody was asked for one."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, whatever its status."""

    status: int
    body: bytes
    location: str
    """Header Location, "" where there is none."""


class Pool:
    """As many connections as there were requests at once, each used again for the next one."""

    def __init__(self, path: str, *, host: str, agent: str) -> None:
        """`host` and `agent` are the headers Host and User-Agent."""
        self._path = path
        self._head = f"Host: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\r\n"
        self._idle: list[_Connection] = []
        self._is_closed = False

    async def get(self, target: str, *, longest: int) -> Answer | None:
        """The answer to a path, which must be quoted; `longest` bounds its body, in bytes.

        None where there was no answer, or not one that can be understood here: the connection broke, as an idle one
        may at any moment; it is no HTTP, too long, or encoded. Never raises; has no timeout of its own.
        """
        connection = await self._connection()
        if connection is None:
            return None
        try:
            return await connection.ask(f"GET {target} HTTP/1.1\r\n{self._head}".encode(), longest)
        finally:
            if connection.is_free and not self._is_closed:
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close what is idle; what is under way is closed at its end."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    async def _connection(self) -> "_Connection | None":
        """The one that was used last, so that those that a burst needed can grow old; a new one where none is open."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_free:
                return connection
            connection.close()
        with contextlib.suppress(OSError):
            _, made = await asyncio.get_running_loop().create_unix_connection(_Connection, self._path)
            return made
        return None


class _Connection(asyncio.Protocol):
    """One request at a time, and the callbacks of the parser for its answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._asked: asyncio.Future[Answer | None] | None = None
        self._is_broken = False
        """Whether nothing more can be asked here."""
        self._left = 0
        """Bytes that the answer may still have."""
        self._body = bytearray()
        self._location = ""

    @property
    def is_free(self) -> bool:
        """Whether it is open, and the last answer has come to its end."""
        return self._asked is None and not self._is_broken and not self._transport.is_closing()

    def ask(self, request: bytes, longest: int) -> "asyncio.Future[Answer | None]":
        """Send a request; the answer, or None."""
        self._asked = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._left = longest + LONGEST_HEAD
        self._body, self._location = bytearray(), ""
        self._transport.write(request)
        return self._asked

    def close(self) -> None:
        self._break_off()

    # Of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class is no subclass of Transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._break_off()

    def data_received(self, data: bytes) -> None:
        """An answer that nobody asked for must not be taken for the next one."""
        self._left -= len(data)
        if self._asked is None or self._left < 0:
            self._break_off()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break_off()

    # Of the parser

    def on_message_begin(self) -> None:
        if self._asked is None:  # one answer in the same breath as the one before, which is complete
            self._is_broken = True

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-encoding" if value.lower() != _PLAIN:
                self._is_broken = True
            case b"location":
                self._location = value.decode("latin-1")
            case _:
                pass

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._is_broken or status < _FIRST_FINAL:
            self._break_off()
            return
        self._is_broken = not self._parser.should_keep_alive()
        self._settle(Answer(status, bytes(self._body), self._location))

    def _settle(self, answer: Answer | None) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _break_off(self) -> None:
        self._is_broken = True
        self._settle(None)
        self._transport.close()
