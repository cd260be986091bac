"""Waiting until nothing is under way."""

import pytest

from interlock.core.problems import TemporaryError
from interlock.rollout.traffic import until_idle


async def test_one_look_without_requests_is_not_enough(shop):
    web = shop.engine.named("shop_web_1")
    web.sessions = [2, 0, 1, 0, 0, 7]
    assert await until_idle(shop.traffic, web.id, seconds=5) == 0
    assert web.sessions == [7]


async def test_what_is_left_is_told_when_the_time_is_up(shop):
    web = shop.engine.named("shop_web_1")
    web.sessions = [3]
    assert await until_idle(shop.traffic, web.id, seconds=0.01) == 3


async def test_a_container_that_is_gone_has_none(shop):
    assert await until_idle(shop.traffic, "gone", seconds=5) == 0


async def test_silence_is_no_proof_of_rest(shop, silent):
    shop.traffic.failures["look"] = silent
    with pytest.raises(TemporaryError, match="nobody answers"):
        await until_idle(shop.traffic, "id-of-shop_web_1", seconds=0.01)
