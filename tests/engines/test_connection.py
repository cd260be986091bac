"""One connection: bytes in whatever pieces, garbage, and silence."""

import asyncio

import pytest
from structlog.testing import capture_logs

from interlock.core.events import Changed, Listed, Lost, Recovered
from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, FakeEngine, Fault


@pytest.fixture
def fake():
    return FakeEngine()


def warnings(logs):
    return [line["event"] for line in logs if line["log_level"] == "warning"]


@pytest.mark.parametrize("garbage", [b"garbage\n", b'{"status":\n', b"\xff\xfe\n", b'{"Type":5}\n', b"<html>\n{}\n"])
async def test_garbage_is_skipped_and_logged_once(listed, fake, socket_path, garbage):
    with capture_logs() as logs:
        async with listed(fake, socket_path) as watch:
            for _ in range(20):
                fake.events.send(garbage)
            fake.run("web")
            await watch.first(Changed)
            assert not watch.all(Lost)
    assert warnings(logs) == ["the event stream holds what is no event; it is skipped"]


async def test_events_that_mean_nothing_are_no_garbage(listed, fake, socket_path):
    with capture_logs() as logs:
        async with listed(fake, socket_path) as watch:
            fake.events.send(b'{"Type":"daemon","Action":"reload"}\n{}\n{"status":"pull","id":"busybox"}\n')
            fake.run("web")
            await watch.first(Changed)
    assert warnings(logs) == []


async def test_ten_megabytes_of_noise_cost_nothing_but_themselves(listed, fake, socket_path):
    async with listed(fake, socket_path) as watch:
        fake.events.send(b'{"Type":"container","label":"' + b"x" * 10_000_000 + b'"}\n')
        fake.run("web")
        await watch.first(Changed)
        assert fake.calls == {"inspect": 1}


@pytest.mark.parametrize("flavour", [DOCKER_20, DOCKER_29, CLASSIC_SWARM], ids=["20.10", "29", "swarm"])
async def test_many_events_in_one_piece_are_all_heard(listed, socket_path, flavour):
    fake = FakeEngine(flavour)
    async with listed(fake, socket_path) as watch:
        for number in range(100):
            fake.run(f"web-{number}")
        await watch.until(lambda: len(watch.known()) == 100)
        assert fake.calls == {"inspect": 100}


@pytest.mark.parametrize("at", [0, 1, 30, 100])
async def test_a_stream_cut_within_an_object_is_made_up_for_by_a_list(listed, fake, socket_path, at):
    async with listed(fake, socket_path) as watch:
        fake.events.cut_next_at = at
        fake.run("web")
        await watch.first(Lost)
        await watch.until(lambda: watch.phase("web") == "running")
        assert len(watch.all(Listed)) == 2


class TestSilence:
    async def test_a_silent_engine_that_answers_is_left_in_peace(self, listed, fake, socket_path):
        async with listed(fake, socket_path, silence=0.03) as watch:
            async with asyncio.timeout(20):
                while fake.calls["ping"] < 3:  # noqa: ASYNC110 - the fake engine rings no bell
                    await asyncio.sleep(0.01)
            assert not watch.all(Lost)
            fake.run("web")
            await watch.first(Changed)

    async def test_one_that_does_not_answer_is_lost(self, listed, fake, socket_path):
        fake.run("web")
        async with listed(fake, socket_path, silence=0.05, ping=0.05, answer=0.2) as watch:
            fake.freeze()
            lost = await watch.first(Lost)
            assert "no answer to GET /_ping in time" in lost.reason
            fake.thaw()
            await watch.until(lambda: len(watch.all(Recovered)) == 2)

    async def test_events_are_signs_of_life(self, listed, fake, socket_path):
        fake.run("web")
        async with listed(fake, socket_path, silence=0.3):
            for _ in range(10):
                fake.set_health("web", "healthy")
                await asyncio.sleep(0.05)
            assert fake.calls["ping"] == 0


async def test_a_refused_inspect_breaks_the_connection_and_says_what_to_allow(listed, fake, socket_path):
    async with listed(fake, socket_path) as watch:
        fake.faults.append(Fault(call="inspect", status=403))
        fake.run("web")
        lost = await watch.first(Lost)
        assert "socket proxy" in lost.reason
