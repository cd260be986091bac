"""Observers read from an engine: with GET alone, and every answer bounded."""

import asyncio

import msgspec
import pytest

from interlock.core.problems import TemporaryError
from interlock.engines import reader as reader_module
from interlock.engines.address import EngineAddress
from interlock.engines.patience import Patience
from interlock.engines.reader import ApiReader
from interlock.testing import FakeEngine, Fault

QUICK = Patience(connect=2, answer=2, ping=0.2, silence=0.05)


@pytest.fixture
async def fake(socket_path):
    engine = FakeEngine()
    async with engine.serve_unix(socket_path) as url:
        engine.reader = ApiReader(EngineAddress.parse(url, name="here"), QUICK)
        yield engine


async def test_an_answer_is_read_whole(fake):
    assert fake.reader.name == "here"
    id_ = fake.run("web_1")
    inspected = msgspec.json.decode(await fake.reader.get(f"/containers/{id_}/json"))
    assert inspected["Name"] == "/web_1"
    assert {request.split()[0] for request in fake.requests} == {"GET"}


async def test_an_answer_that_is_not_200_is_an_error_that_may_pass(fake):
    with pytest.raises(TemporaryError, match="404"):
        await fake.reader.get("/containers/none/json")
    fake.faults.append(Fault(call="info", status=500, body=b"no"))
    with pytest.raises(TemporaryError, match="500"):
        await fake.reader.get("/info")


@pytest.mark.parametrize("path", ["info", "/a b", "/a\r\nPOST /", "/ä", ""])
async def test_what_is_no_path_reaches_nobody(fake, path):
    with pytest.raises(TemporaryError, match="no path"):
        await fake.reader.get(path)
    with pytest.raises(TemporaryError, match="no path"):
        await anext(fake.reader.stream(path))
    assert not fake.requests


async def test_a_stream_gives_object_after_object_also_after_a_silence(fake):
    found = []
    async with asyncio.timeout(30):
        stream = fake.reader.stream("/events")
        reading = asyncio.get_running_loop().create_task(anext(stream))
        while fake.calls["ping"] < 2:  # the version's, and one of the silence  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        fake.run("web_1")
        found.append(await reading)
        found.append(await anext(stream))
        await stream.aclose()
    assert all(msgspec.json.decode(event)["Type"] in {"container", "network"} for event in found)


async def test_a_stream_that_breaks_off_is_an_error_and_one_that_is_refused_too(fake):
    stream = fake.reader.stream("/events")
    async with asyncio.timeout(30):
        reading = asyncio.get_running_loop().create_task(anext(stream))
        while not fake.calls["events"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        fake.faults.append(Fault(call="ping", status=500))
        with pytest.raises(TemporaryError, match="500"):
            await reading
    with pytest.raises(TemporaryError, match="404"):
        await anext(fake.reader.stream("/containers/none/json"))


async def test_streams_are_counted_and_bounded(fake, monkeypatch):
    monkeypatch.setattr(reader_module, "MOST_STREAMS", 1)
    fake.run("web_1")
    id_ = fake.run("web_2")
    path = f"/containers/{id_}/json"
    first = fake.reader.stream(path)
    await anext(first)
    with pytest.raises(TemporaryError, match="streams"):
        await anext(fake.reader.stream(path))
    await first.aclose()
    assert await anext(fake.reader.stream(path))


async def test_an_engine_that_is_not_there_is_an_error_that_may_pass(tmp_path):
    nobody = ApiReader(EngineAddress.parse(f"unix://{tmp_path}/none.sock"), QUICK)
    with pytest.raises(TemporaryError):
        await nobody.get("/info")
    with pytest.raises(TemporaryError):
        await anext(nobody.stream("/events"))
