"""What is read off from outside: HAProxy's answers, an HTTP answer, a process's CPU and memory. Blocking and small."""

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PAUSE = 0.0001
"""Seconds between two looks: the grain of every latency here."""
PROMPT = b"\n> "
CONTAINER = re.compile(rb"^x-container: *(\S+)", re.IGNORECASE | re.MULTILINE)
"""Header in which a container of the bench says which one it is."""


class LateError(Exception):
    """What was waited for did not come."""


class Runtime:
    """HAProxy's runtime socket; connects again when a reload has replaced the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def ask(self, command: str) -> str:
        if self._socket is None:
            self._socket = _connected(self._path)
            self._exchange("prompt")
        return self._exchange(command)

    def ready_servers(self, backend: str) -> set[str]:
        """Names of a backend's servers that take traffic; none of a backend that is not there."""
        return {name for place, name in self._ready(self.ask(f"show servers state {backend}")) if place == backend}

    def every_ready_server(self) -> set[str]:
        return {name for _, name in self._ready(self.ask("show servers state"))}

    def reconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    @staticmethod
    def _ready(answer: str) -> Iterator[tuple[str, str]]:
        for line in answer.splitlines():
            fields = line.split()
            if len(fields) > 6 and fields[6] == "0":
                yield fields[1], fields[3]

    def _exchange(self, command: str) -> str:
        assert self._socket is not None
        self._socket.sendall(command.encode() + b"\n")
        answer = b""
        while not answer.endswith(PROMPT):
            data = self._socket.recv(1 << 20)
            if not data:
                self.reconnect()
                return ""
            answer += data
        return answer[: -len(PROMPT)].decode()


class Control:
    """The fake engine's control socket."""

    def __init__(self, path: Path) -> None:
        self._socket = _connected(path)
        self._lines = self._socket.makefile("rb")

    def order(self, op: str, **arguments: Any) -> None:
        """Give an order without waiting for its answer."""
        self._socket.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._lines.readline())
        return answer

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        self.order(op, **arguments)
        return self.answer()


class Web:
    """One kept-alive HTTP connection to a proxy, made again when it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def status(self, host: str) -> int:
        """Status of ``GET /``; 0 when there was no answer."""
        head = self._head(host)
        return int(head.split(b" ", 2)[1]) if head else 0

    def container(self, host: str) -> str:
        """Address of the container that answered ``GET /``; "" when none did, whatever the status."""
        found = CONTAINER.search(self._head(host))
        return found[1].decode() if found else ""

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _head(self, host: str) -> bytes:
        for _ in range(2):
            with contextlib.suppress(OSError):
                if self._socket is None:
                    self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=5)
                self._socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                head = self._socket.recv(65536)
                if head:
                    return head
            self.close()
        return b""


def until(condition: Callable[[], bool], *, seconds: float = 60, pause: float = PAUSE) -> int:
    """Wait for a condition; the monotonic time in nanoseconds at which it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LateError
        time.sleep(pause)
    return time.monotonic_ns()


def cpu_seconds(pid: int) -> float:
    """Time that all threads of a process have spent on a processor, to the nanosecond (/proc/PID/task/*/schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total / 1e9


def family_seconds(pids: list[int]) -> float:
    """Processor time of processes and of their children that have ended, which a reload leaves behind."""
    return sum(cpu_seconds(pid) + _of_ended_children(pid) for pid in pids)


def resident(pid: int) -> float:
    """Resident memory in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def proportional(pid: int) -> float:
    """Memory in megabytes, with a share of each page that others have too: so forks may be added (proc(5), smaps)."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1].split()[0]) / 1024
    return 0.0


def family(pid: int) -> list[int]:
    """A process, its children, theirs, and so on."""
    parents = {
        int(entry.parent.name): parent for entry in Path("/proc").glob("[0-9]*/stat") if (parent := _stat(entry, 1))
    }
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names something in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = entry.read_bytes().split(b"\0")
            if words[0].endswith(b"haproxy") and any(word.startswith(str(folder).encode()) for word in words):
                found.append(int(entry.parent.name))
    return found


def percentiles(values: list[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    ordered = sorted(values)
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95, 0.99))  # type: ignore[return-value]  # three


def _of_ended_children(pid: int) -> float:
    place = Path(f"/proc/{pid}/stat")
    return (_stat(place, 13) + _stat(place, 14)) / os.sysconf("SC_CLK_TCK")


def _stat(place: Path, field: int) -> int:
    """A number of /proc/PID/stat, counted from the state as 0; 0 of a process that is gone."""
    with contextlib.suppress(OSError):
        return int(place.read_text().rpartition(")")[2].split()[field])
    return 0


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(path))
    return connection
