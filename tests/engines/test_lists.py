"""Lists: what they cost, when they are believed, and what they find."""

import asyncio
import gc
import json

import pytest
from structlog.testing import capture_logs

from interlock.core.events import Changed, Held, Listed, Lost, Recovered
from interlock.engines.documents import Entry
from interlock.engines.lists import Bell
from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine, Fault

FLAVOURS = pytest.mark.parametrize(
    "flavour", [DOCKER_20, DOCKER_29, CLASSIC_SWARM, PODMAN_4], ids=["20.10", "29", "swarm", "podman"]
)


@pytest.fixture
def fake():
    return FakeEngine()


def names(event):
    return sorted(container.name for container in event.containers)


async def lists(watch, count):
    """Wait for so many lists; gives the last."""
    await watch.until(lambda: len(watch.all(Listed)) >= count)
    return watch.all(Listed)[count - 1]


@FLAVOURS
async def test_the_first_list_inspects_everything_once(watching, socket_path, flavour):
    fake = FakeEngine(flavour)
    for number in range(20):
        fake.run(f"web-{number}")
    fake.create("created")
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        first = await watch.first(Listed)
        assert len(first.containers) == 21
        assert watch.kinds() == ["Placed", "Recovered", "Listed"]
        assert (fake.calls["list"], fake.calls["inspect"]) == (1, 21)


async def test_a_list_is_let_go_once_it_is_told(listed, fake, socket_path):
    for number in range(5):
        fake.run(f"web-{number}")
    gc.collect()
    before = _entries()
    async with listed(fake, socket_path) as watch:
        await _until_let_go(before)
        watch.engine.reconcile()
        await lists(watch, 2)
        await _until_let_go(before)


async def _until_let_go(before):
    async with asyncio.timeout(20):
        while _entries() > before:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def _entries():
    """Documents of lists that somebody still holds."""
    return sum(isinstance(thing, Entry) for thing in gc.get_objects())


@FLAVOURS
async def test_a_list_that_finds_nothing_new_costs_one_request(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    fake.run("web", ports={"80/tcp": [("0.0.0.0", 32768), ("::", 32769)], "443/tcp": []}, health="healthy")
    fake.run("paused", networks=("bridge", "backend"))
    fake.pause("paused")
    fake.run("exited")
    fake.stop("exited")
    fake.create("created")
    async with listed(fake, socket_path) as watch:
        watch.engine.reconcile()
        again = await lists(watch, 2)
        assert names(again) == ["created", "exited", "paused", "web"]
        assert again.cause == "asked for"
        assert fake.calls == {"list": 1}


@FLAVOURS
async def test_nor_does_one_after_events_that_told_everything(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    fake.run("web", health="healthy")
    async with listed(fake, socket_path) as watch:
        fake.restart("web")
        fake.set_health("web", "healthy")
        fake.run("other")
        fake.stop("other")
        await watch.until(lambda: watch.phase("other") == "exited" and watch.known()["web"].health == "healthy")
        await asyncio.sleep(0.05)
        fake.calls.clear()
        watch.engine.reconcile()
        await lists(watch, 2)
        assert fake.calls == {"list": 1}


async def test_a_list_is_taken_every_now_and_then(listed, fake, socket_path):
    async with listed(fake, socket_path, recheck=0.02, reconcile=0.02) as watch:
        await lists(watch, 4)
        assert [one.cause for one in watch.all(Listed)[:4]] == ["connected", "verified", "reconcile", "reconcile"]


async def test_only_what_differs_is_inspected(listed, fake, socket_path):
    for number in range(20):
        fake.run(f"web-{number}")
    async with listed(fake, socket_path) as watch:
        fake.events.is_mute = True
        fake.rename("web-3", "renamed")
        fake.publish("web-4", {"80/tcp": [("0.0.0.0", 1234)]})
        fake.run("new")
        fake.remove("web-5")
        watch.engine.reconcile()
        again = await lists(watch, 2)
        assert len(again.containers) == 20
        assert {"renamed", "new"} < set(names(again))
        assert fake.calls == {"list": 1, "inspect": 3}
        assert not watch.all(Changed)


async def test_what_the_list_of_an_engine_tells_otherwise_is_looked_into_only_once(listed, fake, socket_path):
    fake.run("web")
    fake["web"].health = "starting"  # as on Podman, but told in the list as well, and otherwise
    async with listed(fake, socket_path) as watch:
        fake["web"].listed = {**fake["web"].entry(fake.flavour), "Ports": [{"PrivatePort": 1, "PublicPort": 2}]}
        fake["web"].listed_until = float("inf")
        for count in (2, 3, 4):
            watch.engine.reconcile()
            await lists(watch, count)
        assert fake.calls == {"list": 3, "inspect": 1}


async def test_a_container_that_died_just_before_the_first_list_is_found_out_soon(watching, fake, socket_path):
    """On engine 20.10 the list shows it as running for up to 0.7 s, and its `die` came before we listened."""
    fake.run("web")
    fake["web"].up = "2 hours"
    fake.list_lag = float("inf")
    async with fake.serve_unix(socket_path) as url, watching(url, recheck=0.2) as watch:
        await watch.first(Listed)
        fake.events.cut()
        fake.events.is_mute = True
        fake.crash("web")
        fake.events.is_mute = False
        await watch.until(lambda: len(watch.all(Listed, cause="connected")) == 2)
        assert watch.phase("web") == "running"
        fake["web"].listed_until = 0
        await watch.until(lambda: watch.phase("web") == "exited")
        assert watch.events[-1].cause == "verified"
        assert len(watch.all(Lost)) == 1


async def test_a_list_soon_after_an_end_is_taken_again_but_only_once(listed, fake, socket_path):
    fake.run("web")
    async with listed(fake, socket_path, stale=60, recheck=0.05) as watch:
        await lists(watch, 2)
        fake.crash("web")
        await watch.until(lambda: watch.phase("web") == "exited")
        watch.engine.reconcile()
        await lists(watch, 4)
        await asyncio.sleep(0.15)
        assert [one.cause for one in watch.all(Listed)] == ["connected", "verified", "asked for", "verified"]


async def test_a_list_does_not_undo_what_events_said_since_it_was_asked_for(listed, fake, socket_path):
    fake.run("web")
    old = json.dumps([fake["web"].entry(fake.flavour)]).encode()
    async with listed(fake, socket_path) as watch:
        fake.faults.append(Fault(call="list", delay=0.1, status=200, body=old, times=1))
        watch.engine.reconcile()
        await asyncio.sleep(0.03)
        fake.crash("web")
        fake.run("late")
        await watch.until(lambda: "late" in watch.known() and watch.phase("web") == "exited")
        await lists(watch, 2)
        assert (watch.phase("late"), watch.phase("web")) == ("running", "exited")


async def test_a_list_that_fails_is_tried_again_while_events_are_followed(listed, fake, socket_path):
    fake.run("web")
    async with listed(fake, socket_path) as watch:
        fake.faults.append(Fault(call="list", status=500, body=b'{"message":"oh"}', times=4))
        with capture_logs() as logs:
            watch.engine.reconcile()
            fake.run("late")
            await watch.until(lambda: "late" in watch.known())
            again = await lists(watch, 2)
        assert names(again) == ["late", "web"]
        assert not watch.all(Lost)
        warnings = [line for line in logs if line["log_level"] == "warning"]
        assert [line["event"] for line in warnings] == ["cannot list containers; trying again"]
        assert "500 to GET /containers/json: oh" in warnings[0]["reason"]


async def test_a_container_that_goes_between_list_and_inspect_is_just_gone(watching, fake, socket_path):
    fake.run("web")
    fake.run("ghost")
    fake.faults.append(Fault(call="inspect", container="ghost", status=404))
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        assert names(await watch.first(Listed)) == ["web"]


async def test_one_sick_container_does_not_hold_up_the_first_list(watching, fake, socket_path):
    for name in ("web", "failing", "hanging"):
        fake.run(name)
    released = asyncio.Event()
    fake.faults.append(Fault(call="inspect", container="failing", status=500))
    fake.faults.append(Fault(call="inspect", container="hanging", until=released))
    async with fake.serve_unix(socket_path) as url, watching(url, answer=30) as watch:
        assert names(await watch.first(Listed)) == ["web"]
        fake.faults.clear()
        released.set()
        await watch.until(lambda: set(watch.known()) == {"web", "failing", "hanging"})


class TestSuspicion:
    async def test_a_list_that_lost_everything_is_asked_for_again(self, listed, fake, socket_path):
        for number in range(4):
            fake.run(f"web-{number}")
        async with listed(fake, socket_path, hold=0.5) as watch:
            fake.hides_containers = True
            watch.engine.reconcile()
            async with asyncio.timeout(20):
                while not fake.calls["list"]:  # noqa: ASYNC110 - the fake engine rings no bell
                    await asyncio.sleep(0.001)
            fake.hides_containers = False
            again = await lists(watch, 2)
            assert len(again.containers) == 4
            assert fake.calls == {"list": 2}

    async def test_or_at_the_operators_word(self, listed, fake, socket_path):
        for number in range(4):
            fake.run(f"web-{number}")
        async with listed(fake, socket_path, hold=60) as watch:
            assert not watch.engine.confirm(), "nothing is held"
            watch.forget()
            fake.hides_containers = True
            watch.engine.reconcile()
            held = await watch.first(Held)
            assert held.reason == "the list has 0 of the 4 containers that ran"
            assert not watch.all(Listed)
            await asyncio.sleep(0.01)
            assert watch.engine.confirm()
            assert (await watch.first(Listed)).containers == ()
            assert not watch.engine.confirm(), "it is over"

    async def test_but_believed_when_it_says_so_twice(self, listed, fake, socket_path):
        fake.run("web")
        async with listed(fake, socket_path) as watch:
            fake.hides_containers = True
            watch.engine.reconcile()
            assert (await lists(watch, 2)).containers == ()
            assert fake.calls == {"list": 2}

    async def test_a_list_that_lost_less_than_half_is_believed_at_once(self, listed, fake, socket_path):
        for number in range(4):
            fake.run(f"web-{number}")
        async with listed(fake, socket_path) as watch:
            fake.events.is_mute = True
            fake.remove("web-0")
            fake.remove("web-1")
            watch.engine.reconcile()
            assert names(await lists(watch, 2)) == ["web-2", "web-3"]
            assert fake.calls == {"list": 1}

    async def test_who_was_heard_to_end_is_not_missed(self, listed, fake, socket_path):
        for number in range(4):
            fake.run(f"web-{number}")
        async with listed(fake, socket_path) as watch:
            for number in range(4):
                fake.remove(f"web-{number}")
            await watch.until(lambda: not watch.known())
            watch.engine.reconcile()
            await lists(watch, 2)
            assert fake.calls["list"] == 1

    async def test_a_swarm_manager_that_just_started_is_given_time(self, watching, socket_path):
        fake = FakeEngine(CLASSIC_SWARM)
        for number in range(4):
            fake.run(f"web-{number}")
        async with watching(f"unix://{socket_path}") as watch:
            async with fake.serve_unix(socket_path):
                await watch.first(Listed)
            await watch.first(Lost)
            fake.hides_containers, fake.nodes = True, {}
            async with fake.serve_unix(socket_path):
                await fake.events.subscribed()
                await asyncio.sleep(0.05)
                fake.hides_containers, fake.nodes = False, {"node-1": "Pending"}
                await asyncio.sleep(0.25)
                assert len(watch.all(Listed)) == 1
                fake.nodes = {"node-1": "Healthy", "node-2": "Unhealthy"}
                assert len((await lists(watch, 2)).containers) == 4

    async def test_but_not_for_ever(self, watching, socket_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.run("web")
        fake.nodes["node-2"] = "Pending"
        with capture_logs() as logs:
            async with fake.serve_unix(socket_path) as url, watching(url, settle=0.05) as watch:
                assert names(await watch.first(Listed)) == ["web"]
        assert any("still looks for nodes" in line["event"] for line in logs)

    async def test_one_that_may_not_be_asked_for_its_nodes_is_listed_all_the_same(self, watching, socket_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.run("web")
        fake.faults.append(Fault(call="info", status=403))
        async with fake.serve_unix(socket_path) as url, watching(url) as watch:
            assert names(await watch.first(Listed)) == ["web"]


class TestNodes:
    @pytest.mark.parametrize("action", ["engine_connect", "engine_reconnect", "engine_disconnect"])
    async def test_news_of_a_node_lead_to_a_list(self, listed, socket_path, action):
        fake = FakeEngine(CLASSIC_SWARM)
        async with listed(fake, socket_path) as watch:
            fake.events.tell_node(action)
            assert (await lists(watch, 2)).cause == action

    async def test_containers_of_a_lost_node_count_as_dead_until_it_is_back(self, listed, socket_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.nodes = {"node-1": "Healthy", "node-2": "Healthy"}
        fake.run("near")
        fake.run("far", node="node-2")
        async with listed(fake, socket_path) as watch:
            fake.nodes["node-2"] = "Unhealthy"
            fake.events.tell_node("engine_disconnect", "node-2")
            await lists(watch, 2)
            assert (watch.phase("near"), watch.phase("far")) == ("running", "dead")
            assert fake.calls == {"list": 1}
            fake.nodes["node-2"] = "Healthy"
            fake.events.tell_node("engine_reconnect", "node-2")
            await lists(watch, 3)
            assert (watch.phase("near"), watch.phase("far")) == ("running", "running")
            assert not watch.all(Lost)

    async def test_a_container_of_a_lost_node_that_was_never_seen_is_left_alone(self, watching, socket_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.nodes = {"node-1": "Healthy", "node-2": "Unhealthy"}
        fake.run("near")
        fake.run("far", node="node-2")
        async with fake.serve_unix(socket_path) as url, watching(url) as watch:
            assert names(await watch.first(Listed)) == ["near"]
            assert fake.calls["inspect"] == 1


class TestDeafness:
    @pytest.mark.parametrize(
        "happen", [lambda fake: fake.crash("web"), lambda fake: fake.remove("web"), lambda fake: fake.run("new")]
    )
    async def test_news_that_no_event_told_make_us_subscribe_again(self, listed, fake, socket_path, happen):
        fake.run("web")
        async with listed(fake, socket_path, recheck=0.05) as watch:
            await lists(watch, 2)  # the first one is verified
            fake.events.is_mute = True
            happen(fake)
            watch.engine.reconcile()
            lost = await watch.first(Lost)
            assert "deaf" in lost.reason
            fake.events.is_mute = False
            await watch.until(lambda: len(watch.all(Recovered)) == 2)

    async def test_news_whose_event_comes_a_little_later_do_not(self, listed, fake, socket_path):
        id_ = fake.run("web")
        async with listed(fake, socket_path, recheck=0.5) as watch:
            await lists(watch, 2)
            fake.events.is_mute = True
            fake.crash("web")
            fake.events.is_mute = False
            watch.engine.reconcile()
            await lists(watch, 3)
            assert watch.of(id_) == []
            fake.events.tell(fake["web"], "die")
            assert (await lists(watch, 4)).cause == "verified"
            assert not watch.all(Lost)

    async def test_news_that_events_never_tell_do_not(self, listed, fake, socket_path):
        """Health without an event, as on Podman 4.3."""
        fake.run("web", health="starting")
        async with listed(fake, socket_path, recheck=0.05) as watch:
            await lists(watch, 2)
            fake["web"].health = "healthy"
            watch.engine.reconcile()
            await lists(watch, 3)
            assert watch.known()["web"].health == "healthy"
            await asyncio.sleep(0.1)
            assert not watch.all(Lost)


async def test_several_rings_of_the_bell_are_one():
    bell = Bell()
    bell.ring("first")
    bell.ring("second")
    assert await bell.heard(within=1) == "second"
    assert await bell.heard(within=0) is None


async def test_a_bell_that_rang_before_is_heard_whatever_the_time():
    bell = Bell()
    bell.ring("now")
    assert await bell.heard(within=-1) == "now"
