"""HAProxies in containers of their own, configured from outside: Interlock runs none, and they see no Docker socket."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from testbed import compose, images
from testbed.native import PROGRAM
from testbed.programs import run
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DATA = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
HOSTILE = 'INTERLOCK_DATA={"hostname":"evil","domain":"interlock.com","balance_algorithm":"x\\n  stats socket /x"}'
PORT = 8080
EDGES = {"edge-1": 7601, "edge-2": 7602}
"""Names of proxy containers, and the ports that they publish."""
SECONDS = 60


class Outside:
    """An engine with labelled proxies, a folder that they share with Interlock, and Interlock."""

    def __init__(self, engine, start_interlock):
        self.docker = engine.docker
        self.address = engine.address
        self.folder = Path(tempfile.mkdtemp(prefix="interlock-external-"))
        self.folder.chmod(0o755)
        self.interlock = start_interlock(
            engine, ready=False, HAPROXY_PORT=str(PORT), INTERLOCK_EXTERNAL_DIR=str(self.folder)
        )

    def run_proxy(self, name, *options):
        """As docs/external-proxies.md has it."""
        place = self.folder / name
        command = (
            f"until haproxy -c -q -f {place}/haproxy.cfg; do sleep 1; done; "
            f"exec haproxy -W -S {place}/run/master.sock,mode,660 -f {place}/haproxy.cfg"
        )
        words = ["--name", name, "--hostname", name, "--label", "interlock.ext.name=haproxy", *options]
        words += ["--publish", f"{EDGES[name]}:{PORT}", images.HAPROXY, "sh", "-c", command]
        self.docker("run", "--detach", *words)

    def run_edges(self):
        for name in EDGES:
            self.run_proxy(name, "--volume", f"{self.folder}:{self.folder}")

    def run_web(self, count):
        words = ["--env", DATA, "--env", "ON_TERM=finish", images.WEB]
        return [self.docker("run", "--detach", *words)[:12] for _ in range(count)]

    def site(self, name, host=HOST):
        return Site(self.address, EDGES[name], host)

    def served(self, *containers):
        """Wait until all proxies send requests to these and to nobody else."""
        for name in EDGES:
            self.served_by(name, *containers)

    def served_by(self, name, *containers):
        site = self.site(name)
        wait_for(
            lambda: set(site.ask(3 * len(containers)).servers) == set(containers),
            f"{containers} behind {name}; log of Interlock:\n{self.interlock.log[-6000:]}",
            seconds=SECONDS,
        )

    def runs_of(self, name):
        """When its run began, and how often it was restarted: what no change of routes may touch."""
        return self.docker("inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", name).strip()

    def reloads(self, name):
        return len(re.findall(rf"\[haproxy@{name}\] proxy reloaded", self.interlock.log))

    def interlock_says(self, *words):
        return run([PROGRAM, "--run-dir", self.interlock.folder / "run", *words], seconds=SECONDS)


@pytest.fixture(scope="module")
def haproxy_image(dockerd, base):
    return images.build_haproxy(dockerd)


@pytest.fixture
def outside(dockerd, docker, web_image, haproxy_image, interlock_native):
    stage = Outside(dockerd, interlock_native)
    yield stage
    shutil.rmtree(stage.folder)


def test_two_proxies_are_kept_alike_and_never_restarted(outside):
    outside.run_edges()
    first = outside.run_web(2)
    outside.served(*first)
    runs = [outside.runs_of(name) for name in EDGES]
    reloads = [outside.reloads(name) for name in EDGES]
    one, two = (outside.site(name) for name in EDGES)
    with one.visitors() as at_one, two.visitors() as at_two:
        more = outside.run_web(3)
        outside.served(*first, *more)
        for name in more:
            outside.docker("stop", "--time", "10", name)
        outside.served(*first)
    assert at_one.tally.is_clean, at_one.tally
    assert at_two.tally.is_clean, at_two.tally
    assert [outside.runs_of(name) for name in EDGES] == runs
    assert [outside.reloads(name) for name in EDGES] == reloads, "replicas come and go without a reload"
    assert all(f"haproxy@{name}" in outside.interlock_says("status") for name in EDGES)
    assert not (outside.interlock.folder / "state" / "haproxy").exists(), "Interlock runs no HAProxy of its own"


def test_a_proxy_that_is_killed_comes_back_as_good_and_holds_up_nobody(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    outside.docker("kill", "edge-1")
    more = outside.run_web(1)
    outside.served_by("edge-2", *first, *more)
    outside.docker("start", "edge-1")
    outside.served_by("edge-1", *first, *more)
    outside.docker("rm", "--force", "edge-1")
    outside.run_proxy("edge-1", "--volume", f"{outside.folder}:{outside.folder}")
    outside.served_by("edge-1", *first, *more)


def test_proxies_serve_on_without_interlock_and_are_taken_over_by_the_next_one(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    assert outside.interlock.stop() == 0
    outside.docker("restart", "--time", "1", "edge-1")
    outside.served(*first)
    reloads = [outside.reloads(name) for name in EDGES]
    with outside.site("edge-2").visitors() as visitors:
        outside.interlock.start()
        more = outside.run_web(1)
        outside.served(*first, *more)
    assert visitors.tally.is_clean, visitors.tally
    assert outside.reloads("edge-2") == reloads[1], "it is taken over as it is"


def test_a_hostile_label_costs_nobody_else_anything(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    outside.docker("run", "--detach", "--env", HOSTILE, images.WEB)
    outside.interlock.wait_for(r"INTERLOCK_DATA.balance_algorithm", seconds=SECONDS)
    more = outside.run_web(1)
    outside.served(*first, *more)
    for name in EDGES:
        assert "stats socket /x" not in (outside.folder / name / "haproxy.cfg").read_text()


def test_a_container_that_does_not_see_the_folder_is_told_how_to(outside):
    outside.run_proxy("edge-1")
    told = outside.interlock.wait_for(r"haproxy@edge-1: it cannot run: .*", seconds=SECONDS)[0]
    assert f"at the same path: {outside.folder}" in told
    outside.run_proxy("edge-2", "--volume", f"{outside.folder}:{outside.folder}")
    outside.served_by("edge-2", *outside.run_web(1))
    outside.docker("rm", "--force", "edge-1")
    outside.interlock.wait_for(r"plugin haproxy@edge-1: no longer a problem", seconds=SECONDS)


def test_the_example_serves_with_a_proxy_that_sees_no_engine(*, dockerd, haproxy_image, web_image, interlock_image):
    file = images.REPOSITORY / "examples" / "external" / "compose.yaml"
    here = {"HAPROXY_IMAGE": haproxy_image, "WEB_IMAGE": web_image, "INTERLOCK_IMAGE": interlock_image}
    example = compose.Compose(
        dockerd, file, project="external", SWARM_URL=dockerd.tcp_url, INTERLOCK_PORT="7603", **here
    )
    site = Site(dockerd.address, 7603, HOST)

    def is_served():
        return set(site.ask(8).servers) == {key[:12] for key in example.containers("web").values()}

    try:
        example.up()
        wait_for(is_served, "the site", seconds=SECONDS)
        with site.visitors() as visitors:
            example.scale("web", 5)
            wait_for(is_served, "five of five", seconds=SECONDS)
        assert visitors.tally.is_clean, visitors.tally
        (edge,) = example.containers("edge")
        assert dockerd.docker("inspect", "--format", "{{.RestartCount}}", edge).strip() == "0"
        assert "docker.sock" not in dockerd.docker("inspect", "--format", "{{json .Mounts}}", edge)
        (interlock,) = example.containers("interlock")
        user = dockerd.docker("exec", interlock, "sh", "-c", "grep ^Uid: /proc/1/status").split()[1]
        assert user == "980", "Interlock needs not be root for it"
    finally:
        example.down()
