"""One connection to Carbon, made again whenever it breaks."""

import asyncio

import pytest
from structlog.testing import capture_logs

from interlock.plugins.endpoint import Endpoint
from interlock.plugins.stats import carbon as carbon_module
from interlock.plugins.stats.carbon import Carbon


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(carbon_module, "FIRST_PAUSE", 0.01)


@pytest.fixture
async def sender(carbon):
    """A Carbon of ours that sends to the test's."""
    ours = Carbon(Endpoint("127.0.0.1", carbon.port))
    task = asyncio.get_running_loop().create_task(ours.run())
    yield ours
    task.cancel()
    await asyncio.wait([task])


async def test_lines_arrive_in_order_over_one_connection(carbon, sender):
    sent = [f"a.{number} 1 1\n" for number in range(2000)]
    await carbon.open()
    for begin in range(0, 2000, 100):
        sender.send(sent[begin : begin + 100])
        await asyncio.sleep(0)
    await carbon.until(lambda: len(carbon.lines) == 2000)
    assert carbon.lines == [line.strip() for line in sent]
    assert carbon.connections == 1


async def test_what_was_sent_while_carbon_was_away_arrives_later(carbon, sender):
    with capture_logs() as lines:
        sender.send(["a 1 1\n"])
        await carbon.until(lambda: "cannot be reached" in str(lines))
        await carbon.open()
        await carbon.until(lambda: carbon.lines == ["a 1 1"])
    assert len([line for line in lines if "cannot be reached" in line["event"]]) == 1


async def test_a_connection_that_was_closed_is_made_again_and_nothing_is_lost(carbon, sender):
    await carbon.open()
    sender.send(["a 1 1\n"])
    await carbon.until(lambda: carbon.lines == ["a 1 1"])
    carbon.hang_up()
    await carbon.until(lambda: carbon.open_connections == 0)
    sender.send(["b 1 1\n"])
    await carbon.until(lambda: carbon.lines == ["a 1 1", "b 1 1"])
    assert carbon.connections == 2


async def test_while_carbon_is_away_the_oldest_lines_make_room(carbon, monkeypatch):
    monkeypatch.setattr(carbon_module, "MOST_LINES", 2)
    ours = Carbon(Endpoint("127.0.0.1", carbon.port))
    ours.send(["a 1 1\n", "b 1 1\n", "c 1 1\n"])
    await carbon.open()
    with capture_logs() as lines:
        task = asyncio.get_running_loop().create_task(ours.run())
        await carbon.until(lambda: carbon.lines == ["b 1 1", "c 1 1"])
        task.cancel()
        await asyncio.wait([task])
    assert [line["lost"] for line in lines if "connected" in line["event"]] == [1]


async def test_a_carbon_that_takes_nothing_is_left_and_asked_again(carbon, sender, monkeypatch):
    monkeypatch.setattr(carbon_module, "SECONDS", 0.3)
    carbon.reads = False
    await carbon.open()
    with capture_logs() as lines:
        sender.send(["a" * 1_000_000 + " 1 1\n"] * 50)
        await carbon.until(lambda: "broke" in str(lines))
    carbon.reads = True
    carbon.hang_up()
    await carbon.until(lambda: len(carbon.lines) >= 50)
