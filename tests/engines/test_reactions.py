"""What follows from an event, on every engine that speaks differently."""

import asyncio
import json
import random

import pytest
from structlog.testing import capture_logs

from interlock.core.events import Changed, Listed, Placed, Stopping, Survived, Vanished
from interlock.core.model import ContainerKey, Phase
from interlock.engines.standpoint import Surroundings
from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine, Fault

FLAVOURS = pytest.mark.parametrize(
    "flavour", [DOCKER_20, DOCKER_29, CLASSIC_SWARM, PODMAN_4], ids=["20.10", "29", "swarm", "podman"]
)


@pytest.fixture
def fake():
    return FakeEngine()


async def asked(fake, call, times=1):
    """Wait until a call has been made so often."""
    async with asyncio.timeout(20):
        while fake.calls[call] < times:  # noqa: ASYNC110 - the fake engine rings no bell
            await asyncio.sleep(0.002)


def hold_inspects(fake, container="", times=1, **answer):
    """Let inspects wait for the event that this gives."""
    released = asyncio.Event()
    fake.faults.append(Fault(call="inspect", container=container, until=released, times=times, **answer))
    return released


async def heard_everything(watch, fake):
    """Wait until all events so far have been heard: the last of them is known."""
    name = f"marker {len(watch.events)}"
    fake.run(name)
    await watch.until(lambda: name in watch.known())


@FLAVOURS
async def test_a_start_costs_one_inspect_and_no_list(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    async with listed(fake, socket_path) as watch:
        id_ = fake.run("web", ports={"80/tcp": [("0.0.0.0", 32768)]})
        changed = await watch.first(Changed)
        assert (changed.container.id, changed.container.phase, changed.cause) == (id_, Phase.RUNNING, "start")
        assert fake.calls == {"inspect": 1}


@FLAVOURS
async def test_a_stop_is_told_at_once_and_costs_one_inspect(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    id_ = fake.run("web")
    async with listed(fake, socket_path) as watch:
        watch.forget()
        fake.stop("web")
        await watch.until(lambda: watch.phase("web") == "exited")
        said = watch.of(id_)
        assert said[0] == "Stopping"
        assert said[-1] == "Changed exited"
        assert set(said) == {"Stopping", "Changed exited"}
        assert fake.calls == {"inspect": 1}


async def test_a_stop_that_comes_while_the_inspect_after_die_is_under_way_costs_none(listed, fake, socket_path):
    fake.run("web")
    async with listed(fake, socket_path) as watch:
        released = hold_inspects(fake, "web")
        fake.crash("web")
        fake.events.tell(fake["web"], "stop")
        await heard_everything(watch, fake)
        released.set()
        await watch.until(lambda: watch.phase("web") == "exited")
        await heard_everything(watch, fake)
        assert fake.calls == {"inspect": 3}  # two of them of the markers


@FLAVOURS
async def test_a_crash_is_told_before_the_inspect_answers(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    id_ = fake.run("web")
    async with listed(fake, socket_path) as watch:
        released = hold_inspects(fake)
        fake.crash("web")
        await watch.first(Stopping, key=ContainerKey("docker", id_))
        assert not watch.all(Changed)
        released.set()
        await watch.first(Changed)
        assert watch.phase("web") == "exited"


@FLAVOURS
async def test_a_restart_ends_in_a_new_run(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    id_ = fake.run("web")
    async with listed(fake, socket_path) as watch:
        before = watch.known()["web"].started_at
        watch.forget()
        fake.restart("web")
        await watch.until(lambda: watch.of(id_)[-1:] == ["Changed running"])
        assert watch.known()["web"].started_at > before
        assert watch.of(id_)[0] == "Stopping"
        assert fake.calls["list"] == 0


async def test_a_container_that_is_created_and_never_started_becomes_known(listed, fake, socket_path):
    async with listed(fake, socket_path, idle=0.05) as watch:
        id_ = fake.create("web")
        fake.connect("web", "backend")
        await watch.until(lambda: watch.of(id_) == ["Changed created"])


async def test_a_container_that_is_created_and_started_is_looked_at_once(listed, fake, socket_path):
    async with listed(fake, socket_path, idle=0.2) as watch:
        fake.run("web")
        await watch.first(Changed)
        await asyncio.sleep(0.4)
        assert fake.calls == {"inspect": 1}


@FLAVOURS
async def test_a_removal_needs_no_call(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    id_ = fake.create("web")
    async with listed(fake, socket_path) as watch:
        fake.remove("web")
        vanished = await watch.first(Vanished)
        assert (vanished.key, vanished.cause) == (ContainerKey("docker", id_), flavour.remove_event)
        assert vanished.at == 1795508689
        assert fake.calls.total() == 0


async def test_an_inspect_that_answers_after_the_removal_is_not_believed(listed, fake, socket_path):
    async with listed(fake, socket_path) as watch:
        id_ = fake.create("web")
        fake.start("web")
        ghost = json.dumps(fake["web"].inspected(fake.flavour)).encode()
        fake.stop("web")
        released = hold_inspects(fake, status=200, body=ghost)
        fake.start("web")
        await asked(fake, "inspect")
        fake.remove("web")
        await watch.first(Vanished)
        released.set()
        await heard_everything(watch, fake)
        assert watch.of(id_)[-1] == "Vanished"


async def test_a_container_that_is_gone_before_its_inspect_has_vanished(listed, fake, socket_path):
    async with listed(fake, socket_path) as watch:
        fake.events.is_mute = False
        fake.faults.append(Fault(call="inspect", status=404))
        fake.run("web")
        await watch.first(Vanished)
        assert watch.known() == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda fake: fake.pause("web"), ("phase", "paused")),
        (lambda fake: fake.rename("web", "web2"), ("name", "web2")),
        (lambda fake: fake.set_health("web", "unhealthy"), ("health", "unhealthy")),
    ],
    ids=["pause", "rename", "health"],
)
async def test_whatever_changes_is_looked_at(listed, fake, socket_path, change, field):
    fake.run("web", health="healthy")
    async with listed(fake, socket_path) as watch:
        change(fake)
        changed = await watch.first(Changed)
        assert getattr(changed.container, field[0]) == field[1]
        assert fake.calls == {"inspect": 1}


@FLAVOURS
async def test_health_checks_cost_nothing(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    fake.run("web", health="healthy")
    async with listed(fake, socket_path) as watch:
        for _ in range(100):
            fake.check_health("web")
        fake.run("late")
        await watch.first(Changed)
        assert fake.calls == {"inspect": 1}


async def test_news_that_change_nothing_are_not_told(listed, fake, socket_path):
    id_ = fake.run("web")
    async with listed(fake, socket_path) as watch:
        fake.events.tell(fake["web"], "update")
        await asked(fake, "inspect")
        await heard_everything(watch, fake)
        assert watch.of(id_) == []


@pytest.mark.parametrize("seed", range(5))
async def test_events_in_disorder_and_twice_end_in_the_truth(listed, fake, socket_path, seed):
    fake.run("up")
    fake.create("down")
    chance = random.Random(seed)
    actions = 3 * ["create", "start", "die", "stop", "kill", "restart", "health_status: healthy", "unpause"]
    async with listed(fake, socket_path) as watch:
        for action in chance.sample(actions, len(actions)):
            fake.events.tell(fake[chance.choice(["up", "down"])], action, signal="15")
        await heard_everything(watch, fake)
        watch.engine.reconcile()
        await watch.until(lambda: len(watch.all(Listed)) == 2)
        assert (watch.phase("up"), watch.phase("down")) == ("running", "created")
        assert not watch.all(Vanished)


async def test_a_storm_of_events_ends_in_the_truth_after_few_inspects(listed, fake, socket_path):
    fake.run("web")
    async with listed(fake, socket_path) as watch:
        for _ in range(300):
            fake.restart("web")
            for _ in range(10):
                fake.rename("web", "web")
        fake.rename("web", "web at last")
        await watch.until(lambda: "web at last" in watch.known())
        assert watch.known()["web at last"].started_at == fake["web at last"].started_at
        assert fake.calls["inspect"] < 300
        assert fake.calls["list"] == 0


class TestSignals:
    @pytest.mark.parametrize("signal", ["1", "10", "12", "28", "SIGHUP", "USR1"])
    async def test_an_order_to_go_on_is_no_end(self, listed, fake, socket_path, signal):
        id_ = fake.run("web")
        async with listed(fake, socket_path) as watch:
            fake.kill("web", signal, ends=False)
            fake.run("late")
            await watch.first(Changed)
            assert watch.of(id_) == []
            assert fake.calls == {"inspect": 1}

    @pytest.mark.parametrize("signal", ["15", "9", "2", "3", "SIGTERM", "KILL"])
    async def test_an_order_to_end_is_told_without_any_call(self, listed, fake, socket_path, signal):
        id_ = fake.run("web", stop_timeout=60)
        async with listed(fake, socket_path) as watch:
            fake.kill("web", signal, ends=False)
            await watch.first(Stopping)
            assert watch.of(id_) == ["Stopping"]
            assert fake.calls.total() == 0

    async def test_the_containers_own_stop_signal_counts(self, listed, fake, socket_path):
        fake.run("httpd", stop_signal="SIGWINCH", stop_timeout=60)
        async with listed(fake, socket_path) as watch:
            fake.kill("httpd", "28", ends=False)
            await watch.first(Stopping)

    async def test_a_signal_without_a_name_says_nothing(self, listed, socket_path):
        fake = FakeEngine(PODMAN_4)
        id_ = fake.run("web")
        async with listed(fake, socket_path) as watch:
            fake.kill("web", "1", ends=False)
            fake.run("late")
            await watch.first(Changed)
            assert watch.of(id_) == []

    async def test_who_stays_up_long_after_its_end_has_survived(self, listed, fake, socket_path):
        id_ = fake.run("web", stop_timeout=0)
        async with listed(fake, socket_path) as watch:
            fake.kill("web", "15", ends=False)
            survived = await watch.first(Survived)
            await watch.first(Changed)
            assert watch.of(id_) == ["Stopping", "Survived", "Changed running"]
            assert survived.cause == "still there long after it was told to end"
            assert fake.calls == {"inspect": 1}

    async def test_who_may_take_for_ever_to_end_is_given_for_ever(self, listed, fake, socket_path):
        id_ = fake.run("web", stop_timeout=-1)
        async with listed(fake, socket_path) as watch:
            fake.kill("web", "15", ends=False)
            await watch.first(Stopping)
            await asyncio.sleep(0.1)
            assert watch.of(id_) == ["Stopping"]

    async def test_who_ends_in_time_is_not_asked_again(self, listed, fake, socket_path):
        id_ = fake.run("web", stop_timeout=0)
        async with listed(fake, socket_path, survive=0.3) as watch:
            fake.stop("web")
            await watch.until(lambda: watch.phase("web") == "exited")
            await asyncio.sleep(0.4)
            assert "Survived" not in watch.of(id_)
            assert fake.calls == {"inspect": 1}

    async def test_who_was_started_again_meanwhile_has_not_survived(self, listed, fake, socket_path):
        id_ = fake.run("web", stop_timeout=0)
        async with listed(fake, socket_path) as watch:
            fake.restart("web")
            await watch.until(lambda: watch.of(id_)[-1:] == ["Changed running"])
            await asyncio.sleep(0.1)
            assert "Survived" not in watch.of(id_)

    async def test_an_inspect_under_way_does_not_take_the_end_back(self, listed, fake, socket_path):
        async with listed(fake, socket_path) as watch:
            released = hold_inspects(fake)
            id_ = fake.run("web", stop_timeout=60)
            fake.kill("web", "15", ends=False)
            await watch.first(Stopping)
            released.set()
            await watch.until(lambda: watch.of(id_) == ["Stopping", "Changed running", "Stopping"])

    async def test_a_start_that_is_heard_late_takes_a_wrong_end_back(self, listed, fake, socket_path):
        """The inspect after `die` shows the next run already, whose `start` is still on its way."""
        id_ = fake.run("web", stop_timeout=60)
        async with listed(fake, socket_path) as watch:
            released = hold_inspects(fake)
            fake.rename("web", "web")
            fake.crash("web")
            fake.events.is_mute = True
            fake.start("web")
            await watch.first(Stopping)
            released.set()
            await watch.until(lambda: watch.of(id_)[:3] == ["Stopping", "Changed running", "Stopping"])
            fake.events.is_mute = False
            fake.events.tell(fake["web"], "start")
            await watch.first(Survived)
            await watch.until(lambda: watch.of(id_)[-2:] == ["Survived", "Changed running"])


class TestNetworks:
    @FLAVOURS
    async def test_a_container_that_runs_is_looked_at_when_it_is_rewired(self, listed, socket_path, flavour):
        fake = FakeEngine(flavour)
        fake.run("web")
        async with listed(fake, socket_path) as watch:
            fake.connect("web", "backend")
            await watch.first(Changed)
            assert [one.network for one in watch.known()["web"].attachments] == ["backend", "bridge"]
            watch.forget()
            fake.disconnect("web", "bridge")
            changed = await watch.first(Changed)
            assert [one.network for one in changed.container.attachments] == ["backend"]
            assert fake.calls == {"inspect": 2}

    async def test_one_that_does_not_run_or_is_ending_or_unknown_is_not(self, listed, fake, socket_path):
        fake.create("created")
        fake.run("ending", stop_timeout=60)
        async with listed(fake, socket_path) as watch:
            fake.connect("created", "backend")
            fake.kill("ending", "15", ends=False)
            fake.connect("ending", "backend")
            fake.events.is_mute = True
            fake.run("unknown")
            fake.events.is_mute = False
            fake.connect("unknown", "backend")
            await watch.first(Stopping)
            await heard_everything(watch, fake)
            assert fake.calls == {"inspect": 1}  # of the marker

    async def test_our_own_container_sees_the_world_from_its_new_place(self, listed, fake, socket_path):
        own = fake.run("interlock")
        surroundings = Surroundings(read=lambda _: "", hostname=own[:12])
        async with listed(fake, socket_path, surroundings=surroundings) as watch:
            assert watch.all(Placed)[0].view.own_container == own
            watch.forget()
            fake.connect("interlock", "backend")
            placed = await watch.first(Placed)
            assert placed.view.own_networks == {b"bridge".hex().ljust(64, "0"), b"backend".hex().ljust(64, "0")}


async def test_a_container_that_cannot_be_inspected_holds_up_nobody_else(listed, fake, socket_path):
    fake.run("sick")
    async with listed(fake, socket_path) as watch:
        fake.faults.append(Fault(call="inspect", container="sick", status=500, times=5))
        fake.pause("sick")
        fake.run("web")
        await watch.until(lambda: "web" in watch.known())
        assert watch.phase("sick") == "running"
        await watch.until(lambda: watch.phase("sick") == "paused")


async def test_an_inspect_that_hangs_holds_up_nobody_else(listed, fake, socket_path):
    for number in range(10):
        fake.run(f"hung-{number}")
    async with listed(fake, socket_path, answer=30, slow=0.1) as watch:
        for number in range(10):
            fake.faults.append(Fault(call="inspect", container=f"hung-{number}", delay=60))
            fake.pause(f"hung-{number}")
        fake.run("web")
        await watch.until(lambda: "web" in watch.known())


async def test_every_event_that_matters_is_logged_in_the_originals_words(listed, socket_path):
    fake = FakeEngine(CLASSIC_SWARM)
    with capture_logs() as logs:
        async with listed(fake, socket_path) as watch:
            id_ = fake.run("web", image="mongo")
            await watch.first(Changed)
    lines = [line["event"] for line in logs if line["event"].startswith("[interlock] event:")]
    assert f"[interlock] event: date=1795508689 type=start image=mongo node:node-1 container={id_}" in lines


async def test_what_the_log_quotes_is_printable(listed, fake, socket_path):
    with capture_logs() as logs:
        async with listed(fake, socket_path) as watch:
            fake.run("web", image="evil\n\x1b[31mimage")
            await watch.first(Changed)
    assert all(line["event"].isprintable() for line in logs)


async def test_a_container_told_to_end_before_it_was_listed_is_told_again(watching, fake, socket_path):
    fake.run("web", stop_timeout=60)
    released = hold_inspects(fake)
    async with fake.serve_unix(socket_path) as url, watching(url, slow=60) as watch:
        await asked(fake, "inspect")
        fake.kill("web", "15", ends=False)
        await watch.first(Stopping)
        released.set()
        await watch.until(lambda: watch.kinds()[-2:] == ["Listed", "Stopping"])
