"""A program that ends is started again: soon at first, later if it keeps ending, soon again after a good while."""

import asyncio

import pytest

from interlock.core.problems import PermanentError
from interlock.proxies.serving import supervision


class Program:
    """Lives as long as it is told, on a clock that only sleep moves."""

    def __init__(self, monkeypatch, *lives):
        self.lives, self.pauses, self.restarts = list(lives), [], 0
        self.now = 0.0
        self.fails = 0
        monkeypatch.setattr(supervision.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(supervision.asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds):
        self.pauses.append(round(seconds, 3))
        self.now += seconds

    async def ended(self):
        if not self.lives:
            raise asyncio.CancelledError
        self.now += self.lives.pop(0)
        return "it exited with code 1"

    async def restart(self):
        if self.fails:
            self.fails -= 1
            raise PermanentError("no port")
        self.restarts += 1


async def watch(program):
    with pytest.raises(asyncio.CancelledError):
        await supervision.supervise("proxy", program.ended, program.restart)


async def test_pauses_grow_up_to_a_limit_and_begin_anew_after_a_steady_life(monkeypatch):
    program = Program(monkeypatch, *[0.0] * 8, 60.0, 0.0)
    await watch(program)
    assert program.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.1, 0.2]
    assert program.restarts == 10


async def test_a_start_that_fails_is_tried_again_after_a_longer_pause(monkeypatch):
    program = Program(monkeypatch, 60.0)
    program.fails = 2
    await watch(program)
    assert program.pauses == [0.1, 0.2, 0.4]
    assert program.restarts == 1
