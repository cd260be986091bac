"""A container starts and stops on a real engine, HAProxy serves it, and /metrics and the event stream tell of it."""

import asyncio
import json

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DATA = '{"hostname":"demo","domain":"interlock.com"}'
SECONDS = 60


def asked(native, path):
    """What the API on the local socket answers."""

    async def ask():
        connector = aiohttp.UnixConnector(str(native.folder / "run" / "interlock.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(f"http://x{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    return asyncio.run(asyncio.wait_for(ask(), SECONDS))


def metrics(native):
    """Every sample, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(asked(native, "/metrics"))
        for sample in family.samples
    }


def value(samples, name, **labels):
    """The sum of those that have these labels."""
    return sum(
        found for (each, said), found in samples.items() if each == name and labels.items() <= dict(said).items()
    )


@pytest.fixture
def native(docker, dockerd, interlock_native, web_image):
    found = interlock_native(dockerd)
    docker("run", "-d", "--name", "web_1", "-e", f"INTERLOCK_DATA={DATA}", web_image)
    wait_for(lambda: found.site(HOST).get().status == 200, "the first answer", seconds=SECONDS)
    return found


def test_an_event_its_steps_its_time_to_traffic_and_the_requests_are_told(native, docker):
    native.site(HOST).ask(10)
    samples = metrics(native)
    assert value(samples, "interlock_events_total", event="Changed") >= 1
    assert value(samples, "interlock_plan_steps_total", proxy="haproxy") >= 1
    count = value(samples, "interlock_event_to_traffic_seconds_count", proxy="haproxy")
    total = value(samples, "interlock_event_to_traffic_seconds_sum", proxy="haproxy")
    assert count >= 1
    assert 0 < total < SECONDS * count
    assert value(samples, "interlock_route_requests_total", host=HOST) >= 10
    assert value(samples, "interlock_server_requests_total", host=HOST, server="web_1") >= 10
    assert value(samples, "interlock_ready") == 1
    assert value(samples, "interlock_servers", state="ready") == 1
    docker("rm", "-f", "web_1")
    wait_for(
        lambda: value(metrics(native), "interlock_plan_steps_total", step="RemoveServer") >= 1,
        "the removal to be counted",
        seconds=SECONDS,
    )


def test_the_event_stream_tells_of_a_stop_as_it_happens(native, docker):
    async def heard():
        connector = aiohttp.UnixConnector(str(native.folder / "run" / "interlock.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://x/v1/events") as answer:
            await answer.content.readuntil(b"\n\n")
            stopping = asyncio.get_running_loop().run_in_executor(None, docker, "stop", "-t", "5", "web_1")
            kinds = {}
            while "PlanApplied" not in kinds:
                text = (await answer.content.readuntil(b"\n\n")).decode()
                data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
                for happening in map(json.loads, data):
                    kinds.setdefault(happening["kind"], happening)
            await stopping
            return kinds

    kinds = asyncio.run(asyncio.wait_for(heard(), SECONDS))
    assert kinds["EventSeen"]["cause"]["container"] == "web_1"
    assert kinds["PlanApplied"]["steps"][0]["step"] in {"DrainServer", "RemoveServer"}
    assert [cause["container"] for cause in kinds["PlanApplied"]["causes"]] == ["web_1"]
