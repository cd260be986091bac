"""`make demo` and `make demo-down`, as a person runs them."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.dockerd import PrivateDockerd
from testbed.images import REPOSITORY
from testbed.namespaces import Namespaces
from testbed.programs import ProgramError, environment, run
from testbed.visits import Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SECONDS = 300.0
FIVE_OF_FIVE = "5 of 5 containers seen through demo.interlock.com, 200 requests, none lost"

Demo = Callable[..., str]
"""`demo("up")`: what it prints."""


def demo_of(folder: Path, enter: Callable[[list[str | Path]], list[str]], **variables: str) -> Demo:
    """The demo with its files in a folder of its own, beside one that a person may have running."""
    # There is no way out of the network it runs in; the fixtures that made the images filled uv's cache.
    env = environment(INTERLOCK_DEMO_FOLDER=str(folder / "demo"), UV_OFFLINE="1", **variables)
    command = [sys.executable, REPOSITORY / "scripts" / "demo"]
    return lambda word, **more: run(enter([*command, word]), env=env | more, seconds=SECONDS)


@pytest.fixture
def machine(interlock_image: str) -> Iterator[Namespaces]:
    """A machine on which no engine runs: network, processes and /run of its own."""
    namespaces = Namespaces.open(own_network=True)
    try:
        run(namespaces.inside(["ip", "link", "set", "lo", "up"]))
        yield namespaces
    finally:
        namespaces.close()


class TestWithoutAnEngine:
    def test_five_of_five_are_seen_and_then_no_trace_is_left(self, machine, tmp_path):
        demo = demo_of(tmp_path, machine.inside)
        traces = traces_on(machine)
        said = demo("up")
        assert FIVE_OF_FIVE in said
        page = run(machine.inside(["curl", "--silent", "--header", "Host: demo.interlock.com", "http://127.0.0.1/"]))
        assert "This page was made by the container" in page
        assert traces_on(machine) - traces
        demo("down")
        assert not traces_on(machine) - traces
        assert not list(tmp_path.iterdir())

    def test_a_failed_one_tells_why_and_is_removed_all_the_same(self, machine, tmp_path):
        tools = tmp_path / "tools"
        tools.mkdir()
        broken = tools / "uv"  # by then there is an engine, and an image or two
        broken.write_text("#!/bin/sh\necho 'no such luck' >&2\nexit 1\n")
        broken.chmod(0o755)
        demo = demo_of(tmp_path, machine.inside)
        traces = traces_on(machine)
        with pytest.raises(ProgramError, match=r"exit code 1\n(.*\n)*.*no such luck"):
            demo("up", PATH=f"{tools}:{os.environ['PATH']}")
        demo("down")
        assert not traces_on(machine) - traces
        assert list(tmp_path.iterdir()) == [tools]

    def test_without_a_demo_there_is_nothing_to_remove(self, machine, tmp_path):
        assert "there is no demo here" in demo_of(tmp_path, machine.inside)("down")


@pytest.mark.usefixtures("docker", "interlock_image")
class TestWithAnEngineThatRuns:
    def test_it_is_used_and_left_as_it_was(self, dockerd, tmp_path):
        demo = demo_of(tmp_path, dockerd.on_host, DOCKER_HOST=dockerd.url)
        before = belongings(dockerd)
        said = demo("up")
        assert FIVE_OF_FIVE in said
        assert Site(dockerd.address, 80, "demo.interlock.com").get().status == 200
        assert belongings(dockerd) != before
        demo("down")
        assert belongings(dockerd) == before
        assert not list(tmp_path.iterdir())


def traces_on(machine: Namespaces) -> Counter[str]:
    """What a demo could leave."""
    looks = {
        "process": "cat /proc/[0-9]*/comm | grep -vx -e sh -e cat -e grep",
        "mount": "cat /proc/mounts",
        "link": "ip -brief address",
        "firewall rule": "iptables-save | grep -v '^#'; true",
    }
    return Counter(
        f"{what} {line}"
        for what, look in looks.items()
        for line in run(machine.inside(["sh", "-c", look])).splitlines()
    )


def belongings(engine: PrivateDockerd) -> dict[str, set[str]]:
    """Ids of all that an engine has."""
    kinds = {"images": ["images", "--all"], "containers": ["ps", "--all"], "networks": ["network", "ls"]}
    return {kind: set(engine.docker(*words, "--quiet").split()) for kind, words in kinds.items()}
