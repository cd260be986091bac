"""Plugins that raise, hang, block, exit and lie run beside a real HAProxy, which follows a real engine as if alone."""

import re
from statistics import median

import pytest

from testbed import bad_plugins, quick
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
REPLICAS = 6
SECONDS = 60


def follow(interlock, docker, image):
    """Start replicas one by one, then stop all but the first; the steps that HAProxy took, and each time to traffic."""
    site = interlock.site(HOST)
    names = [f"web_{number}" for number in range(1, REPLICAS + 1)]
    times = [quick.milliseconds_until_seen(site, docker, image, "--name", name, seconds=SECONDS) for name in names]
    for name in names[1:]:
        docker("kill", name)
        wait_for(lambda name=name: not in_rotation(interlock, name), f"{name} to be out", seconds=SECONDS)
    docker("rm", "--force", *names)
    interlock.wait_for(rf'\[haproxy\] {HOST}: removed"', seconds=SECONDS)
    steps = [re.sub(r"\d+\.\d+\.\d+\.\d+:", "ADDRESS:", step) for step in interlock.steps]
    return steps, times


def in_rotation(interlock, name):
    return interlock.servers("demo_interlock_com").get(name, "").startswith("UP")


def test_they_cost_haproxy_no_step_and_no_time(*, dockerd, docker, web_image, interlock_native, tmp_path, tell):
    alone = interlock_native(dockerd)
    steps_alone, times_alone = follow(alone, docker, web_image)
    path = bad_plugins.install(tmp_path)
    options = tuple(word for name in bad_plugins.NAMES for word in ("--plugin", name))
    beside = interlock_native(dockerd, options=options, PYTHONPATH=path)
    steps, times = follow(beside, docker, web_image)
    tell(
        f"from start event to first 200, median of {REPLICAS}: {median(times_alone):.0f} ms alone, "
        f"{median(times):.0f} ms beside {len(bad_plugins.NAMES)} bad plugins"
    )
    assert steps == steps_alone
    assert len(steps) > REPLICAS
    for name in ("raising", "exiting", "lying"):
        assert f"plugin {name}: it fails, and is tried again after growing pauses" in beside.log
