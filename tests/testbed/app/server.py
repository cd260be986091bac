"""The web application of the tests: says who answers, and misbehaves on request.

Settings, all optional, from the environment:
    PORT            where it listens (5000)
    LISTEN_AFTER    seconds until it does
    HEALTHY_AFTER   seconds until /health answers 200 instead of 503
    DELAY           seconds that every answer takes
    ON_TERM         "finish" (it goes on for LAST_WORDS, then closes its listener, having taken what waited there,
                    answers what is under way, and ends), "hang up" (it closes its listener and idle connections at
                    once, and answers what is under way) or "drop" (it ends at once)
    LAST_WORDS      seconds for which one that finishes goes on (1)
    VERSION         told by /version

Paths: / (any method), /health (`POST /health?is=503` switches it), /slow?seconds=1, /download?seconds=1, /websocket
(echoes), /headers, /version, /status?is=418; everything else is answered as / is.

`server.py check` is for HEALTHCHECK: its exit code tells what /health of this container says.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

BORN = time.monotonic()
PORT = int(os.environ.get("PORT", "5000"))
LAST_WORDS = float(os.environ.get("LAST_WORDS", "1"))
"""An engine tells of a stop only after the signal, on a busy machine well after it. A connection that the kernel lets
in while a listener closes is reset, whatever the application does."""
PIECES = 20
"""Parts in which a slow download comes."""
WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
"""Kinds of WebSocket frames (RFC 6455, 5.2)."""


def own_name() -> str:
    """The container's short id, whatever its host name was set to."""
    with contextlib.suppress(OSError):
        if found := re.search(r"/containers/([0-9a-f]{12})[0-9a-f]{52}/", Path("/proc/self/mountinfo").read_text()):
            return found[1]
    return socket.gethostname()


NAME = own_name()


class Request:
    """What one request asks for."""

    def __init__(self, method: str, target: str, headers: dict[str, str]) -> None:
        url = urlsplit(target)
        self.method = method
        self.target = target
        self.path = url.path
        self.query = dict(parse_qsl(url.query))
        self.headers = headers

    @property
    def keeps_connection(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


class Application:
    """All of it; one in a process."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._healthy_at = BORN + float(os.environ.get("HEALTHY_AFTER", "0"))
        self._health = 0
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until told to stop; return when the last request under way has been answered."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), float(os.environ.get("LISTEN_AFTER", "0")))
        listener = socket.create_server(("", PORT), backlog=1024)
        listener.setblocking(False)
        server = await asyncio.start_server(self._welcome, sock=listener)
        await self.stopping.wait()
        finishes = os.environ.get("ON_TERM", "finish") == "finish"
        if finishes:
            await asyncio.sleep(LAST_WORDS)
        async with asyncio.TaskGroup() as group:
            for connection in _stop_listening(listener) if finishes else ():
                group.create_task(self._receive(connection))
            server.close()
            await self._finish()

    async def _finish(self) -> None:
        """Answer what is under way, and hang up on the others."""
        for task in self._conversations.keys() - self._busy:
            task.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=30)

    async def _receive(self, connection: socket.socket) -> None:
        await self._welcome(*await asyncio.open_connection(sock=connection))

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        self._conversations[me] = writer
        try:
            await self._converse(me, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self._conversations[me]
            writer.close()

    async def _converse(
        self, me: "asyncio.Task[None]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one connection."""
        while request := await read_request(reader):
            self._busy.add(me)
            try:
                keep = await self._serve(request, reader, writer)
                await writer.drain()
            finally:
                self._busy.discard(me)
            if not keep:
                return

    async def _serve(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection is good for another request."""
        await asyncio.sleep(float(os.environ.get("DELAY", "0")))
        if request.path == "/websocket":
            await echo_frames(request, reader, writer)
            return False
        if request.path == "/download":
            await download(float(request.query.get("seconds", "1")), writer)
            return False
        status, body = await self._answer(request)
        keep = request.keeps_connection and not self.stopping.is_set()
        writer.write(head(status, f"Content-Length: {len(body.encode())}", keep=keep) + body.encode())
        return keep

    async def _answer(self, request: Request) -> tuple[str, str]:
        """Status line and body."""
        match request.path:
            case "/health":
                if request.method == "POST":
                    self._health = int(request.query["is"])
                status = self._health or (200 if time.monotonic() >= self._healthy_at else 503)
                return f"{status} Health", f"{status}\n"
            case "/headers":
                return "200 OK", json.dumps({"target": request.target, "headers": request.headers}) + "\n"
            case "/slow":
                await asyncio.sleep(float(request.query.get("seconds", "1")))
            case "/version":
                return "200 OK", os.environ.get("VERSION", "1") + "\n"
            case "/status":
                return f"{request.query.get('is', '200')} As You Like", "as you like\n"
        return "200 OK", f"hello from {NAME}\n"


def _stop_listening(listener: socket.socket) -> list[socket.socket]:
    """Stop with nobody in the queue, and return who waited there: closing resets those whom the kernel has let in.

    The request of such a client has been sent and acknowledged by then, and nobody but us knows that it was not carried
    out. Shutting down ends a listener on Linux as closing does (shutdown(2)).
    """
    waiting = []
    with contextlib.suppress(BlockingIOError):
        while True:
            waiting.append(listener.accept()[0])
    listener.shutdown(socket.SHUT_RD)
    return waiting


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, its body read and dropped; None when there is none any more."""
    words = (await reader.readline()).decode("latin-1").split()
    if not words:
        return None
    headers = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        key, _, value = line.partition(":")
        headers[key.lower()] = value.strip()
    await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(words[0], words[1], headers)


def head(status: str, *lines: str, keep: bool) -> bytes:
    common = ("Content-Type: text/plain", f"X-Server: {NAME}", f"Connection: {'keep-alive' if keep else 'close'}")
    return "\r\n".join((f"HTTP/1.1 {status}", *common, *lines, "", "")).encode()


async def download(seconds: float, writer: asyncio.StreamWriter) -> None:
    """A body that takes its time, in chunks of one line."""
    writer.write(head("200 OK", "Transfer-Encoding: chunked", keep=False))
    for number in range(PIECES):
        line = f"{number} from {NAME}\n".encode()
        writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        await writer.drain()
        await asyncio.sleep(seconds / PIECES)
    writer.write(b"0\r\n\r\n")


async def echo_frames(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A WebSocket that says everything back until it is closed (RFC 6455)."""
    digest = hashlib.sha1(request.headers["sec-websocket-key"].encode() + WEBSOCKET_KEY).digest()
    accept = f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        accept,
        f"X-Server: {NAME}",
    )
    writer.write("\r\n".join((*lines, "", "")).encode())
    while True:
        kind, payload = await read_frame(reader)
        writer.write(frame(PONG if kind == PING else kind, payload))
        await writer.drain()
        if kind == CLOSE:
            return


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    length = (
        bytes([size])
        if size < 126
        else struct.pack("!BH", 126, size)
        if size < 1 << 16
        else struct.pack("!BQ", 127, size)
    )
    return bytes([0x80 | kind]) + length + payload


def is_healthy() -> bool:
    with socket.create_connection(("127.0.0.1", PORT), timeout=2) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
        return connection.recv(1024).startswith(b"HTTP/1.1 200 ")


async def main() -> None:
    application = Application()
    ends_at_once = os.environ.get("ON_TERM") == "drop"
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, (lambda: os._exit(0)) if ends_at_once else application.stopping.set
    )
    await application.run()


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        sys.exit(not is_healthy())
    asyncio.run(main())
