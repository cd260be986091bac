"""The agent before a fake engine that writes down whatever reaches it."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from interlock.testing.fake_engine import Fault

METHODS = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "PROPFIND"]
REFUSED = Path(__file__).parents[1] / "data" / "agent" / "refused_targets.txt"
SECRET = "pa55word"


def run_web(engine, count=1):
    for number in range(count):
        engine.run(
            f"web-{number}",
            labels={"interlock.hostname": "www", "secret": SECRET},
            env=[f"PASSWORD={SECRET}", 'INTERLOCK_DATA={"hostname":"www"}'],
            ports={"80/tcp": [("0.0.0.0", 32768 + number % 1000)]},
        )


async def test_what_is_allowed_is_answered(bench):
    run_web(bench.engine)
    ping = await bench.client.ask("/_ping")
    assert (ping.status, ping.body, ping.headers["api-version"]) == (200, b"OK", "1.41")
    assert (await bench.client.ask("/_ping", method="HEAD")).status == 200
    assert (await bench.client.ask("/version")).document["ApiVersion"] == "1.41"
    assert "SystemTime" in (await bench.client.ask("/v1.41/info")).document
    listed = await bench.client.ask("/v1.41/containers/json?all=1")
    assert [entry["Names"] for entry in listed.document] == [["/web-0"]]
    inspected = await bench.client.ask(f"/containers/{listed.document[0]['Id']}/json")
    assert inspected.document["Config"]["Env"] == ['INTERLOCK_DATA={"hostname":"www"}']
    assert SECRET.encode() not in listed.body + inspected.body


async def test_no_other_path_reaches_the_engine(bench):
    for target in REFUSED.read_text().splitlines():
        reply = await bench.client.ask(target)
        assert reply.status in {400, 403}, target  # 400: what is no HTTP at all
        assert reply.status == 400 or "fix: " in reply.document["message"], target
    assert bench.engine.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_no_other_method_reaches_the_engine(bench, method):
    for target in (
        "/info",
        "/containers/json",
        "/containers/web-0/json",
        "/containers/web-0/start",
        "/containers/create",
    ):
        assert (await bench.client.ask(target, method=method)).status in {400, 403}
    assert bench.engine.requests == []


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /info HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /info HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n\r\n",
        b"GET http://docker/info HTTP/1.1\r\nHost: d\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nPOST ",
        b"GET /info HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
        b"GET /info HTTP/1.1\r\nHost: d\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: d\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: d\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda data: data[:60].decode("latin-1"),
)
async def test_tricks_with_bodies_headers_and_protocols_do_not_reach_the_engine(bench, request_):
    assert (await bench.client.send(request_)).status in {400, 403}
    assert bench.engine.requests == []


async def test_a_second_request_in_the_same_breath_is_examined_too(bench):
    creation = b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}"
    await bench.client.send(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n" + creation)
    assert bench.engine.requests == ["GET /_ping"]


async def test_an_engine_that_is_away_is_502_and_comes_back(away):
    reply = await away.client.ask("/version")
    assert reply.status == 502
    assert "engine.sock" in reply.document["message"]
    for _ in range(2):
        async with away.engine.serve_unix(away.engine_socket):
            assert (await away.client.ask("/version")).status == 200
        assert (await away.client.ask("/version")).status == 502
    assert (await away.client.ask("/healthz")).body == b"OK"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_a_refusal_of_the_engine_is_passed_on(bench, status):
    body = json.dumps({"message": "client version 1.24 is too old. Minimum supported API version is 1.40"}).encode()
    bench.engine.faults.append(Fault(call="list", status=status, body=body))
    reply = await bench.client.ask("/v1.24/containers/json")
    assert (reply.status, reply.body) == (status, body.replace(b": ", b":", 1))


async def test_a_redirection_or_something_that_is_no_document_is_502(bench):
    bench.engine.faults.append(Fault(call="list", status=302, headers={"Location": "/secrets"}, times=1))
    assert (await bench.client.ask("/containers/json")).status == 502
    bench.engine.faults.append(Fault(call="list", status=200, body=b"<html>", times=1))
    assert (await bench.client.ask("/containers/json")).status == 502


async def test_an_answer_beyond_all_measure_is_not_passed_on(bench, monkeypatch):
    monkeypatch.setattr("interlock.agent.upstream.LONGEST_ANSWER", 1000)
    run_web(bench.engine, 10)
    reply = await bench.client.ask("/containers/json")
    assert reply.status == 502
    assert "longer than" in reply.document["message"]


async def test_a_thousand_containers_are_listed(bench):
    run_web(bench.engine, 1000)
    reply = await bench.client.ask("/containers/json?all=1")
    assert len(reply.document) == 1000
    assert SECRET.encode() not in reply.body


async def test_events_come_as_they_happen_without_secrets(bench):
    run_web(bench.engine)
    async with bench.client.stream("/events") as stream, asyncio.timeout(30):
        bench.engine.check_health("web-0")
        bench.engine.stop("web-0")
        told = b""
        while b'"stop"' not in told:
            told += await stream.readline()
    assert SECRET.encode() not in told
    assert b"exec_" not in told
    assert b'"Action":"die"' in told


async def test_a_stream_that_breaks_is_broken_for_the_client_too(bench):
    async with bench.client.stream("/events") as stream:
        await bench.engine.events.subscribed()
        bench.engine.events.cut()
        async with asyncio.timeout(30):
            assert await stream.read() == b""  # not even the chunk that would end it well


async def test_the_engine_is_let_go_when_a_client_goes(bench):
    async with bench.client.stream("/events"):
        await bench.engine.events.subscribed()
    async with asyncio.timeout(30):
        while bench.engine.events._listeners:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("slow_seconds", [0.2])
async def test_a_client_that_takes_nothing_is_cut_off(bench):
    actor = {"ID": "ab" * 32, "Attributes": {"image": "x" * 1000}}
    line = json.dumps({"Type": "container", "Action": "start", "Actor": actor}).encode() + b"\n"
    async with bench.client.stream("/events") as stream, asyncio.timeout(60):
        await bench.engine.events.subscribed()
        for _ in range(100):
            bench.engine.events.send(line * 100)
        while bench.engine.events._listeners:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            assert len(await stream.read()) < 100 * 100 * len(line)


@pytest.mark.parametrize("slow_seconds", [0.2])
async def test_a_client_that_does_not_take_a_long_list_is_cut_off(bench):
    for number in range(2000):
        bench.engine.run(f"web_{number}", labels={"interlock.hostname": "x" * 500})
    whole = len((await bench.client.ask("/containers/json")).body)
    async with bench.client.stream("/containers/json") as stream, asyncio.timeout(60):
        await asyncio.sleep(3)
        with contextlib.suppress(ConnectionError):
            assert len(await stream.read()) < whole
