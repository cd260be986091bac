"""A relay in front of an engine's socket: it counts what is asked, and cuts what is answered."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

_REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT|DELETE) (?:http://[^/ ]+)?(?:/v[0-9.]+)?(/\S*) HTTP/1\.1\r$", re.MULTILINE)
_EVENTS = re.compile(r"/events\b")
BLOCK = 65536


class Relay:
    """Listens on a unix socket of its own; a context manager."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.path = path
        self.requests: list[str] = []
        """Every request so far, as ``GET /containers/json?all=1``, without the API version."""
        self._engine = engine
        self._cut = threading.Event()
        self.cuts = 0
        """Streams cut so far."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, name="relay", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept() sees a shutdown, but not a close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._open:
                _hang_up(end)

    def cut_next_event(self) -> None:
        """Let only half of the next event through, then hang up."""
        self._cut.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX)
        try:
            engine.connect(str(self._engine))
        except OSError:
            client.close()
            engine.close()
            return
        with self._lock:
            self._open.update((client, engine))
        connection = _Connection()
        for source, target, pass_on in (
            (client, engine, lambda data: self._note(data, connection)),
            (engine, client, lambda data: self._halve(data, connection)),
        ):
            threading.Thread(target=self._pump, args=(source, target, pass_on), name="relay", daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, pass_on: Callable[[bytes], bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                passed = pass_on(data)
                target.sendall(passed)
                if len(passed) < len(data):
                    break
        for end in (source, target):
            _hang_up(end)
        with self._lock:
            self._open.discard(source)
            source.close()  # the other direction's thread closes the target

    def _note(self, data: bytes, connection: "_Connection") -> bytes:
        for method, target in _REQUEST.findall(data):
            request = f"{method.decode()} {target.decode()}"
            self.requests.append(request)
            connection.is_stream = bool(_EVENTS.search(request))
        return data

    def _halve(self, data: bytes, connection: "_Connection") -> bytes:
        if not (connection.is_stream and self._cut.is_set() and b"{" in data):
            return data
        self._cut.clear()
        self.cuts += 1
        return data[: (data.index(b"{") + len(data)) // 2]


class _Connection:
    """What is known of one connection."""

    is_stream = False
    """Whether it carries events."""


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
