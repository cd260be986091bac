"""Command sockets that answer in text: HAProxy's runtime socket (kept open) and its master's (one command a time)."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from interlock.core.problems import TemporaryError

PROMPT = b"\n> "
ANSWER_LIMIT = 1 << 28
"""Bytes of one answer; `show servers state` of 20,000 servers is about 2 MB."""
CHUNK = 1 << 16
"""Bytes that are read at once."""


class PromptSocket:
    """One connection in HAProxy's interactive mode: commands go out in a burst, each answer ends with a prompt."""

    def __init__(self, transport: asyncio.Transport, answers: "_Answers") -> None:
        self._transport = transport
        self._answers = answers
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, seconds: float) -> "PromptSocket":
        """Connect and switch to interactive mode.

        Raises:
            TemporaryError: nobody answers.
        """
        opened = None
        try:
            async with asyncio.timeout(seconds):
                loop = asyncio.get_running_loop()
                opened = cls(*await loop.create_unix_connection(_Answers, str(path)))
                await opened._burst(["prompt"])
        except (OSError, TimeoutError) as error:
            if opened is not None:
                opened.close()
            raise TemporaryError(f"{path} does not answer: {error or type(error).__name__}") from error
        return opened

    async def ask(self, commands: Sequence[str], *, seconds: float) -> list[str]:
        """Send the commands in one burst; their answers, in order, without the prompts.

        Raises:
            TemporaryError: the connection broke or an answer is late; which commands were performed is unknown, and
                the connection is closed, since its next answer would be a stale one.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(seconds):
                    return await self._burst(commands)
            except asyncio.CancelledError:
                self.close()
                raise
            except (OSError, TimeoutError) as error:
                self.close()
                raise TemporaryError(f"the runtime socket broke: {error or type(error).__name__}") from error

    @property
    def is_open(self) -> bool:
        return not (self._transport.is_closing() or self._answers.is_over)

    def close(self) -> None:
        """Leave at once; HAProxy notices."""
        self._transport.close()

    async def _burst(self, commands: Sequence[str]) -> list[str]:
        answered = self._answers.expect(len(commands))
        self._transport.write("".join(f"{command}\n" for command in commands).encode())
        return await answered


class _Answers(asyncio.Protocol):
    """Collects answers until as many have come as are expected; one wake-up for a whole burst."""

    def __init__(self) -> None:
        self.is_over = False
        """Whether the other side has left."""
        self._data = bytearray()
        self._searched = 0
        """Where the search for the next prompt goes on, so that a long answer is not searched again and again."""
        self._found: list[str] = []
        self._missing = 0
        self._answered: asyncio.Future[list[str]] | None = None

    def expect(self, count: int) -> "asyncio.Future[list[str]]":
        """The next `count` answers."""
        self._answered = asyncio.get_running_loop().create_future()
        self._found, self._missing = [], count
        if self.is_over:
            self._answered.set_exception(ConnectionResetError("it was closed by the other side"))
        else:
            self._deliver()
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > ANSWER_LIMIT:
            self.connection_lost(ConnectionResetError("its answer is beyond all measure"))
            return
        begin = 0
        while (end := self._data.find(PROMPT, self._searched)) >= 0:
            self._found.append(self._data[begin:end].decode(errors="replace"))
            begin = self._searched = end + len(PROMPT)
        del self._data[:begin]
        self._searched = max(len(self._data) - len(PROMPT) + 1, 0)
        self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("it was closed by the other side"))

    def eof_received(self) -> None:
        self.connection_lost(None)

    def _deliver(self) -> None:
        answered = self._answered
        if answered is not None and not answered.done() and len(self._found) >= self._missing:
            answered.set_result(self._found)
            self._found = []  # the state of a large fleet is megabytes of text


async def ask_once(path: Path, command: str, *, seconds: float, last_words: bytes = b"") -> str:
    """One command on a connection of its own, half-closed after it, since a master does not hang up by itself.

    The answer ends where the other side hangs up, or with `last_words`, after which it may not.

    Raises:
        TemporaryError: nobody answers in time.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=ANSWER_LIMIT)
            try:
                writer.write(f"{command}\n".encode())
                writer.write_eof()
                return (await _read(reader, last_words)).decode(errors="replace")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise TemporaryError(f"{path} does not answer: {error or type(error).__name__}") from error


async def _read(reader: asyncio.StreamReader, last_words: bytes) -> bytearray:
    answer = bytearray()
    while chunk := await reader.read(CHUNK):
        answer += chunk
        if last_words and last_words in answer[-len(chunk) - len(last_words) :]:
            break
    return answer
