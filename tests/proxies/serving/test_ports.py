"""Ports are free, or the error says which setting and who to look for."""

import asyncio
import socket

import pytest

from interlock.core.problems import PermanentError
from interlock.proxies.serving.ports import check_free, wait_until_free


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        yield listener


def test_a_free_port_and_none_at_all_are_fine(taken):
    port = taken.getsockname()[1]
    taken.close()
    check_free([("A_PORT", port), ("B_PORT", 0)])


def test_a_port_that_is_taken_is_named_with_its_setting(taken):
    with pytest.raises(PermanentError, match="cannot be used") as told:
        check_free([("A_PORT", taken.getsockname()[1])])
    assert "A_PORT" in told.value.fix


def test_a_port_that_we_may_not_bind_is_the_proxys_to_complain_of(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(socket.socket, "bind", refuse)
    check_free([("A_PORT", 80)])


async def test_a_port_that_is_being_given_up_is_waited_for(taken):
    ports = [("A_PORT", taken.getsockname()[1])]
    with pytest.raises(PermanentError):
        await wait_until_free(ports, seconds=0.05)
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_until_free(ports, seconds=30))
        await asyncio.sleep(0.05)
        taken.close()
