"""The calls of a rollout, against an engine that says what the test wants and writes down what it is asked."""

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.rollout.client import DeployClient


@pytest.fixture
async def client(engine):
    async with DeployClient.connect(engine.address) as client:
        yield client


@pytest.mark.parametrize(("theirs", "spoken"), [("1.41", "v1.41"), ("1.56", "v1.56"), ("1.99", "v1.56")])
async def test_a_version_that_both_know_is_spoken(engine, theirs, spoken):
    engine.version = {"ApiVersion": theirs}
    engine.answers["GET", f"/{spoken}/containers/json"] = (200, b"[]")
    async with DeployClient.connect(engine.address) as client:
        assert await client.containers() == []
    assert engine.asked == [("GET", f"/{spoken}/containers/json?all=1", b"")]


async def test_who_is_no_engine_is_refused(engine):
    engine.version = {"product": "something else"}
    with pytest.raises(PermanentError, match="API is version"):
        async with DeployClient.connect(engine.address):
            pass


async def test_looking(engine, client):
    engine.answers["GET", "/v1.41/containers/a/json"] = (200, b'{"Id": "a", "Name": "/web", "Extra": {"x": 1}}')
    engine.answers["GET", "/v1.41/containers/b/json"] = (404, b'{"message": "No such container: b"}')
    engine.answers["GET", "/v1.41/images/registry:5000/team/web:1/json"] = (200, b'{"Id": "sha256:1"}')
    engine.answers["GET", "/v1.41/images/none/json"] = (404, b"{}")
    assert (await client.inspect("a")).name == "web"
    assert await client.inspect("b") is None
    assert (await client.image("registry:5000/team/web:1")).Id == "sha256:1"
    assert await client.image("none") is None


async def test_every_change_is_one_call(engine, client):
    engine.answers["POST", "/v1.41/containers/create"] = (201, b'{"Id": "new", "Warnings": []}')
    engine.answers["POST", "/v1.41/containers/new/start"] = (304, b"")
    engine.answers["POST", "/v1.41/containers/old/stop"] = (204, b"")
    assert await client.create("web_2", {"Image": "web:1"}) == "new"
    await client.attach("shop_back", "new", {"Aliases": ["web"]})
    await client.start("new")
    await client.stop("old", stop_timeout=3)
    await client.remove("old")
    await client.rename("new", "web")
    assert engine.asked == [
        ("POST", "/v1.41/containers/create?name=web_2", b'{"Image":"web:1"}'),
        (
            "POST",
            "/v1.41/networks/shop_back/connect",
            b'{"Container":"new","EndpointConfig":{"Aliases":["web"]}}',
        ),
        ("POST", "/v1.41/containers/new/start", b""),
        ("POST", "/v1.41/containers/old/stop", b""),
        ("DELETE", "/v1.41/containers/old?force=1", b""),
        ("POST", "/v1.41/containers/new/rename?name=web", b""),
    ]


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"{}"), (409, b'{"message": "removal of container old is already in progress"}')]
)
async def test_who_is_gone_or_going_need_not_be_removed(engine, client, status, body):
    engine.answers["DELETE", "/v1.41/containers/old"] = (status, body)
    engine.answers["POST", "/v1.41/containers/old/stop"] = (404, b"{}")
    await client.stop("old", stop_timeout=0)
    await client.remove("old")


@pytest.mark.parametrize(
    ("answer", "error", "what"),
    [
        ((409, b'{"message": "the name is in use"}'), TemporaryError, "answers 409 to POST /containers/create: the na"),
        ((500, b"boom\x1b[31m"), TemporaryError, r"answers 500 .*: boom\\x1b"),
        ((403, b"Forbidden"), PermanentError, "answers 403"),
        ((201, b"{"), TemporaryError, "POST /containers/create"),
    ],
)
async def test_the_engines_own_words_are_told(engine, client, answer, error, what):
    engine.answers["POST", "/v1.41/containers/create"] = answer
    with pytest.raises(error, match=what) as failed:
        await client.create("web_2", {})
    assert ("allow POST and DELETE" in failed.value.fix) is (error is PermanentError)


async def test_a_conflict_other_than_a_removal_under_way_is_an_error(engine, client):
    engine.answers["DELETE", "/v1.41/containers/old"] = (409, b'{"message": "something else"}')
    with pytest.raises(TemporaryError, match="something else"):
        await client.remove("old")


def frame(stream, text):
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        (frame(1, b"one\n") + frame(2, b"two\x1b[0m\nthr") + frame(2, b"ee\n"), ["one", "two\\x1b[0m", "three"]),
        (b"of a terminal\r\nnext\r\n", ["of a terminal", "next"]),
        (frame(1, b"cut")[:-1], ["cu"]),
        (b"", []),
    ],
)
async def test_the_last_lines_are_told_whether_framed_or_not(engine, client, log, lines):
    engine.answers["GET", "/v1.41/containers/a/logs"] = (200, log)
    assert await client.last_lines("a") == lines
    assert engine.asked[0][1] == "/v1.41/containers/a/logs?stdout=1&stderr=1&tail=20"


async def test_no_log_is_no_lines(engine, client):
    engine.answers["GET", "/v1.41/containers/a/logs"] = (501, b'{"message": "the log driver does not support reading"}')
    assert await client.last_lines("a") == []


async def test_an_engine_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(TemporaryError, match="cannot open the socket"):
        async with DeployClient.connect(EngineAddress.parse(f"unix://{tmp_path / 'none.sock'}")):
            pass
