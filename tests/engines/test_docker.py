"""An engine that comes and goes."""

import asyncio
import os

import pytest
from structlog.testing import capture_logs

from interlock.core.events import Changed, Listed, Lost, Placed, Recovered, Vanished
from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.docker import DockerEngine
from interlock.engines.patience import PRODUCTION
from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine, Fault

FLAVOURS = pytest.mark.parametrize(
    "flavour", [DOCKER_20, DOCKER_29, CLASSIC_SWARM, PODMAN_4], ids=["20.10", "29", "swarm", "podman"]
)


@pytest.fixture
def fake():
    return FakeEngine()


async def lists(watch, count):
    await watch.until(lambda: len(watch.all(Listed)) >= count)


async def test_the_order_is_place_recovery_list(watching, fake, socket_path):
    async with fake.serve_unix(socket_path) as url, watching(url, override_address="192.0.2.1") as watch:
        await watch.first(Listed)
        placed, recovered, listed = watch.events
        assert (placed.view.engine, placed.view.override_address) == ("docker", "192.0.2.1")
        assert recovered == Recovered("docker", "Docker 20.10.24, API 1.41")
        assert listed == Listed("docker", (), "connected")
        calls = [request.partition("?")[0].rpartition("/")[2] for request in fake.requests]
        assert calls == ["_ping", "version", "events", "json"]


@FLAVOURS
@pytest.mark.parametrize("how", ["cut", "restart"])
async def test_whatever_happened_in_a_gap_is_found(watching, socket_path, flavour, how):
    fake = FakeEngine(flavour)
    for name in ("stays", "dies", "goes", "restarts"):
        fake.run(name)

    def happen():
        fake.events.is_mute = True
        fake.crash("dies")
        fake.remove("goes")
        fake.restart("restarts")
        fake.run("comes")
        fake["stays"].up = "2 hours"
        fake.events.is_mute = False

    async with watching(f"unix://{socket_path}") as watch:
        async with fake.serve_unix(socket_path):
            await watch.until(lambda: len(watch.known()) == 4)
            before = watch.known()["restarts"].started_at
            if how == "cut":
                fake.events.cut()
                happen()
                await lists(watch, 2)
        if how == "restart":
            happen()
            async with fake.serve_unix(socket_path):
                await lists(watch, 2)
        known = watch.known()
        assert {name: one.phase.value for name, one in known.items()} == {
            "stays": "running",
            "dies": "exited",
            "restarts": "running",
            "comes": "running",
        }
        assert known["restarts"].started_at > before


async def test_who_ran_through_a_gap_is_not_inspected_again(listed, fake, socket_path):
    for number in range(10):
        fake.run(f"web-{number}")
        fake[f"web-{number}"].up = "5 minutes"
    fake["web-3"].up = "1 second"
    async with listed(fake, socket_path) as watch:
        fake.events.cut()
        await lists(watch, 2)
        assert fake.calls["inspect"] == 1


async def test_what_was_in_doubt_when_the_connection_broke_is_looked_at(listed, fake, socket_path):
    fake.run("web")
    fake["web"].up = "5 minutes"
    async with listed(fake, socket_path) as watch:
        fake.faults.append(Fault(call="inspect", delay=60, times=1))
        fake.restart("web")
        async with asyncio.timeout(20):
            while not fake.calls["inspect"]:  # noqa: ASYNC110 - the fake engine rings no bell
                await asyncio.sleep(0.001)
        fake.events.cut()
        await lists(watch, 2)
        assert watch.known()["web"].started_at == fake["web"].started_at


async def test_an_end_that_was_heard_before_the_gap_is_checked_after_it(listed, fake, socket_path):
    id_ = fake.run("web", stop_timeout=0)
    fake["web"].up = "5 minutes"
    async with listed(fake, socket_path, survive=0.1) as watch:
        fake.kill("web", "15", ends=False)
        await watch.until(lambda: watch.of(id_) == ["Stopping"])
        fake.events.cut()
        await lists(watch, 2)
        await watch.until(lambda: "Survived" in watch.of(id_))


async def test_the_gap_is_said_once_and_what_was_known_is_not_taken_back(watching, fake, socket_path):
    fake.run("web")
    async with watching(f"unix://{socket_path}") as watch:
        async with fake.serve_unix(socket_path):
            await watch.first(Listed)
        await watch.first(Lost)
        await asyncio.sleep(0.2)
        assert watch.kinds() == ["Placed", "Recovered", "Listed", "Lost"]
        assert watch.phase("web") == "running"
        async with fake.serve_unix(socket_path):
            await lists(watch, 2)
        assert watch.kinds()[4:7] == ["Placed", "Recovered", "Listed"]
        assert not watch.all(Vanished)


async def test_an_engine_that_is_not_there_at_first_is_waited_for(watching, fake, socket_path):
    async with watching(f"unix://{socket_path}") as watch:
        lost = await watch.first(Lost)
        assert "mount the directory" in lost.reason
        fake.run("web")
        async with fake.serve_unix(socket_path):
            await watch.first(Listed)
        assert watch.known().keys() == {"web"}


async def test_a_socket_that_was_replaced_is_found_by_its_path(watching, fake, socket_path, tmp_path):
    other = FakeEngine()
    other.run("new")
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        await watch.first(Listed)
        async with other.serve_unix(tmp_path / "new.sock"):
            os.rename(tmp_path / "new.sock", socket_path)  # noqa: PTH104 - atomically, as an engine may
            fake.events.cut()
            await watch.until(lambda: "new" in watch.known())


async def test_it_is_back_soon_after_the_engine_with_the_pauses_of_production(watching, fake, socket_path):
    real = {
        name: getattr(PRODUCTION, name) for name in ("first_pause", "eager_pause", "eager_for", "lazy_pause", "steady")
    }
    async with watching(f"unix://{socket_path}", **real) as watch:
        await asyncio.sleep(1.5)
        async with fake.serve_unix(socket_path):
            await watch.first(Listed, within=20)


@pytest.mark.parametrize("call", ["ping", "version", "events", "list", "inspect"])
async def test_trouble_with_any_call_of_the_beginning_is_overcome(watching, fake, socket_path, call):
    fake.run("web")
    fake.faults.append(Fault(call=call, status=500, times=3))
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        await watch.until(lambda: "web" in watch.known())
        assert not fake.faults or call in {"ping", "version"}


async def test_a_failing_list_never_empties_the_world(watching, fake, socket_path):
    fake.run("web")
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        await watch.first(Listed)
        fake.faults.append(Fault(call="list", status=200, body=b'{"message":"oops"}', times=5))
        fake.events.cut()
        await watch.first(Lost)
        await lists(watch, 2)
        assert all(len(one.containers) == 1 for one in watch.all(Listed))
        assert len(watch.all(Lost)) == 1


async def test_a_proxy_that_denies_the_events_is_named_and_tried_again(watching, fake, socket_path):
    fake.faults.append(Fault(call="events", status=403, body=b"<html>403 Forbidden</html>"))
    async with fake.serve_unix(socket_path) as url, watching(url) as watch:
        assert "socket proxy" in (await watch.first(Lost)).reason
        fake.faults.clear()
        await watch.first(Listed)


async def test_an_engine_that_breaks_at_once_every_time_is_not_hammered(watching, fake, socket_path):
    fake.faults.append(Fault(call="events", status=200))  # an answer that ends at once
    async with fake.serve_unix(socket_path) as url, watching(url, first_pause=0.02, eager_pause=0.1) as watch:
        await asyncio.sleep(0.5)
        assert 3 <= fake.calls["events"] <= 15
        assert watch.kinds().count("Lost") <= fake.calls["events"]


class TestLog:
    async def test_the_story_is_told_in_the_originals_words(self, watching, fake, socket_path):
        with capture_logs() as logs:
            async with watching(f"unix://{socket_path}") as watch:
                async with fake.serve_unix(socket_path):
                    await watch.first(Listed)
                await watch.first(Lost)
                async with fake.serve_unix(socket_path):
                    await lists(watch, 2)
        told = [(line["log_level"], line["event"]) for line in logs]
        assert told == [
            ("debug", f"connecting to swarm on unix://{socket_path}"),
            ("warning", "error receiving events; attempting to reconnect"),
            ("debug", f"connecting to swarm on unix://{socket_path}"),
            ("debug", f"re-connected to Swarm: {socket_path}"),
        ]
        assert logs[1]["reason"]

    async def test_an_outage_is_one_line_however_long_the_tries(self, watching, socket_path):
        with capture_logs() as logs:
            async with watching(f"unix://{socket_path}") as watch:
                await watch.first(Lost)
                await asyncio.sleep(0.3)
        assert [line["log_level"] for line in logs].count("warning") == 1

    async def test_and_one_more_every_while(self, watching, socket_path):
        with capture_logs() as logs:
            async with watching(f"unix://{socket_path}", reminder=0.1):
                await asyncio.sleep(0.5)
        assert 2 <= [line["log_level"] for line in logs].count("warning") <= 6

    async def test_doing_without_verification_is_loud(self, watching, unused_port):
        address = EngineAddress.parse(f"https://127.0.0.1:{unused_port}", allow_insecure=True)
        with capture_logs() as logs:
            async with watching(address) as watch:
                await watch.first(Lost)
        assert "is not verified" in logs[0]["event"]
        assert logs[0]["log_level"] == "warning"


async def test_it_ends_when_told_to_even_while_the_engine_breaks(fake, socket_path, kept, quick, alone):
    """Both at once: before Python 3.13 a task group forgets the one for the other."""
    for ticks in range(15):
        async with fake.serve_unix(socket_path) as url:
            engine = DockerEngine(EngineAddress.parse(url), kept=kept, patience=quick, surroundings=alone)
            running = asyncio.get_running_loop().create_task(engine.run(lambda _: None))
            await fake.events.subscribed()
            await asyncio.sleep(0.02)
            fake.events.cut()
            for _ in range(ticks):
                await asyncio.sleep(0)
            running.cancel()
            async with asyncio.timeout(20):
                await asyncio.wait([running])
            assert running.cancelled()


class TestReconcile:
    async def test_it_lists_at_once(self, listed, fake, socket_path):
        async with listed(fake, socket_path) as watch:
            watch.engine.reconcile()
            await lists(watch, 2)
            assert watch.all(Listed)[1].cause == "asked for"

    async def test_it_may_be_asked_for_while_the_engine_is_away(self, watching, fake, socket_path):
        async with watching(f"unix://{socket_path}") as watch:
            await watch.first(Lost)
            watch.engine.reconcile()
            async with fake.serve_unix(socket_path):
                await watch.first(Listed)


class TestSurvey:
    def engine(self, url, kept, quick, alone):
        return DockerEngine(EngineAddress.parse(url), kept=kept, patience=quick, surroundings=alone)

    @FLAVOURS
    async def test_everything_is_told_once(self, socket_path, kept, quick, alone, flavour):
        fake = FakeEngine(flavour)
        for number in range(20):
            fake.run(f"web-{number}")
        async with fake.serve_unix(socket_path) as url:
            placed, recovered, told = await self.engine(url, kept, quick, alone).survey()
        assert isinstance(placed, Placed)
        assert flavour.version.removeprefix("swarm/") in recovered.description
        assert len(told.containers) == 20
        assert fake.calls["events"] == 0

    async def test_a_container_that_goes_meanwhile_is_left_out(self, fake, socket_path, kept, quick, alone):
        fake.run("web")
        fake.run("ghost")
        fake.faults.append(Fault(call="inspect", container="ghost", status=404))
        async with fake.serve_unix(socket_path) as url:
            _, _, told = await self.engine(url, kept, quick, alone).survey()
        assert [one.name for one in told.containers] == ["web"]

    async def test_an_engine_that_is_not_there_is_an_error(self, socket_path, kept, quick, alone):
        with pytest.raises(TemporaryError, match="no such file"):
            await self.engine(f"unix://{socket_path}", kept, quick, alone).survey()

    async def test_a_refusal_is_an_error_too(self, fake, socket_path, kept, quick, alone):
        fake.faults.append(Fault(call="list", status=403))
        async with fake.serve_unix(socket_path) as url:
            with pytest.raises(PermanentError, match="403"):
                await self.engine(url, kept, quick, alone).survey()


async def test_over_tcp_and_with_many_containers_it_is_all_the_same(watching, fake):
    for number in range(300):
        fake.run(f"web-{number}", labels={"interlock.hostname": "www"})
    async with fake.serve_tcp() as url, watching(url) as watch:
        told = await watch.first(Listed)
        assert len(told.containers) == 300
        assert watch.all(Placed)[0].view.node_address == "127.0.0.1"
        watch.forget()
        fake.run("late")
        await watch.first(Changed)
        assert fake.calls == {"ping": 1, "version": 1, "events": 1, "list": 1, "inspect": 301}
