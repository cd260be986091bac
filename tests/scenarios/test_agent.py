"""Interlock without a Docker socket: it hears of an engine from an agent only, over mutual TLS, and loses no request.

INTERLOCK_TEST_BY_AGENT=1 does the same to every other scenario with an Interlock on the engine's host, so that
`INTERLOCK_TEST_BY_AGENT=1 pytest tests/scenarios/test_zero_loss.py` is the whole suite without a socket.
"""

import pytest

from testbed import images
from testbed.load import Load
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
SECRET = "PASSWORD=pa55word"


@pytest.fixture
def interlock(*, dockerd, docker, web_image, interlock_native):
    return interlock_native(dockerd, by_agent=True)


def run(docker, count, first=1):
    numbers = range(first, first + count)
    return [
        docker("run", "--detach", "--name", f"web_{number}", "--env", DEMO, "--env", SECRET, images.WEB)[:12]
        for number in numbers
    ]


def wait_for_servers(dockerd, interlock, containers):
    site = Site(dockerd.address, interlock.port, HOST)
    wait_for(
        lambda: set(site.ask(2 * len(containers)).servers) == set(containers),
        f"{containers} behind {HOST}; log of Interlock:\n{interlock.log[-6000:]}",
        seconds=60,
    )


def test_scaling_restarting_and_killing_lose_no_get_and_no_post_of_who_ends_well(dockerd, docker, interlock):
    kept = run(docker, 2)
    wait_for_servers(dockerd, interlock, kept)
    with Load(dockerd.address, interlock.port, HOST) as load:
        more = run(docker, 3, first=3)
        wait_for_servers(dockerd, interlock, [*kept, *more])
        docker("stop", "--time", "5", *more)
        wait_for_servers(dockerd, interlock, kept)
        for container in kept:
            docker("restart", "--time", "5", container)
            wait_for_servers(dockerd, interlock, kept)
    assert load.account.requests > 100
    assert load.account.failures() == []


def test_killing_one_loses_no_get(dockerd, docker, interlock):
    containers = run(docker, 3)
    wait_for_servers(dockerd, interlock, containers)
    with Load(dockerd.address, interlock.port, HOST) as load:
        docker("kill", containers[0])
        wait_for_servers(dockerd, interlock, containers[1:])
    assert load.account.failures("GET") == []
