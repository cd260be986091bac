"""A whole swarm under watch: managers that fail, nodes that are listened to, and what is told of it."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from interlock.core.events import Changed, GivenUp, Listed, Lost, Placed, Recovered, Stopping, Vanished
from interlock.core.problems import TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.swarm.control import Pace
from interlock.engines.swarm.engine import SwarmEngine
from interlock.testing import FakeEngine, FakeSwarm, Fault

QUICK_PACE = Pace(quick=0.01, calm=0.01, lively=0.05, share=0, rest=0.05)
WEB = {"interlock.hostname": "www", "interlock.domain": "example.com"}


@pytest.fixture
def swarm():
    return FakeSwarm("node-1", "node-2")


@pytest.fixture
def following(quick, alone, kept, watch_of):
    """A swarm under watch, by the addresses of these."""

    @asynccontextmanager
    async def follow(*urls, pace=QUICK_PACE, keep_lost=300.0):
        engine = SwarmEngine(
            [EngineAddress.parse(url, name="prod") for url in urls],
            kept=kept,
            patience=quick,
            surroundings=alone,
            pace=pace,
            keep_lost=keep_lost,
        )
        async with watch_of(engine) as watch:
            yield watch

    return follow


@pytest.fixture
def serving(tmp_path):
    """Engines on sockets; gives their URLs."""

    @asynccontextmanager
    async def serve(*fakes):
        async with AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(fake.serve_unix(tmp_path / f"{number}.sock"))
                for number, fake in enumerate(fakes)
            ]

    return serve


def task_labels(swarm, task, service="web"):
    """What a node tells of a task's container."""
    return {
        "com.docker.swarm.node.id": swarm.tasks[task]["NodeID"],
        "com.docker.swarm.service.id": swarm.tasks[task]["ServiceID"],
        "com.docker.swarm.service.name": service,
        "com.docker.swarm.task.id": task,
        "com.docker.swarm.task.name": f"{service}.{swarm.tasks[task]['Slot']}.{task}",
    }


def name_of(swarm, task, service="web"):
    return f"{service}.{swarm.tasks[task]['Slot']}.{task[:12]}"


async def test_the_order_is_place_recovery_list(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    task = swarm.start(service, port=32768)
    async with serving(FakeEngine(swarm=swarm)) as urls, following(*urls) as watch:
        await watch.first(Listed)
        assert watch.kinds() == ["Placed", "Recovered", "Listed"]
        assert watch.all(Recovered)[0].description == "Docker 20.10.24, API 1.41, swarm of 2 nodes"
        (web,) = watch.all(Listed)[0].containers
        assert (web.id, web.labels, web.node_address) == (swarm.container_of(task), WEB, "192.0.2.1")
        assert not watch.all(Placed)[0].view.local, "its containers are on many hosts"


async def test_tasks_come_are_noticed_and_go_without_an_event_of_theirs(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    async with serving(FakeEngine(swarm=swarm)) as urls, following(*urls) as watch:
        await watch.first(Listed)
        task = swarm.start(service, node="node-2", port=32768)
        changed = await watch.first(Changed, cause="task")
        assert (changed.container.name, changed.container.node) == (name_of(swarm, task), "node-2")
        swarm.retire(task)
        await watch.first(Stopping, is_notice=True)
        await watch.first(Stopping, is_notice=False)
        swarm.end(task)
        await watch.until(lambda: any(event.key.id == swarm.container_of(task) for event in watch.all(Vanished)))


async def test_only_what_shall_run_is_asked_for(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    for _ in range(5):
        swarm.end(swarm.start(service))
    manager = FakeEngine(swarm=swarm)
    async with serving(manager) as urls, following(*urls) as watch:
        await watch.first(Listed)
        assert not [event for event in watch.events if isinstance(event, Changed)]
        asked = {request.partition("?")[2] for request in manager.requests if "/tasks" in request}
        assert asked == {"filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D"}


async def test_an_event_of_a_service_has_its_labels_asked_for_at_once(swarm, serving, following):
    slow = Pace(quick=30, calm=30, lively=0, share=0, rest=600)
    async with serving(FakeEngine(swarm=swarm)) as urls, following(*urls, pace=slow) as watch:
        await watch.first(Listed)
        swarm.serve("web", labels=WEB)
        changed = await watch.first(Changed)
        assert (changed.container.name, changed.container.labels) == ("web", WEB)


async def test_the_next_manager_is_asked_when_one_is_lost(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    swarm.start(service)
    first, second = FakeEngine(swarm=swarm), FakeEngine(swarm=swarm)
    async with serving(first, second) as urls, following(*urls) as watch:
        await watch.first(Listed)
        broken = {"status": 500, "body": b'{"message":"rpc error: The swarm does not have a leader."}'}
        first.faults += [Fault(call=call, **broken) for call in ("tasks", "services", "events", "ping")]
        second.calls.clear()
        await asyncio.wait_for(until(lambda: second.calls["tasks"]), 20)
        task = swarm.start(service)
        await watch.until(lambda: name_of(swarm, task) in watch.known())
        assert not watch.all(Lost)


async def test_a_worker_among_the_addresses_is_no_manager_and_does_no_harm(swarm, serving, following):
    swarm.start(swarm.serve("web", labels=WEB))
    worker = FakeEngine()
    async with serving(worker, FakeEngine(swarm=swarm)) as urls, following(*urls) as watch:
        listed = await watch.first(Listed)
        assert len(listed.containers) == 1


async def test_while_no_manager_answers_what_was_known_is_kept_and_nodes_are_heard(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    task, other = swarm.start(service), swarm.start(service, node="node-2")
    manager, node = FakeEngine(swarm=swarm), FakeEngine()
    async with serving(manager, node) as urls, following(*urls) as watch:
        await watch.first(Listed)
        lost = {"status": 503, "body": b'{"message":"The swarm does not have a leader."}'}
        manager.faults += [Fault(call=call, **lost) for call in ("tasks", "services", "nodes")]
        before = manager.calls["services"] + manager.calls["tasks"]
        await asyncio.wait_for(until(lambda: manager.calls["services"] + manager.calls["tasks"] > before + 3), 20)
        node.run("alone", labels=WEB)
        await watch.until(lambda: "alone" in watch.known())
        assert {name_of(swarm, task), name_of(swarm, other)} <= watch.known().keys()
        assert not watch.all(Lost)
        manager.faults.clear()
        third = swarm.start(service)
        await watch.until(lambda: name_of(swarm, third) in watch.known())


async def test_what_nobody_tells_of_while_another_node_answers_is_given_up_until_somebody_does(
    swarm, serving, following
):
    service = swarm.serve("web", labels=WEB)
    near, far = swarm.start(service), swarm.start(service, node="node-2")
    manager, node = FakeEngine(swarm=swarm), FakeEngine()
    swarm.tasks[near]["Status"]["ContainerStatus"] = {"ContainerID": node.run("web.1", labels=task_labels(swarm, near))}
    async with serving(manager, node) as urls, following(*urls, keep_lost=0.05) as watch:
        await watch.first(Listed)
        manager.faults += [Fault(call=call, status=500) for call in ("ping", "events", "tasks", "services", "nodes")]
        manager.events.cut()
        given_up = await watch.first(GivenUp)
        assert given_up.containers == (swarm.container_of(far),)
        assert not watch.all(Lost)
        manager.faults.clear()
        await watch.until(lambda: any(event.cause == "heard again" for event in watch.all(Listed)))
        since = watch.events.index(watch.all(Listed)[-1])
        assert not [event for event in watch.events[since:] if isinstance(event, GivenUp)]


async def test_a_swarm_that_nobody_answers_for_is_lost_once_and_comes_back(swarm, serving, following, tmp_path):
    swarm.start(swarm.serve("web", labels=WEB))
    manager = FakeEngine(swarm=swarm)
    async with following(f"unix://{tmp_path}/0.sock") as watch:
        await watch.first(Lost)
        async with serving(manager):
            await watch.first(Listed)
        await watch.until(lambda: len(watch.all(Lost)) == 2)
        async with serving(manager):
            await watch.until(lambda: len(watch.all(Recovered)) == 2 and len(watch.all(Listed)) >= 2)
        assert len(watch.known()) == 1


async def test_a_manager_that_has_forgotten_half_is_asked_twice(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    for _ in range(4):
        swarm.start(service)
    first, second = FakeEngine(swarm=swarm), FakeEngine(swarm=FakeSwarm())
    stale = second.swarm
    async with serving(first, second) as urls, following(*urls) as watch:
        await watch.first(Listed)
        stale.services = swarm.services
        first.faults += [Fault(call=call, status=500) for call in ("tasks", "services", "nodes")]
        await asyncio.wait_for(until(lambda: second.calls["services"] >= 1), 20)
        stale.tasks, stale.nodes = swarm.tasks, swarm.nodes
        await asyncio.wait_for(until(lambda: second.calls["services"] >= 3), 20)
        assert not watch.all(Vanished)


async def test_a_start_is_told_by_the_node_that_is_listened_to(swarm, serving, following, quick):
    service = swarm.serve("web", labels=WEB)
    node = FakeEngine()
    slow = Pace(quick=30, calm=30, lively=0, share=0, rest=600)
    async with serving(FakeEngine(swarm=swarm), node) as urls, following(*urls, pace=slow) as watch:
        await watch.first(Listed)
        task = swarm.start(service, node="node-2")
        node.run("web.1", labels=task_labels(swarm, task), ports={"80/tcp": [("0.0.0.0", 32768)]})
        changed = await watch.first(Changed)
        web = changed.container
        assert (web.name, web.engine, web.labels["interlock.hostname"]) == (name_of(swarm, task), "prod", "www")
        assert web.node_address == "192.0.2.2"


async def test_a_look_that_was_slow_once_does_not_put_off_the_next_one_for_long(swarm, serving, following):
    service = swarm.serve("web", labels=WEB)
    manager = FakeEngine(swarm=swarm)
    modest = Pace(quick=0.01, calm=0.01, share=1_000_000, longest=0.05, rest=600)
    async with serving(manager) as urls, following(*urls, pace=modest) as watch:
        await watch.first(Listed)
        manager.faults.append(Fault(call="tasks", delay=0.1, times=1))
        await asyncio.wait_for(until(lambda: not manager.faults or not manager.faults[0].times), 20)
        task = swarm.start(service)
        await watch.until(lambda: name_of(swarm, task) in watch.known())


async def test_a_service_that_only_a_node_has_told_of_is_asked_for_at_once(swarm, serving, following):
    node = FakeEngine()
    slow = Pace(quick=600, calm=600, lively=0, share=0, rest=600)
    async with serving(FakeEngine(swarm=swarm), node) as urls, following(*urls, pace=slow) as watch:
        await watch.first(Listed)
        swarm.tell.clear()  # no word of the manager
        task = swarm.start(swarm.serve("web", labels=WEB), node="node-2")
        node.run("web.1", labels=task_labels(swarm, task), ports={"80/tcp": [("0.0.0.0", 32768)]})
        await watch.until(lambda: name_of(swarm, task) in watch.known())


async def test_a_swarm_is_found_by_the_name_of_its_agents_alone(swarm, following, monkeypatch):
    swarm.start(swarm.serve("web", labels=WEB))

    async def look_up(_host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with FakeEngine(swarm=swarm).serve_tcp() as url:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        async with following(f"tcp://tasks.agent:{url.rpartition(':')[2]}") as watch:
            await watch.first(Listed)
            assert watch.kinds() == ["Placed", "Recovered", "Listed"], "nobody was missed meanwhile"
            assert len(watch.known()) == 1


async def test_one_look_tells_the_same(swarm, serving, kept, quick, alone):
    task = swarm.start(swarm.serve("web", labels=WEB))
    async with serving(FakeEngine(swarm=swarm)) as (url,):
        engine = SwarmEngine(
            [EngineAddress.parse(url, name="prod")], kept=kept, patience=quick, surroundings=alone, pace=QUICK_PACE
        )
        placed, recovered, listed = await engine.survey()
    assert (placed.view.engine, recovered.engine) == ("prod", "prod")
    assert [container.name for container in listed.containers] == [name_of(swarm, task)]


async def test_one_look_at_an_engine_that_is_no_manager_says_so(serving, kept, quick, alone):
    async with serving(FakeEngine()) as (url,):
        engine = SwarmEngine([EngineAddress.parse(url, name="prod")], kept=kept, patience=quick, surroundings=alone)
        with pytest.raises(TemporaryError, match="not a swarm manager"):
            await engine.survey()


async def until(true):
    """Wait for something that no event tells of."""
    while not true():  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
