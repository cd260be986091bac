"""Small web applications on 127.0.0.1, to stand behind a proxy under test."""

import asyncio
import contextlib
import functools
import ssl
from typing import Any

from aiohttp import web

from interlock.core.model import ContainerKey, Server

LARGEST_BODY = 1 << 30


class Applications:
    """Web applications that answer with their own name; `seen` holds the head of each request.

    `/bytes` answers with the size of the request's body, `/slow` in two pieces, the second one after `go` is set;
    those that are `weak` hang up on `/hangup` and answer `/fails` with 500. A websocket sends back what it gets.
    """

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.seen: list[str] = []
        self.go = asyncio.Event()
        self.weak: set[str] = set()
        self._runners: list[tuple[str, web.AppRunner]] = []

    async def start(self, *names: str, tls: ssl.SSLContext | None = None) -> None:
        for name in names:
            app = web.Application(client_max_size=LARGEST_BODY)
            app.router.add_route("*", "/{path:.*}", functools.partial(self._answer, name))
            runner = web.AppRunner(app, shutdown_timeout=0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            self._runners.append((name, runner))
            self.ports[name] = runner.addresses[0][1]

    def server(self, name: str, **fields: Any) -> Server:
        """One that was started, as a server of a backend."""
        return Server(
            name=name, address="127.0.0.1", port=self.ports[name], container=ContainerKey("e", name), **fields
        )

    async def kill(self, name: str) -> None:
        """As a container that is killed: nobody listens, and every connection is cut."""
        for runner in [runner for owner, runner in self._runners if owner == name]:
            for site in runner.sites:
                await site.stop()
            for connection in runner.server.connections if runner.server is not None else ():
                if connection.transport is not None:
                    connection.transport.abort()
            await runner.cleanup()
        self._runners = [pair for pair in self._runners if pair[0] != name]

    async def stop(self) -> None:
        self.go.set()
        for name in {name for name, _ in self._runners}:
            await self.kill(name)

    async def _answer(self, name: str, request: web.Request) -> web.StreamResponse:
        headers = (b": ".join(pair).decode() for pair in request.raw_headers)
        self.seen.append(f"{request.method} {request.raw_path} HTTP\r\n" + "\r\n".join(headers) + "\r\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._talk(request)
        if name in self.weak and request.path == "/hangup" and request.transport is not None:
            request.transport.abort()
        if name in self.weak and request.path == "/fails":
            return web.Response(text=name, status=500)
        if request.path.endswith("/bytes"):
            return web.Response(text=str(len(await request.read())))
        if request.path.endswith("/slow"):
            answer = web.StreamResponse()
            await answer.prepare(request)
            await answer.write(b"first ")
            await self.go.wait()
            with contextlib.suppress(ConnectionError):
                await answer.write(b"second")
            return answer
        return web.Response(text=name, headers={"Server": name})

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        socket_ = web.WebSocketResponse()
        await socket_.prepare(request)
        async for message in socket_:
            await socket_.send_str(message.data)
        return socket_
