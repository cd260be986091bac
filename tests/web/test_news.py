"""What happens, told to whoever listens, and to nobody's cost."""

import asyncio
import json
import tempfile
from pathlib import Path

import aiohttp
import pytest

from interlock.core.happenings import EngineLost, ProblemRaised
from interlock.core.problems import Problem, TemporaryError
from interlock.host.listening import Listener as SocketListener
from interlock.web import news as news_module
from interlock.web.news import HEARTBEAT, KEPT, MOST_LISTENERS, MOST_WAITING, News
from interlock.web.server import serve

SECONDS = 30.0


def lost(number):
    return EngineLost(at=float(number), engine="docker", reason=f"for the {number}th time")


async def next_of(texts):
    async with asyncio.timeout(SECONDS):
        return await anext(texts)


def parsed(text):
    """The fields of one server-sent event."""
    return dict(line.split(": ", 1) for line in text.strip().splitlines())


async def rest_of(listener):
    """Everything that waits for a listener that was let go."""
    listener.end()
    return [parsed(text) async for text in listener.texts()]


async def test_each_happening_is_one_json_object_with_an_id():
    news = News()
    listener = news.join("")
    news.hear(lost(1))
    told = parsed(await next_of(listener.texts()))
    assert json.loads(told["data"]) == {
        "kind": "EngineLost",
        "at": 1.0,
        "engine": "docker",
        "reason": "for the 1th time",
    }
    assert told["id"].endswith("-1")


async def test_text_of_a_container_cannot_begin_an_event_of_its_own():
    news = News()
    listener = news.join("")
    evil = Problem(container="a\n\nevent: x\ndata: y\r\n", key="k", value="", what="w", fix="f")
    news.hear(ProblemRaised(at=1.0, problem=evil))
    text = await next_of(listener.texts())
    assert text.count("\n") == 3
    assert "\r" not in text
    assert json.loads(parsed(text)["data"])["problem"]["container"] == evil.container


async def test_who_comes_without_an_id_hears_only_what_is_new():
    news = News()
    news.hear(lost(1))
    assert await rest_of(news.join("")) == []


async def test_who_comes_back_hears_what_it_missed():
    news = News()
    listener = news.join("")
    for number in range(1, 6):
        news.hear(lost(number))
    third = (await rest_of(listener))[2]["id"]
    again = news.join(third)
    assert [json.loads(told["data"])["at"] for told in await rest_of(again)] == [4.0, 5.0]


async def test_who_missed_more_than_is_kept_is_told_so():
    news = News()
    listener = news.join("")
    news.hear(lost(0))
    first = (await rest_of(listener))[0]["id"]
    for number in range(KEPT + 1):
        news.hear(lost(number))
    missed, *kept = await rest_of(news.join(first))
    assert missed["event"] == "missed"
    assert len(kept) == KEPT


@pytest.mark.parametrize("last_id", ["beef-3", "3", "-", "x-" + "9" * 5000, "ä"])
async def test_an_id_that_is_not_of_this_process_is_one_whose_news_are_missed(last_id):
    news = News()
    news.hear(lost(1))
    missed, first = await rest_of(news.join(last_id))
    assert (missed["event"], json.loads(first["data"])["at"]) == ("missed", 1.0)


async def test_a_slow_listener_is_told_that_it_is_cut_and_the_others_hear_on():
    news = News()
    slow, fast = news.join(""), news.join("")
    texts = fast.texts()
    for number in range(MOST_WAITING + 5):
        news.hear(lost(number))
        assert json.loads(parsed(await next_of(texts))["data"])["at"] == number
    assert [told["event"] for told in [parsed(text) async for text in slow.texts()]] == ["cut"]


async def test_without_news_there_is_a_heartbeat(monkeypatch):
    monkeypatch.setattr(news_module, "HEARTBEAT_SECONDS", 0.01)
    assert await next_of(News().join("").texts()) == HEARTBEAT


async def test_there_is_an_end_to_how_many_may_listen():
    news = News()
    listeners = [news.join("") for _ in range(MOST_LISTENERS)]
    with pytest.raises(TemporaryError):
        news.join("")
    news.leave(listeners[0])
    news.join("")


@pytest.fixture
async def served():
    """News, and a session that reaches them over a real socket."""
    news = News()
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        listener = SocketListener(Path(folder) / "interlock.sock")
        serving = asyncio.get_running_loop().create_task(serve(None, listener.socket, news=news))
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(listener.path))) as session:
            yield news, session, serving
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


async def test_over_http_it_begins_at_once_and_resumes(served):
    news, session, _ = served
    async with asyncio.timeout(SECONDS), session.get("http://x/v1/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        news.hear(lost(1))
        first = parsed((await answer.content.readuntil(b"\n\n")).decode())
    news.hear(lost(2))
    async with (
        asyncio.timeout(SECONDS),
        session.get("http://x/v1/events", headers={"Last-Event-ID": first["id"]}) as answer,
    ):
        await answer.content.readuntil(b"\n\n")
        second = parsed((await answer.content.readuntil(b"\n\n")).decode())
        assert json.loads(second["data"])["at"] == 2.0


async def test_one_who_leaves_is_forgotten(served):
    news, session, _ = served
    async with asyncio.timeout(SECONDS):
        async with session.get("http://x/v1/events") as answer:
            await answer.content.readuntil(b"\n\n")
            assert len(news._listeners) == 1
        while news._listeners:
            news.hear(lost(1))  # noticed at the next write, if not before
            await asyncio.sleep(0.01)


async def test_when_interlock_stops_the_stream_ends_in_good_order(served):
    _, session, serving = served
    async with asyncio.timeout(SECONDS), session.get("http://x/v1/events") as answer:
        await answer.content.readuntil(b"\n\n")
        serving.cancel()
        assert await answer.content.read() == b""
