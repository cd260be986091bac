"""Who of a swarm is listened to."""

import asyncio
import socket

import pytest

from interlock.engines.address import EngineAddress
from interlock.engines.swarm import stations
from interlock.engines.swarm.stations import Stations


class Listener:
    """Listens until it is told to end."""

    def __init__(self, address):
        self.address = address
        self.runs = 0

    async def run(self, _emit):
        self.runs += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.runs -= 1


def addresses(*urls):
    return [EngineAddress.parse(url, name="prod") for url in urls]


def test_each_address_has_a_name_of_its_own():
    found = Stations(addresses("unix:///run/docker.sock", "tcp://10.0.0.2:2376"), make=Listener)
    assert [name for name, _ in found.items()] == ["prod", "prod-2"]
    assert [address.name for address in found.addresses()] == ["prod", "prod-2"]


@pytest.fixture
def dns(monkeypatch):
    """What the name ``tasks.agent`` stands for; None for a DNS that does not answer."""
    known = {"tasks.agent": ["10.0.1.5", "10.0.1.6"]}

    async def look_up(host, port, **_):
        if known[host] is None:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in known[host]]

    async def begin():
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        return known

    monkeypatch.setattr(stations, "LOOK_UP", 0.01)
    monkeypatch.setattr(stations, "KEPT", 0.05)
    return begin


async def test_a_name_of_all_tasks_stands_for_each_of_them_and_its_certificate_for_the_name(dns):
    await dns()
    found = Stations(addresses("tcp://tasks.agent:2376"), make=Listener)
    assert found.addresses() == []
    await found.find()
    first, second = found.addresses()
    assert (first.name, first.host, first.port, first.server_name) == ("prod-10.0.1.5", "10.0.1.5", 2376, "tasks.agent")
    assert (second.host, second.base_url) == ("10.0.1.6", "http://10.0.1.6:2376")


async def test_who_comes_is_listened_to_and_who_is_long_gone_no_more(dns):
    known = await dns()
    found, gone = Stations(addresses("tcp://tasks.agent:2376"), make=Listener), []

    async def until(true):
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.run(tasks, heard=lambda *_: None, gone=gone.append))
        await until(lambda: [one.runs for one in found.listeners()] == [1, 1])
        known["tasks.agent"] = ["10.0.1.6", "10.0.1.7"]
        await until(lambda: gone == ["prod-10.0.1.5"])
        await until(lambda: [one.address.host for one in found.listeners() if one.runs] == ["10.0.1.6", "10.0.1.7"])
        running.cancel()
        for task in found._running.values():
            task.cancel()


async def test_nobody_is_dropped_because_the_dns_is_silent_for_a_moment(dns, monkeypatch):
    known = await dns()
    monkeypatch.setattr(stations, "KEPT", 600)
    found = Stations(addresses("tcp://tasks.agent:2376"), make=Listener)
    await found.find()
    known["tasks.agent"] = None
    await found.find()
    assert len(found.addresses()) == 2
