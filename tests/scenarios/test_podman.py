"""Podman for real: its Docker-compatible API, its events, its network, alone and beside Docker."""

import functools
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed import base_image, images
from testbed.dockerd import PUBLIC_API_PORT, PrivateDockerd
from testbed.lan import Lan
from testbed.load import Load
from testbed.native import PROGRAM
from testbed.podman import PrivatePodman, RootlessPodman
from testbed.programs import ProgramError, run
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'


@pytest.fixture(scope="module")
def lan():
    with Lan() as lan:
        yield lan


@pytest.fixture(scope="module")
def one_podman(lan):
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-podman-"))
        podman = stack.enter_context(PrivatePodman(Path(folder), plug=functools.partial(lan.plug, number=1)))
        images.import_base(podman, base_image.cache_folder())
        images.build_web(podman)
        yield podman


@pytest.fixture
def podman(one_podman):
    """A real Podman, without what a test has left."""
    yield one_podman
    one_podman.remove_everything()


@pytest.fixture
def docker_beside(lan):
    """A real Docker engine, on the same network."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-dockerd-"))
        plug, options = functools.partial(lan.plug, number=2), ("--host", f"tcp://0.0.0.0:{PUBLIC_API_PORT}")
        docker = stack.enter_context(PrivateDockerd(Path(folder), plug=plug, options=options, in_memory=True))
        images.import_base(docker, base_image.cache_folder())
        images.build_web(docker)
        yield docker


def start(engine, *names, host="demo"):
    """Their short ids."""
    words = (
        "--publish",
        "5000",
        "--env",
        DEMO.replace("demo", host),
        "--env",
        "ON_TERM=finish",
        "--env",
        "DELAY=0.005",
    )
    return [engine.docker("run", "--detach", "--name", name, *words, images.WEB)[:12] for name in names]


def served(interlock, *containers, host="demo"):
    site = interlock.site(f"{host}.interlock.com")
    wait_for(
        lambda: set(site.ask(3 * len(containers)).servers) == set(containers),
        f"{containers} behind {site.host}; log of Interlock:\n{interlock.log[-6000:]}",
        seconds=40,
    )


def order(interlock, *words):
    """A command for the running Interlock, as an operator types it."""
    run([PROGRAM, "--run-dir", interlock.folder / "run", *words], seconds=60)


def test_containers_start_stop_scale_and_die_under_load(podman, interlock_native, tell):
    interlock = interlock_native(podman, url=f"podman={podman.url}")
    assert "engine podman answers: Podman" in interlock.log
    kept = start(podman, "web_1", "web_2")
    served(interlock, *kept)
    with Load(podman.address, interlock.port, HOST) as load:
        more = start(podman, "web_3", "web_4")
        served(interlock, *kept, *more)
        podman.docker("stop", "--time", "10", "web_3", "web_4")
        served(interlock, *kept)
        podman.docker("restart", "--time", "10", "web_1")
        served(interlock, *kept)
        podman.docker("kill", "web_2")
        served(interlock, kept[0])
        podman.docker("start", "web_2")
        podman.docker("rm", "web_3", "web_4")
        served(interlock, *kept)
    tell(f"Podman, 2 -> 4 -> 2, restart, kill: {load.account}")
    assert load.account.requests > 100
    assert load.account.failures("GET") == []
    podman.docker("rm", "--force", "web_1", "web_2")
    wait_for(lambda: interlock.site(HOST).get().status == 404, "the host is given up", seconds=40)


def test_whoever_is_drained_before_it_stops_loses_nothing(podman, interlock_native, tell):
    interlock = interlock_native(podman, url=f"podman={podman.url}")
    kept = start(podman, "web_1", "web_2")
    served(interlock, *kept)
    with Load(podman.address, interlock.port, HOST) as load:
        for _ in range(3):
            order(interlock, "drain", "web_2", "--wait")
            podman.docker("stop", "--time", "10", "web_2")
            podman.docker("start", "web_2")
            order(interlock, "undrain", "web_2")
            served(interlock, *kept)
    tell(f"Podman, 3 x drain, stop, start, undrain: {load.account}")
    assert load.account.failures() == []
    podman.docker("pause", "web_2")
    served(interlock, kept[0])
    podman.docker("unpause", "web_2")
    served(interlock, *kept)


def test_the_service_may_end_and_come_back_while_containers_go_on(podman, interlock_native):
    interlock = interlock_native(podman, url=f"podman={podman.url}")
    served(interlock, *start(podman, "web_1"))
    with interlock.site(HOST).visitors() as visitors:
        podman.stop()
        interlock.wait_for("engine podman is lost")
        podman.start()
        interlock.wait_for("engine podman answers(?s:.*)engine podman answers")
        there = start(podman, "web_2", host="other")
        served(interlock, *there, host="other")
    assert visitors.tally.is_clean, visitors.tally


def test_a_healthcheck_that_nobody_runs_is_told_and_may_be_ignored(podman, interlock_native):
    interlock = interlock_native(podman, url=f"podman={podman.url}")
    checked = ("--health-cmd", "true", "--label", "interlock.domain=interlock.com")
    for name, more in (("waits", ()), ("served", ("--label", "interlock.ready=ignore"))):
        podman.docker(
            "run", "--detach", "--name", name, *checked, "--label", f"interlock.hostname={name}", *more, images.WEB
        )
    wait_for(lambda: interlock.site("served.interlock.com").get().status == 200, "the one that ignores it", seconds=40)
    with pytest.raises(ProgramError, match=r"exit code 3[^$]*interlock\.ready=ignore"):
        order(interlock, "explain", "waits", "--json")


def test_podman_and_docker_share_the_load_of_one_host(podman, docker_beside, interlock_native):
    url = f"docker=tcp://{docker_beside.address}:{PUBLIC_API_PORT}"
    interlock = interlock_native(podman, url=f"podman={podman.url}", options=("--swarm-url", url))
    here, there = start(podman, "web_1"), start(docker_beside, "web_1")
    served(interlock, *here, *there)
    assert set(interlock.servers("demo_interlock_com")) >= {"podman.web_1", "docker.web_1"}
    with Load(podman.address, interlock.port, HOST) as load:
        docker_beside.docker("stop", "--time", "10", "web_1")
        served(interlock, *here)
        docker_beside.docker("start", "web_1")
        served(interlock, *here, *there)
        podman.docker("stop", "--time", "10", "web_1")
        served(interlock, *there)
        podman.docker("start", "web_1")
        served(interlock, *here, *there)
    assert load.account.failures("GET") == [], load.account


@pytest.fixture
def rootless():
    """The Podman of a user, with the test image."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-rootless-"))
        podman = stack.enter_context(RootlessPodman(Path(folder)))
        images.import_base(podman, base_image.cache_folder())
        images.build_web(podman)
        yield podman


def test_rootless_containers_are_reached_at_the_ports_that_they_publish(rootless, interlock_native):
    interlock = interlock_native(rootless)
    both = start(rootless, "web_1", "web_2")
    served(interlock, *both)
    with interlock.site(HOST).visitors() as visitors:
        rootless.docker("stop", "--time", "10", "web_2")
        served(interlock, both[0])
        rootless.docker("start", "web_2")
        served(interlock, *both)
    assert visitors.tally.is_clean, visitors.tally
