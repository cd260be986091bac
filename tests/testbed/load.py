"""Constant load on a site from a process of its own, and an account of every request that did not go as it should.

As a program: `load.py ADDRESS PORT HOST RATE` says that it begins, asks until it is sent SIGTERM, then prints its
account as JSON.
"""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import NoReturn, Self

CLIENTS = 20
"""Half of them keep their connection, half open one for each request; half GET, half POST."""
STALL_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
HEARTBEAT = 0.02
"""Seconds after which this program wants to run again, to know when the machine did not let it."""
BEGUN = "begun\n"
"""What it prints first, once it would not be killed by a SIGTERM."""


class Account:
    """What became of the requests of one kind."""

    def __init__(self, report: dict[str, dict[str, object]]) -> None:
        self._report = report

    def failures(self, *kinds: str) -> list[str]:
        """What went wrong, of GET, POST or both."""
        chosen = kinds or ("GET", "POST")
        return [
            text for kind, counts in self._report.items() if kind.split()[0] in chosen for text in counts["failures"]
        ]

    @property
    def stalls(self) -> list[str]:
        """Requests that took over `STALL_SECONDS`, without the time for which the asking program itself did not run."""
        return [text for counts in self._report.values() for text in counts["stalls"]]

    @property
    def requests(self) -> int:
        return sum(int(counts["good"]) + len(counts["failures"]) for counts in self._report.values())

    @property
    def servers(self) -> set[str]:
        return {name for counts in self._report.values() for name in counts["servers"]}

    def __str__(self) -> str:
        failed = self.failures()
        slowest = max(float(counts["slowest"]) for counts in self._report.values())
        return (
            f"{self.requests} requests, {len(failed)} failed {Counter(failed).most_common(5)}, "
            f"{len(self.stalls)} took over {STALL_SECONDS:g} s, the slowest {slowest * 1000:.0f} ms"
        )


class Load:
    """`with Load(site) as load: …`; afterwards `load.account` tells."""

    def __init__(self, address: str, port: int, host: str, *, rate: int = 350) -> None:
        self._command = [sys.executable, __file__, address, str(port), host, str(rate)]
        self.account = Account({})

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None, "a pipe, as asked for"
        begun = self._process.stdout.readline()
        assert begun == BEGUN, f"the load did not begin: {begun!r}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=TIMEOUT_SECONDS * 2)
        self.account = Account(json.loads(output))


class FailedError(Exception):
    """A request that did not get what it should."""


class Absence:
    """How long this program did not get to run, on a machine that has too much to do."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.seconds = 0.0
        """In all, so far."""

    async def watch(self) -> NoReturn:
        """Count, for ever."""
        while True:
            due = time.monotonic() + HEARTBEAT
            await asyncio.sleep(HEARTBEAT)
            self.seconds += time.monotonic() - due


class Client:
    """Asks at a steady pace."""

    def __init__(self, address: str, port: int, host: str, *, method: str, keeps: bool, absence: Absence) -> None:
        self.kind = f"{method} {'kept' if keeps else 'fresh'}"
        self.good = 0
        self.stalls: list[str] = []
        self.slowest = 0.0
        self.failures: list[str] = []
        self.servers: set[str] = set()
        self._absence = absence
        self._answered = ""
        """By whom the last request was."""
        self._target = (address, port)
        self._keeps = keeps
        body = "x" * 64 if method == "POST" else ""
        close = "" if keeps else "Connection: close\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self._request = f"{method} / HTTP/1.1\r\nHost: {host}\r\n{close}{length}\r\n{body}".encode()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, pause: float, stop: asyncio.Event, offset: float) -> None:
        await asyncio.sleep(offset)
        due = time.monotonic()
        while not stop.is_set():
            began, absent, self._answered = time.monotonic(), self._absence.seconds, "nobody"
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await self._ask()
                self.good += 1
            except (OSError, asyncio.IncompleteReadError, FailedError, TimeoutError) as error:
                self.failures.append(f"{self.kind}: {type(error).__name__} {error}")
                self._hang_up()
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            if took > STALL_SECONDS:
                await self._note_stall(began, took, absent)
            due = max(due + pause, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        self._hang_up()

    async def _note_stall(self, began: float, took: float, absent: float) -> None:
        """Unless it was this program that stood still."""
        await asyncio.sleep(2 * HEARTBEAT)  # the present absence is only known once it is over
        absent = self._absence.seconds - absent
        if took - absent > STALL_SECONDS:
            when = f"{began - self._absence.began:.2f} s after the beginning"
            self.stalls.append(f"{self.kind}: {took:.2f} s, {when}; answered by {self._answered}; away {absent:.2f} s")

    async def _ask(self) -> None:
        if self._connection is None:
            self._connection = await asyncio.open_connection(*self._target)
        reader, writer = self._connection
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if not self._keeps or headers.get("connection", "").lower() == "close":
            self._hang_up()
        if status.split()[1] != "200":
            raise FailedError(status)
        self._answered = headers.get("x-server", "")
        self.servers.add(self._answered)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


async def ask_until_told(address: str, port: int, host: str, rate: int) -> dict[str, dict[str, object]]:
    absence = Absence()
    clients = [
        Client(address, port, host, method=("GET", "POST")[number % 2], keeps=number % 4 < 2, absence=absence)
        for number in range(CLIENTS)
    ]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write(BEGUN)
    sys.stdout.flush()
    pause = CLIENTS / rate
    async with asyncio.TaskGroup() as watchers:
        watch = watchers.create_task(absence.watch())
        async with asyncio.TaskGroup() as group:
            for number, client in enumerate(clients):
                group.create_task(client.run(pause, stop, pause * number / CLIENTS))
        watch.cancel()
    report: dict[str, dict[str, object]] = {}
    for kind in sorted({client.kind for client in clients}):
        chosen = [client for client in clients if client.kind == kind]
        report[kind] = {
            "good": sum(client.good for client in chosen),
            "stalls": [text for client in chosen for text in client.stalls],
            "slowest": max(client.slowest for client in chosen),
            "failures": [text for client in chosen for text in client.failures],
            "servers": sorted(set[str]().union(*(client.servers for client in chosen))),
        }
    return report


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(
            json.dumps(asyncio.run(ask_until_told(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
        )
