"""deploy/swarm/stack.yml on a swarm of three nodes: Interlock hears of everything from agents, and from them only."""

import re
import shlex
import tempfile
from pathlib import Path

import pytest

from testbed import images
from testbed.load import Load
from testbed.native import PROGRAM
from testbed.programs import run
from testbed.swarm import Swarm
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

PAGES = (images.REPOSITORY / "README.md", images.REPOSITORY / "docs" / "stack.md")
STACK = images.REPOSITORY / "deploy" / "swarm" / "stack.yml"
HOST = "demo.interlock.com"
SECONDS = 120.0


@pytest.fixture(scope="module")
def swarm(dockerd, interlock_image):
    with Swarm() as swarm, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "interlock.tar"
        dockerd.docker("save", "--output", file, interlock_image)
        swarm.bring_images()
        swarm.on_each(lambda node: node.docker("load", "--input", file))
        yield swarm


def commands(page):
    """The five that begin with a swarm, as words."""
    block = re.search(r"```\w*\n(docker swarm init\n.*?)```", page.read_text(), re.DOTALL)[1]
    return [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()]


def type_command(swarm, words, keys):
    """As the page has it, but with this swarm's images and a folder for keys that is not the repository's."""
    variables = {"INTERLOCK_IMAGE": images.INTERLOCK, "INTERLOCK_KEYS": str(keys)}
    here = {"your/web": images.WEB, "deploy/swarm/stack.yml": STACK, "deploy/swarm/keys": keys}
    program, *rest = words
    command = [PROGRAM if program == "interlock" else program, *(here.get(word, word) for word in rest)]
    return run(command, env=swarm.manager.environment() | variables)


def entrances(swarm):
    """Where an Interlock answers: at port 80 of its node."""
    return [
        Site(swarm.node_named(hostname).address, 80, HOST)
        for hostname in swarm.wait_for_running("interlock_interlock", 2).values()
    ]


def served(swarm, replicas):
    running = swarm.wait_for_running("web", replicas)
    for site in entrances(swarm):
        wait_for(
            lambda site=site: set(site.ask(3 * replicas).servers) == set(running),
            f"{running} behind {site.address}:\n{logs(swarm)}",
            seconds=SECONDS,
        )


def logs(swarm):
    return "\n".join(
        swarm.manager.docker("service", "logs", f"interlock_{name}")[-6000:] for name in ("interlock", "agent")
    )


def test_five_commands_lead_to_a_service_that_is_routed_and_scaled_without_a_lost_request(swarm, tell, tmp_path):
    (init, keys, deploy, create, ask), others = map(commands, PAGES)
    assert [init, keys, deploy, create, ask] == others
    assert init == ["docker", "swarm", "init"]
    for words in (keys, deploy, create):
        type_command(swarm, words, tmp_path / "keys")
    assert ask[:3] == ["curl", "--header", f"Host: {HOST}"]
    served(swarm, 2)
    swarm.wait_for_running("interlock_agent", 3)
    with Load(entrances(swarm)[0].address, 80, HOST) as load:
        for replicas in (6, 2):
            swarm.manager.docker("service", "scale", "--detach", f"web={replicas}")
            served(swarm, replicas)
    tell(f"swarm by its stack, 2 -> 6 -> 2: {load.account}")
    assert load.account.failures() == []
    assert load.account.requests
