"""Connections are let in, whatever others do, and a lack of descriptors is waited out."""

import asyncio
import contextlib
import errno
import socket
import ssl

import pytest
import trustme

from interlock import accepting
from interlock.accepting import accept


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._transport.write(data)


@contextlib.asynccontextmanager
async def accepted(listener, **more):
    task = asyncio.get_running_loop().create_task(accept(listener, Echo, **more))
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


async def echo(listener, **more):
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*listener.getsockname(), **more)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        return answer


async def test_many_are_let_in_at_once(listener):
    async with accepted(listener):
        assert await asyncio.gather(*(echo(listener) for _ in range(50))) == [b"hello"] * 50


async def test_who_cannot_speak_tls_costs_nobody_else_anything(listener):
    authority, server, client = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with accepted(listener, tls=server) as task:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()
        assert await echo(listener, ssl=client) == b"hello"
        assert not task.done()


async def test_without_descriptors_it_waits_and_goes_on(listener, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE_SECONDS", 0.01)
    loop, tries = asyncio.get_running_loop(), []
    real = loop.sock_accept

    async def poor(sock):
        tries.append(sock)
        if len(tries) <= 3:
            raise OSError(errno.EMFILE if len(tries) < 3 else errno.ECONNABORTED, "no")
        return await real(sock)

    monkeypatch.setattr(loop, "sock_accept", poor)
    async with accepted(listener):
        assert await echo(listener) == b"hello"
    assert len(tries) >= 4
