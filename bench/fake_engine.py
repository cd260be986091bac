"""A Docker engine of N synthetic containers, fast enough not to be what is measured; in a process of its own.

It speaks the part of the API that proxies use, over a unix socket and TCP, counts every call and byte, and is told
what happens over a control socket, one JSON object a line. Documents are encoded once, requests are parsed by hand.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uvloop

from fleet import LONG_AGO, NETWORKS, Replica

DIES_AFTER = 0.03
"""Seconds from the signal until the container has ended, as measured on engine 20.10."""
VERSION = {
    "Version": "20.10.24",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.12",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [{"Name": "Engine", "Version": "20.10.24"}],
}
INFO = {"ID": "BENCH", "Name": "bench", "ServerVersion": "20.10.24", "Swarm": {"LocalNodeState": "inactive"}}

PLAIN: dict[str, Any] = {"/version": VERSION, "/info": INFO, "/networks": NETWORKS}
PLAIN |= {f"/networks/{network[key]}": network for network in NETWORKS for key in ("Name", "Id")}


class Engine:
    """The containers, who listens to their events, and what was asked."""

    def __init__(self, containers: int, proxy_port: int) -> None:
        self._proxy_port = proxy_port
        self.calls: Counter[str] = Counter()
        self.bytes_out = 0
        self.listeners: dict[asyncio.Transport, bool] = {}
        """Event stream -> whether it is the floor's, which hears only what is meant for it."""
        self._replicas: dict[str, Replica] = {}
        self._by_name: dict[str, Replica] = {}
        self._inspected: dict[str, bytes] = {}
        self._entries: dict[str, bytes] = {}
        self._numbers = 0
        self._hosts = 0
        for _ in range(containers):
            self._add(self._replica(self._host()))
        for replica in self._replicas.values():
            self._inspect(replica)

    # What happens

    def start(self, host: str | None) -> dict[str, Any]:
        """A new container of this host (None: of a new host) starts."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
        replica = self._replica(host or self._host(), started_at=now)
        self._add(replica)
        self._inspect(replica)
        told = b"\n".join((replica.event("create"), replica.network_event("connect"), replica.event("start"), b""))
        at = time.monotonic_ns()
        self.tell(told)
        return {"name": replica.name, "host": replica.host, "at": at}

    def stop(self, name: str) -> dict[str, Any]:
        """A container is told to stop, ends a moment later, and is removed."""
        replica = self._by_name[name]
        at = time.monotonic_ns()
        self.tell(replica.event("kill", signal="15") + b"\n")
        asyncio.get_running_loop().call_later(DIES_AFTER, self._end, replica)
        return {"name": name, "host": replica.host, "at": at}

    def tell(self, event: bytes, *, to_floor: bool = False) -> None:
        data = b"%x\r\n%s\r\n" % (len(event), event)
        for transport, is_floor in self.listeners.items():
            if is_floor is to_floor:
                transport.write(data)
                self.bytes_out += len(data)

    def _end(self, replica: Replica) -> None:
        replica.state = "exited"
        self._inspected.pop(replica.id, None)
        self._entries.pop(replica.id, None)
        told = (
            replica.event("die", exitCode="143"),
            replica.network_event("disconnect"),
            replica.event("stop"),
            replica.event("destroy"),
        )
        del self._replicas[replica.id], self._by_name[replica.name]
        self.tell(b"\n".join((*told, b"")))

    def _add(self, replica: Replica) -> None:
        self._replicas[replica.id] = self._by_name[replica.name] = replica
        self._entries[replica.id] = replica.entry()

    def _replica(self, host: str, started_at: str = LONG_AGO) -> Replica:
        return Replica(number=self._number(), host=host, started_at=started_at, proxy_port=self._proxy_port)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _host(self) -> str:
        self._hosts += 1
        return f"h{self._hosts}"

    # What is asked

    def answer(self, method: str, target: str) -> tuple[str, bytes]:
        """Kind of the call and the whole HTTP response; an empty one for the event stream."""
        path, _, query = target.partition("?")
        if path.startswith("/v1."):
            path = path[path.index("/", 1) :]
        if path == "/events":
            return "events", b""
        if path == "/_ping":
            return "ping", _response(b"" if method == "HEAD" else b"OK")
        if path == "/containers/json":
            return "list", _response(b"[" + b",".join(self._entries.values()) + b"]")
        if path.startswith("/containers/") and path.endswith("/json"):
            id_or_name = path[12:-5]
            replica = self._replicas.get(id_or_name) or self._by_name.get(id_or_name)
            return "inspect", self._inspect(replica) if replica else _response(b'{"message":"No such container"}', 404)
        known = PLAIN.get(path)
        del query
        return path[1:], _response(json.dumps(known).encode()) if known is not None else _response(b"{}", 404)

    def _inspect(self, replica: Replica) -> bytes:
        known = self._inspected.get(replica.id)
        if known is None:
            known = self._inspected[replica.id] = _response(replica.inspected())
        return known


class Connection(asyncio.Protocol):
    """One client, keep-alive and pipelining included."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._engine.listeners.pop(self._transport, None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line = self._buffer[: self._buffer.index(b"\r\n")].decode()
            self._buffer = self._buffer[end + 4 :]
            method, target, _ = line.split(" ", 2)
            kind, response = self._engine.answer(method, target)
            self._engine.calls[kind] += 1
            if kind == "events":
                response = _EVENTS_HEAD
                self._engine.listeners[self._transport] = "floor=1" in target
            self._engine.bytes_out += len(response)
            self._transport.write(response)


_EVENTS_HEAD = (
    b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _response(body: bytes, status: int = 200) -> bytes:
    return (
        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}\r\nApi-Version: 1.41\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Control:
    """Does as it is told by the bench, one JSON object a line each way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                order = json.loads(line)
                for told in await self._obey(order, writer):
                    writer.write(json.dumps(told).encode() + b"\n")
                await writer.drain()
        except (asyncio.CancelledError, ConnectionError):
            return  # the bench is over
        finally:
            writer.close()

    async def _obey(  # noqa: PLR0911 - one return for each order
        self, order: dict[str, Any], writer: asyncio.StreamWriter
    ) -> Iterable[dict[str, Any]]:
        engine = self._engine
        match order.pop("op"):
            case "start":
                return [engine.start(order.get("host"))]
            case "stop":
                return [engine.stop(order["name"])]
            case "burst":
                return [{"started": [engine.start(host) for host in order["hosts"]]}]
            case "stop_all":
                return [{"stopped": [engine.stop(name) for name in order["names"]]}]
            case "rate":
                await self._churn(order["hosts"], order["per_second"], order["seconds"], writer)
                return [{"done": True}]
            case "floor":
                at = time.monotonic_ns()
                engine.tell(
                    json.dumps({"Type": "container", "Action": "start", **order}).encode() + b"\n", to_floor=True
                )
                return [{"at": at}]
            case "counts":
                return [{"calls": dict(engine.calls), "bytes": engine.bytes_out}]
            case other:
                return [{"error": f"unknown order {other}"}]

    async def _churn(self, hosts: list[str], per_second: float, seconds: float, writer: asyncio.StreamWriter) -> None:
        """Half of the events are starts, half stops of what was started 50 starts ago; evenly spread."""
        loop = asyncio.get_running_loop()
        begin, running, done = loop.time(), [], 0
        while done < per_second * seconds:
            due = int((loop.time() - begin) * per_second)
            while done < due:
                if done % 2 and len(running) > 50:
                    self._engine.stop(running.pop(0))
                else:
                    started = self._engine.start(hosts[done // 2 % len(hosts)])
                    running.append(started["name"])
                    writer.write(json.dumps(started).encode() + b"\n")
                done += 1
            await asyncio.sleep(0.001)
        for name in running:
            self._engine.stop(name)


async def serve(engine: Engine, socket: Path, control: Path, port: int, ready: Callable[[], None]) -> None:
    """Until SIGTERM."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    servers = [await loop.create_unix_server(lambda: Connection(engine), str(socket), backlog=4096)]
    if port:
        servers.append(await loop.create_server(lambda: Connection(engine), "127.0.0.1", port, backlog=4096))
    servers.append(await asyncio.start_unix_server(Control(engine).serve, str(control), limit=1 << 24))
    ready()
    await over.wait()
    for server in servers:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=100)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--proxy-port", type=int, default=80, help="where containers ask easyhaproxy to listen")
    parser.add_argument("--port", type=int, default=0, help="also serve on this TCP port of the loopback address")
    options = parser.parse_args()

    def ready() -> None:
        print("ready", flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        engine = Engine(options.containers, options.proxy_port)
        runner.run(serve(engine, options.socket, options.control, options.port, ready))


if __name__ == "__main__":
    sys.exit(main())
