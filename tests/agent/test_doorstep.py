"""Who is let in: with a certificate of the CA, for as long as they ask, and as many as there are places."""

import asyncio
import contextlib
import ssl

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from interlock.agent import doorstep
from interlock.agent.doorstep import Doorstep
from interlock.agent.keys import make
from interlock.agent.refusals import Refusals
from interlock.agent.trust import Trust, TrustFiles
from interlock.host.listening import listen_on
from interlock.host.tasks import Tasks

SECONDS = 30.0


def keys(folder, *, days=365, is_renewal=False):
    make(folder, names=(), days=days, is_renewal=is_renewal)
    return folder


def trust_of(folder):
    return Trust(TrustFiles(str(folder / "ca.pem"), str(folder / "agent.pem"), str(folder / "agent-key.pem")))


def client_tls(folder, *, whose="client", trusts=None):
    context = ssl.create_default_context(cafile=(trusts or folder) / "ca.pem")
    if whose:
        context.load_cert_chain(folder / f"{whose}.pem", folder / f"{whose}-key.pem")
    return context


async def answer(_):
    return web.Response(text="hello")


@contextlib.asynccontextmanager
async def serving(tls, **options):
    listener = listen_on("127.0.0.1:0", setting="test")
    tasks = Tasks("test")
    door = Doorstep(listener, answer, Refusals(asyncio.get_running_loop().time), tls=tls, **options)
    tasks.start("door", door.accept())
    try:
        yield listener.getsockname()[1]
    finally:
        await tasks.stop()
        listener.close()


async def ask(port, tls):
    """The answer; none where the connection is refused, at whichever step."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
        )
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return await reader.read()
        finally:
            writer.close()


async def test_a_client_of_the_ca_is_let_in(tmp_path):
    keys(tmp_path)
    async with serving(trust_of(tmp_path).context) as port:
        assert (await ask(port, client_tls(tmp_path))).endswith(b"hello")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["nobody", "another CA", "expired", "an agent"])
async def test_no_other_client_is_let_in_and_the_log_tells(tmp_path, who, version):
    mine, other = keys(tmp_path / "mine"), keys(tmp_path / "other")
    match who:
        case "nobody":
            tls = client_tls(mine, whose="")
        case "another CA":
            tls = client_tls(other, trusts=mine)
        case "an agent":
            tls = client_tls(mine, whose="agent")
        case _:
            make(mine, names=(), days=0, is_renewal=True)
            tls = client_tls(mine)
            keys(mine, is_renewal=True)
    tls.maximum_version = version
    async with serving(trust_of(mine).context) as port:
        with capture_logs() as lines:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                assert await ask(port, tls) == b""
            async with asyncio.timeout(SECONDS):
                while not lines:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
        assert lines[0]["event"].startswith("[agent] a client was not let in: ")


async def test_old_versions_of_tls_are_not_spoken(tmp_path):
    keys(tmp_path)
    assert trust_of(tmp_path).context().minimum_version is ssl.TLSVersion.TLSv1_2


async def test_who_speaks_no_tls_gets_no_answer(tmp_path):
    keys(tmp_path)
    async with serving(trust_of(tmp_path).context) as port:
        with contextlib.suppress(ConnectionError):
            assert b"hello" not in await ask(port, None)


async def test_with_two_cas_in_the_file_both_are_let_in(tmp_path):
    one, two = keys(tmp_path / "one"), keys(tmp_path / "two")
    tls = client_tls(two, trusts=one)
    with (one / "ca.pem").open("ab") as file:
        file.write((two / "ca.pem").read_bytes())
    async with serving(trust_of(one).context) as port:
        assert (await ask(port, client_tls(one))).endswith(b"hello")
        assert (await ask(port, tls)).endswith(b"hello")


async def test_after_a_change_of_ca_new_clients_need_the_new_one_and_open_connections_go_on(tmp_path):
    keys(tmp_path)
    trust, before = trust_of(tmp_path), client_tls(tmp_path)
    async with serving(trust.context) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=before, server_hostname="localhost")
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"hello")
        for file in tmp_path.iterdir():
            file.unlink()
        keys(tmp_path)
        trust.look()
        assert (await ask(port, client_tls(tmp_path))).endswith(b"hello")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask(port, before)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"hello")
        writer.close()


async def test_who_connects_and_asks_for_nothing_is_cut_off():
    async with serving(None, first_request_seconds=0.05) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HT")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


async def test_who_has_asked_for_something_may_stay():
    async with serving(None, first_request_seconds=2) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for pause in (2.5, 0):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"hello")
            await asyncio.sleep(pause)
        writer.close()


async def test_who_comes_when_all_places_are_taken_waits_for_one(monkeypatch):
    monkeypatch.setattr(doorstep, "MOST", 2)
    monkeypatch.setattr(doorstep, "PAUSE_SECONDS", 0.01)
    async with serving(None) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"hello")
        third = Tasks("test").start("third", ask(port, None))
        done, _ = await asyncio.wait([third], timeout=0.2)
        assert not done
        held[0][1].close()
        assert (await third).endswith(b"hello")
        held[1][1].close()
