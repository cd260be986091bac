"""One replacement: what counts as ready, what as over, and how an early end leaves things."""

import asyncio

import msgspec
import pytest

from interlock.core.problems import TemporaryError
from interlock.rollout.events import NeverReadyError


@pytest.fixture
def one(shop):
    """A shop with one container."""
    del shop.engine.all["id-of-shop_web_2"]
    return shop


async def ended(work):
    """Cancel it, as Ctrl-C does, and wait for its end."""
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


def start(shop, **wanted):
    return asyncio.get_running_loop().create_task(shop.roll_out(**wanted))


@pytest.mark.parametrize(
    ("fate", "what"),
    [
        ({"status": "exited", "exit_code": 3}, "it exited with code 3"),
        ({"status": "dead"}, "it exited with code 0"),
        ({"status": "restarting", "exit_code": 1}, "it exited with code 1"),
        ({"status": "paused", "restarts": 1}, "it exited with code 0"),
        ({"health": "unhealthy"}, "its HEALTHCHECK says that it is unhealthy"),
    ],
)
async def test_who_cannot_get_ready_any_more_is_given_up_at_once(one, fate, what):
    one.engine.behave = lambda container: vars(container).update(fate)
    async with asyncio.timeout(20):
        with pytest.raises(NeverReadyError, match=what):
            await one.roll_out(timeout=60)
    assert one.engine.names == ["shop_web_1"]
    assert one.told[-2:] == [("failed", "shop_web_2"), ("removed", "shop_web_2")]
    assert one.events[-2].log == ("shop_web_2 says goodbye",)


@pytest.mark.parametrize(
    ("fate", "what"),
    [
        ({"health": "starting"}, "after 0.02 s: its HEALTHCHECK has not passed yet"),
        ({"routes": 0}, "it asks for no route"),
    ],
)
async def test_who_is_not_ready_in_time_is_given_up_with_the_reason(one, fate, what):
    one.engine.behave = lambda container: vars(container).update(fate)
    with pytest.raises(NeverReadyError, match=what):
        await one.roll_out(timeout=0.02)
    assert one.engine.names == ["shop_web_1"]


async def test_a_removed_one_has_no_log(one):
    one.engine.behave = lambda container: one.engine.all.pop(container.id)
    one.engine.remove = lambda _container: asyncio.sleep(0)
    with pytest.raises(NeverReadyError, match="somebody removed it") as failed:
        await one.roll_out()
    assert failed.value.log == ()


async def test_a_health_check_is_waited_for(one):
    one.engine.behave = lambda container: setattr(container, "health", "starting")
    work = start(one, timeout=60)
    await one.until("started", "shop_web_2")
    assert ("ready", "shop_web_2") not in one.told
    one.engine.named("shop_web_2").health = "healthy"
    await asyncio.wait_for(work, 30)
    assert one.engine.names == ["shop_web_2"]


async def test_an_interlock_that_restarts_is_waited_for(one, silent):
    work = start(one, timeout=60)
    await one.until("created", "shop_web_2")
    one.traffic.failures["look"] = silent
    await asyncio.sleep(0.02)
    one.traffic.failures.clear()
    await asyncio.wait_for(work, 30)
    assert one.engine.names == ["shop_web_2"]


async def test_the_old_one_is_stopped_only_when_nothing_is_under_way(one):
    old = one.engine.named("shop_web_1")
    old.stop_timeout = 3
    old.sessions = [0, 5, 2, 1, 0, 1, 0, 0]
    await one.roll_out(timeout=60)
    draining = next(event for event in one.events if event.event == "draining")
    assert draining.sessions == 5
    assert old.sessions == [0]
    assert one.engine.done[-2:] == [("stop", "shop_web_1", 3), ("remove", "shop_web_1")]
    assert "impatient" not in {event.event for event in one.events}


async def test_patience_with_requests_has_an_end(one):
    one.engine.named("shop_web_1").sessions = [2]
    await one.roll_out(timeout=0.02)
    impatient = next(event for event in one.events if event.event == "impatient")
    assert impatient.sessions == 2
    assert one.engine.names == ["shop_web_2"]


async def test_an_old_one_of_which_nothing_is_known_is_not_stopped(one, silent):
    old = one.engine.named("shop_web_1")
    old.sessions = [2]
    work = start(one, timeout=0.1)
    await one.until("draining", "shop_web_1")
    one.traffic.failures["look"] = silent
    with pytest.raises(TemporaryError, match="nobody answers"):
        await work
    assert one.engine.names == ["shop_web_1", "shop_web_2"]
    assert one.told[-1] == ("restored", "shop_web_1")


async def test_one_that_cannot_be_put_back_is_named(one, silent):
    one.traffic.failures["drain"] = one.traffic.failures["undrain"] = silent
    with pytest.raises(TemporaryError, match="nobody answers"):
        await one.roll_out()
    assert one.told[-1] == ("left-drained", "shop_web_1")
    assert one.engine.names == ["shop_web_1", "shop_web_2"]


async def test_a_name_chosen_by_hand_goes_over_to_the_successor(one):
    one.engine.named("shop_web_1").name = "frontend"
    await one.roll_out()
    assert one.engine.names == ["frontend"]
    assert one.told[-2:] == [("renamed", "frontend"), ("done", "shop/web")]


async def test_a_container_of_several_networks_is_attached_to_each_before_it_starts(one):
    one.engine.named("shop_web_1").networks = ("front", "back")
    await one.roll_out()
    assert one.engine.done[:3] == [
        ("create", "shop_web_2"),
        ("attach", "back", "shop_web_2", {"Aliases": ["web"]}),
        ("start", "shop_web_2"),
    ]


class TestEarlyEnd:
    async def test_while_it_is_being_created_it_is_removed_again(self, one):
        one.engine.gates["create"] = asyncio.Event()
        work = start(one)
        await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.02, one.engine.gates["create"].set)
        await ended(work)
        assert one.engine.done == [("create", "shop_web_2"), ("remove", "shop_web_2")]

    async def test_while_it_is_not_ready_it_is_removed(self, one):
        one.engine.behave = lambda container: setattr(container, "health", "starting")
        work = start(one, timeout=60)
        await one.until("started", "shop_web_2")
        await ended(work)
        assert one.engine.names == ["shop_web_1"]
        assert one.events[-2].reason == "the rollout was ended early"

    async def test_one_that_serves_some_routes_already_is_drained_before_it_is_removed(self, one):
        one.engine.behave = lambda container: setattr(container, "routes", 2)
        look = one.traffic.look

        async def half(container):
            status = await look(container)
            if status is not None and len(status.places) == 2:
                first, second = status.places
                second = msgspec.structs.replace(second, in_rotation=False)
                status = msgspec.structs.replace(status, places=(first, second))
            return status

        one.traffic.look = half
        work = start(one, timeout=60)
        await one.until("started", "shop_web_2")
        await asyncio.sleep(0.01)
        await ended(work)
        assert one.engine.done[-2:] == [("drain", "shop_web_2"), ("remove", "shop_web_2")]

    async def test_while_the_old_one_drains_both_serve(self, one):
        one.engine.named("shop_web_1").sessions = [1]
        work = start(one, timeout=60)
        await one.until("draining", "shop_web_1")
        await ended(work)
        assert one.engine.names == ["shop_web_1", "shop_web_2"]
        assert one.engine.done[-1] == ("undrain", "shop_web_1")
        assert one.told[-1] == ("restored", "shop_web_1")

    async def test_an_order_to_drain_is_never_overtaken_by_its_revocation(self, one):
        one.traffic.gates["drain"] = asyncio.Event()
        work = start(one, timeout=60)
        await one.until("ready", "shop_web_2")
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.02, one.traffic.gates["drain"].set)
        await ended(work)
        assert one.engine.done[-2:] == [("drain", "shop_web_1"), ("undrain", "shop_web_1")]

    async def test_a_stop_that_has_begun_is_carried_through(self, one):
        one.engine.gates["stop"] = asyncio.Event()
        work = start(one, timeout=60)
        await one.until("drain", "shop_web_1")
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().call_later(0.02, one.engine.gates["stop"].set)
        await ended(work)
        assert one.engine.names == ["shop_web_2"]
