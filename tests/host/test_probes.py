"""A server takes traffic once it has answered a first question."""

import asyncio

import pytest

from interlock.core.model import ContainerKey
from interlock.core.routes import Probe
from interlock.host import probes
from interlock.host.probes import Prober

KEY = ContainerKey("docker", "a" * 64)


def probe(port, **fields):
    made = {
        "key": KEY,
        "name": "web_1",
        "address": "127.0.0.1",
        "port": port,
        "endpoint": f"127.0.0.1:{port}",
        "started_at": "now",
        "host": "demo.interlock.com",
    }
    return Probe(**(made | fields))


@pytest.fixture
async def asked():
    """A prober, what it has answered, and whom it has called silent."""
    answered, silent = asyncio.Queue(), []
    prober = Prober(answered.put_nowait, lambda probe, why: silent.append((probe, why)))
    yield prober, answered, silent
    await prober.stop()


@pytest.fixture
async def listener():
    seen = []

    async def answer(reader, writer):
        if head := await reader.read(65536):
            seen.append(head.decode())
            writer.write(b"HTTP/1.1 503 Not Yet\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], seen
    server.close()


async def test_one_that_listens_answers_at_once(asked, listener):
    prober, answered, _ = asked
    prober.want([probe(listener[0])])
    async with asyncio.timeout(20):
        event = await answered.get()
    assert (event.key, event.endpoint, event.started_at) == (KEY, f"127.0.0.1:{listener[0]}", "now")


async def test_one_that_listens_later_answers_later_and_is_asked_until_then(asked):
    prober, answered, _ = asked
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    prober.want([probe(port)])
    prober.want([probe(port)])
    await asyncio.sleep(0.05)
    assert answered.empty()
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    async with asyncio.timeout(20):
        await answered.get()
    assert answered.empty(), "asked twice, answered once"
    server.close()


@pytest.mark.parametrize(
    ("waited", "pause"), [(0.0, 0.002), (0.004, 0.002), (0.02, 0.005), (2.0, 0.5), (4.0, 1.0), (900.0, 1.0)]
)
def test_an_answer_is_noticed_a_quarter_later_at_most_and_never_more_than_a_second(waited, pause):
    assert probes.pause_after(waited) == pause


async def test_a_warm_up_is_a_request_for_the_containers_own_host_and_any_answer_will_do(asked, listener):
    prober, answered, _ = asked
    port, seen = listener
    prober.want([probe(port, warm="/warm?up=1")])
    async with asyncio.timeout(20):
        await answered.get()
    (head,) = seen
    assert head.startswith("GET /warm?up=1 HTTP/1.1\r\n")
    assert "Host: demo.interlock.com\r\n" in head


async def test_one_that_stays_silent_is_reported_once(asked, monkeypatch):
    prober, _, silent = asked
    monkeypatch.setattr(probes, "SILENT_SECONDS", 0.0)
    one = probe(1)
    prober.want([one])
    async with asyncio.timeout(20):
        while not silent:  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert [asked_one for asked_one, _ in silent] == [one]
    assert silent[0][1]


async def test_nobody_is_asked_whom_nobody_wants_to_know_about(asked):
    prober, answered, _ = asked
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    prober.want([probe(port)])
    await asyncio.sleep(0)
    prober.only(KEY, ())
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    await asyncio.sleep(0.1)
    assert answered.empty()
    server.close()


async def test_why_nobody_answers_is_known_while_it_is_asked(asked):
    prober, _, _ = asked
    listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    prober.want([probe(port)])
    async with asyncio.timeout(20):
        while not prober.silence_of(KEY):  # noqa: ASYNC110 - nobody tells of a failed try
            await asyncio.sleep(0.01)
    assert prober.silence_of(KEY) == {f"127.0.0.1:{port}": "Connection refused"}
    assert prober.silence_of(ContainerKey("docker", "b" * 64)) == {}
    prober.only(KEY, [])
    assert prober.silence_of(KEY) == {}
