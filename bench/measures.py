"""The measures of the control plane, each on a running stack. Times in milliseconds unless a name says otherwise."""

import socket
import subprocess
import time
from typing import NamedTuple

import fleet
from gauges import LateError, cpu_seconds, percentiles, resident, until
from stack import Stack

SETTLE = 0.06
"""Seconds after a stop until the engine has told all of it."""


class Spent(NamedTuple):
    """CPU seconds of controller and proxy, and how long it took."""

    controller: float
    proxy: float
    seconds: float


def floor_latency(stack: Stack, rounds: int) -> tuple[float, float, float]:
    """Event -> in rotation, by a script that does nothing but write one command (floor.py).

    Its server is in a backend that Interlock does not look at, else it would be removed.
    """
    runtime, backend = stack.runtime, "interlock_unknown"
    server = f"{backend}/floor"
    runtime.ask(f"add server {server} 127.0.0.1:{fleet.PORT}")
    stack.start_floor()
    found = []
    for _ in range(rounds):
        runtime.ask(f"set server {server} state maint")
        time.sleep(0.01)
        stack.control.order("floor", server=server)
        at = until(lambda: "floor" in runtime.ready_servers(backend))
        found.append((at - stack.control.answer()["at"]) / 1e6)
    runtime.ask(f"set server {server} state maint")
    runtime.ask(f"del server {server}")
    return percentiles(found)


def known_host_latency(stack: Stack, rounds: int) -> tuple[float, float, float]:
    """A container of a host that is served already starts -> HAProxy has its server in rotation."""
    runtime = stack.runtime
    found = []
    for turn in range(rounds):
        host = f"h{3 + turn % max(1, min(stack.containers - 3, 500))}"
        backend = stack.backend(host)
        before = len(runtime.ready_servers(backend))
        stack.control.order("start", host=host)
        at = until(lambda: len(runtime.ready_servers(backend)) > before)  # noqa: B023 - called at once
        started = stack.control.answer()
        found.append((at - started["at"]) / 1e6)
        stack.control.ask("stop", name=started["name"])
        time.sleep(SETTLE)
    return percentiles(found)


def new_host_latency(stack: Stack, rounds: int) -> tuple[float, float, float]:
    """A container of a host that nobody knows starts -> the first 200 for that host."""
    web = stack.web
    found = []
    for turn in range(rounds):
        host = f"new{turn}-{time.monotonic_ns() % 10**6}"
        stack.control.order("start", host=host)
        at = until(lambda: web.status(f"{host}.{fleet.DOMAIN}") == 200)  # noqa: B023 - called at once
        found.append((at - stack.control.answer()["at"]) / 1e6)
        time.sleep(SETTLE)
    return percentiles(found)


def cost_per_event(stack: Stack, *, per_second: float, seconds: float) -> dict[str, float]:
    """CPU (microseconds), calls and bytes for one start or stop; what HAProxy spends on checks anyway is taken off."""
    time.sleep(1.5)  # whatever is written behind is written
    idle = _spent(stack, lambda: time.sleep(seconds))
    before = stack.control.ask("counts")

    hosts = _hosts(stack, 50)
    runtime, backends = stack.runtime, [stack.backend(host) for host in hosts]

    def churn() -> None:
        stack.control.order("rate", hosts=hosts, per_second=per_second, seconds=seconds)
        names = set()
        while "done" not in (told := stack.control.answer()):
            names.add(told["name"])
        until(lambda: not any(names & runtime.ready_servers(backend) for backend in backends), pause=0.2)

    spent = _spent(stack, churn)
    longer = spent.seconds / idle.seconds
    time.sleep(SETTLE * 2)
    after = stack.control.ask("counts")
    events = per_second * seconds
    calls = {kind: count - before["calls"].get(kind, 0) for kind, count in after["calls"].items()}
    return {
        "controller_us": (spent.controller - idle.controller * longer) / events * 1e6,
        "proxy_us": (spent.proxy - idle.proxy * longer) / events * 1e6,
        "inspects": calls.get("inspect", 0) / events,
        "lists": float(calls.get("list", 0)),
        "bytes": (after["bytes"] - before["bytes"]) / events,
    }


def burst(stack: Stack, size: int) -> dict[str, float]:
    """So many containers of known hosts start at once -> all of them in rotation."""
    hosts = [f"h{1 + number % stack.containers}" for number in range(size)]
    runtime = stack.runtime
    began = time.monotonic_ns()
    names = {one["name"] for one in stack.control.ask("burst", hosts=hosts)["started"]}
    at = until(lambda: names <= runtime.every_ready_server(), pause=0.01)
    stack.control.ask("stop_all", names=sorted(names))
    gone = until(lambda: not names & runtime.every_ready_server(), pause=0.01)
    return {"in_ms": (at - began) / 1e6, "out_ms": (gone - at) / 1e6}


def sustained(stack: Stack, *, per_second: float, seconds: float) -> dict[str, float]:
    """Events at a steady rate: how far behind the proxy is, by a sample of the starts; how soon all is right after.

    The wait for each sampled server is part of its lag; one that was stopped before it was ever seen counts as lost.
    """
    runtime = stack.runtime
    stack.control.order("rate", hosts=_hosts(stack, 500), per_second=per_second, seconds=seconds)
    lags: list[float] = []
    started: list[dict[str, int | str]] = []
    lost = 0
    while "done" not in (told := stack.control.answer()):
        started.append(told)
        if time.monotonic_ns() - int(told["at"]) > 5_000_000:
            continue  # an old line, read late because of the sample before it
        backend = stack.backend(str(told["host"]))
        try:
            at = until(lambda: told["name"] in runtime.ready_servers(backend), seconds=1)  # noqa: B023 - called at once
            lags.append((at - int(told["at"])) / 1e6)
        except LateError:
            lost += 1
    over = time.monotonic_ns()
    names = {one["name"] for one in started}
    at = until(lambda: not names & runtime.every_ready_server(), pause=0.01)
    p50, p95, p99 = percentiles(lags or [float("inf")])
    return {"p50": p50, "p95": p95, "p99": p99, "samples": len(lags), "lost": lost, "converged_ms": (at - over) / 1e6}


def engine_answer_seconds(stack: Stack) -> float:
    """How long the engine itself needs for the requests of a start: a list and an inspect of each, eight at a time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(stack.engine_socket))
        answers = connection.makefile("rb", buffering=1 << 20)
        began = time.monotonic()
        body = _fetched(connection, answers, ["/containers/json?all=1"])[0]
        ids = [part.split(b'"', 1)[0].decode() for part in body.split(b'{"Id":"')[1:]]
        for position in range(0, len(ids), 8):
            _fetched(connection, answers, [f"/containers/{id_}/json" for id_ in ids[position : position + 8]])
        return time.monotonic() - began


def memory(stack: Stack) -> float:
    """Megabytes of the controller."""
    return resident(stack.interlock_pid)


def versions(binary: str) -> str:
    return subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stdout.split(" 20")[0].strip()


def _hosts(stack: Stack, count: int) -> list[str]:
    return [f"h{3 + number}" for number in range(max(1, min(stack.containers - 3, count)))]


def _spent(stack: Stack, work: object) -> Spent:
    """What some work took; the processes of a reload in between are missed."""
    began = time.monotonic()
    controller = cpu_seconds(stack.interlock_pid)
    proxies = {pid: cpu_seconds(pid) for pid in stack.proxy_pids()}
    work()  # type: ignore[operator]  # a callable
    now = {pid: cpu_seconds(pid) for pid in stack.proxy_pids()}
    return Spent(
        controller=cpu_seconds(stack.interlock_pid) - controller,
        proxy=sum(seconds - proxies.get(pid, 0) for pid, seconds in now.items()),
        seconds=time.monotonic() - began,
    )


def _fetched(connection: socket.socket, answers: object, paths: list[str]) -> list[bytes]:
    connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n" for path in paths).encode())
    bodies = []
    for _ in paths:
        length = 0
        while (line := answers.readline()) != b"\r\n":  # type: ignore[attr-defined]  # a file
            if line.startswith(b"Content-Length:"):
                length = int(line[15:])
        bodies.append(answers.read(length))  # type: ignore[attr-defined]  # a file
    return bodies
