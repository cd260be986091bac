"""Interlock in its container, as `examples/demo` runs it: the story under Compose, and how the container behaves."""

import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed import compose, images
from testbed.dockerd import PrivateDockerd
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
FILES = {1: "docker-compose.v1.yml", 2: "compose.yaml"}
"""By Compose's generation."""
UNPRIVILEGED = "980"
"""The user `interlock` of the Dockerfile."""
NET_BIND_SERVICE = 1 << 10
"""The only capability that is left (capabilities(7))."""
OWN_PORT = 8081
"""Where the containers are published that run beside those of the Compose file."""
PLUGIN = ("--plugin", "haproxy", "start")
LISTED = "engine docker listed"
"""What Interlock's log says once it knows what the engine runs."""


class Story:
    """The demo's Compose file, with Interlock in it."""

    def __init__(self, engine: PrivateDockerd, application: compose.Compose) -> None:
        self.application = application
        self._engine = engine

    @property
    def interlock(self) -> str:
        """Name of Interlock's container."""
        (name,) = self.application.containers("interlock")
        return name

    @property
    def names(self) -> dict[str, str]:
        """Who should answer, as the web application tells it, and the names of those containers."""
        return {key[:12]: name for name, key in self.application.containers("web").items()}

    @property
    def log(self) -> str:
        return self._engine.docker("logs", self.interlock)

    def site(self, host: str) -> Site:
        return Site(self._engine.address, 80, host)

    def wait_for_all(self) -> None:
        expected = set(self.names)
        wait_for(
            lambda: set(self.site(HOST).ask(4 * len(expected)).servers) == expected,
            f"{expected} behind {HOST}; log of Interlock:\n{self.log}",
            seconds=20,
        )

    def docker(self, *words: str) -> str:
        return self._engine.docker(*words)

    def inside(self, script: str) -> str:
        """What a shell in Interlock's container prints."""
        return self._engine.docker("exec", self.interlock, "sh", "-c", script)


def fields(status: str) -> dict[str, str]:
    """A process's status file, with the first of several values."""
    pairs = (line.split(":", 1) for line in status.splitlines() if ":\t" in line)
    return {key: value.split()[0] if value.strip() else "" for key, value in pairs}


@pytest.fixture
def socket_of_group(dockerd: PrivateDockerd) -> Iterator[Callable[[int], Path]]:
    """Gives the engine's socket to a group, until the test is over."""
    before = dockerd.socket.stat().st_gid

    def give(group: int) -> Path:
        os.chown(dockerd.socket, -1, group)
        return dockerd.socket

    yield give
    give(before)


@pytest.fixture(scope="module")
def application(
    *, dockerd: PrivateDockerd, web_image: str, database_image: str, interlock_image: str
) -> Iterator[compose.Compose]:
    """The demo's Compose file with the images of the tests."""
    for image, name in ((web_image, "web"), (database_image, "db"), (interlock_image, "interlock")):
        dockerd.docker("tag", image, f"interlock-demo/{name}")
    file = images.REPOSITORY / "examples" / "demo" / FILES[min(compose.generation(), max(FILES))]
    variables = {"INTERLOCK_PORT": "80", "SWARM_URL": dockerd.tcp_url}
    application = compose.Compose(dockerd, file, project="story", **variables)
    yield application
    application.down()


@pytest.fixture
def story(dockerd: PrivateDockerd, application: compose.Compose) -> Story:
    """`docker-compose up -d` has been done, and demo.interlock.com answers, whatever the test before did."""
    application.up()
    application.scale("web", 1)
    there = Story(dockerd, application)
    there.wait_for_all()
    return there


class TestTheStory:
    def test_five_of_five_answer_and_each_takes_its_share_without_a_reload(self, story):
        reloads = story.log.count("proxy reloaded and ready")
        story.application.scale("web", 5)
        story.wait_for_all()
        tally = story.site(HOST).ask(100)
        assert tally.is_clean
        assert set(tally.servers) == set(story.names)
        assert len(tally.servers) == 5
        assert all(15 <= count <= 25 for count in tally.servers.values()), tally
        assert story.log.count("proxy reloaded and ready") == reloads

    def test_traffic_follows_when_one_is_killed_and_when_it_is_scaled_back(self, story):
        story.application.scale("web", 3)
        story.wait_for_all()
        story.docker("kill", min(story.names))
        story.wait_for_all()
        assert len(story.names) == 2
        story.application.scale("web", 1)
        story.wait_for_all()
        assert len(story.names) == 1

    def test_docker_logs_tell_it_in_logfmt(self, story):
        story.application.scale("web", 2)
        story.wait_for_all()
        log = story.log
        for line in log.splitlines():
            assert re.match(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=(debug|info|warning|error) msg=', line), line
        container, name = max(story.names.items(), key=lambda item: item[1])
        milestones = (
            r"interlock running version=",
            r"loading plugin name=haproxy version=",
            rf"\[interlock\] event: date=\d+ type=start image=\S+ container={container}",
            r"\[interlock\] dispatching event to plugin: name=haproxy version=",
            rf"\[haproxy\] demo\.interlock\.com: upstream=\S+:5000 container={name}",
            r"\[haproxy\] proxy (reloaded|updated) and ready",
        )
        assert re.search(".*".join(milestones), log, re.DOTALL), log

    def test_the_statistics_page_lists_the_servers_by_name_for_whoever_has_the_password(self, story):
        page = story.site("")
        password = story.inside("cat /var/lib/interlock/haproxy/stats-password").strip()
        credentials = b64encode(f"stats:{password}".encode()).decode()
        answer = page.get("/haproxy?stats", headers={"Authorization": f"Basic {credentials}"})
        assert answer.status == 200
        assert "demo_interlock_com" in answer.body
        assert all(name in answer.body for name in story.names.values())
        assert page.get("/haproxy?stats").status == 401

    def test_the_monitor_page_answers(self, story):
        assert story.site("").get("/haproxy?monitor").status == 200


class TestTheContainer:
    def test_nothing_in_it_is_root_and_nobody_can_do_more_than_bind_low_ports(self, story):
        statuses = [fields(text) for text in story.inside("tail -n +1 /proc/[0-9]*/status").split("==>")[1:]]
        ours = [status for status in statuses if status["Name"] not in {"sh", "tail"}]  # those two look around
        assert "haproxy" in {status["Name"] for status in ours}
        assert {status["Uid"] for status in ours} == {UNPRIVILEGED}
        assert {int(status["CapBnd"], 16) for status in ours} == {NET_BIND_SERVICE}
        assert {status["NoNewPrivs"] for status in ours} == {"1"}

    def test_it_stops_at_once_and_well(self, story):
        name = story.interlock
        began = time.monotonic()
        story.docker("stop", name)
        assert time.monotonic() - began < 9.5  # at 10 s Docker kills
        assert story.docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
        assert "shutting down" in story.docker("logs", name)

    def test_a_new_one_serves_the_last_good_state_though_the_engine_is_away(self, story, docker, interlock_image):
        name = story.interlock
        network = docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", name)
        docker("stop", name)
        options = ["--volumes-from", name, "--network", network, "--publish", "80:80"]
        nowhere = ["--swarm-url", "tcp://127.0.0.1:1", *PLUGIN]
        docker("run", "--detach", "--name", "again", *options, interlock_image, *nowhere)
        wait_for(lambda: set(story.site(HOST).ask(4).servers) == set(story.names), "the last good state", seconds=30)
        assert "what it ran is served on" in docker("logs", "again")

    def test_sighup_makes_it_look_again(self, story):
        story.docker("kill", "--signal", "HUP", story.interlock)
        wait_for(lambda: "reconciling, as SIGHUP asked" in story.log, "a reconcile", seconds=30)
        story.wait_for_all()

    def test_orphans_are_reaped(self, story):
        orphan = story.inside("sleep 0.5 >/dev/null & echo $!")
        # The dead whom nobody has reaped keep their folder.
        wait_for(lambda: story.inside(f"test -e /proc/{orphan} || echo gone") == "gone", "its end", seconds=30)

    def test_a_killed_haproxy_is_back_by_itself(self, story):
        story.inside("kill -9 $(grep -lx haproxy /proc/[0-9]*/comm | cut -d / -f 3)")
        wait_for(lambda: "proxy restarted and ready" in story.log, "a new HAProxy", seconds=30)
        story.wait_for_all()


class TestWithNginx:
    def test_two_of_two_answer_and_it_stops_at_once_and_well(self, *, dockerd, docker, web_image, interlock_image):
        options = ["--detach", "--name", "with-nginx", "--publish", f"{OWN_PORT}:80"]
        docker("run", *options, interlock_image, "--swarm-url", dockerd.tcp_url, "--plugin", "nginx", "start")
        data = 'INTERLOCK_DATA={"hostname":"two","domain":"interlock.com"}'
        keys = {docker("run", "--detach", "--env", data, web_image)[:12] for _ in range(2)}
        # Until then NGINX's workers of before answer, too, and know no such host.
        wait_for(lambda: "proxy reloaded and ready" in docker("logs", "with-nginx"), "the site", seconds=20)
        site = Site(dockerd.address, OWN_PORT, "two.interlock.com")
        wait_for(lambda: set(site.ask(8).servers) == keys, f"{keys} behind {site.host}", seconds=20)
        assert site.ask(50).is_clean
        assert fields(docker("exec", "with-nginx", "cat", "/proc/1/status"))["Uid"] == UNPRIVILEGED
        began = time.monotonic()
        docker("stop", "with-nginx")
        assert time.monotonic() - began < 9.5  # at 10 s Docker kills
        assert docker("inspect", "--format", "{{.State.ExitCode}}", "with-nginx") == "0"


class TestTheEnginesSocket:
    @pytest.mark.parametrize(("group", "user"), [(4242, UNPRIVILEGED), (0, "0")])
    def test_keeps_root_only_if_it_belongs_to_the_group_root(
        self, *, group, user, docker, interlock_image, socket_of_group
    ):
        mount = f"{socket_of_group(group)}:/var/run/docker.sock"
        docker("run", "--detach", "--name", "root-or-not", "--volume", mount, interlock_image, *PLUGIN)
        wait_for(lambda: LISTED in docker("logs", "root-or-not"), "its list", seconds=30)
        assert fields(docker("exec", "root-or-not", "cat", "/proc/1/status"))["Uid"] == user
        reason = "staying root, since /var/run/docker.sock belongs to the group root"
        assert (reason in docker("logs", "root-or-not")) == (group == 0)

    def test_is_enough_for_one_that_never_was_root_and_has_no_capability(self, *, dockerd, docker, interlock_image):
        rights = ["--user", "interlock", "--group-add", str(dockerd.socket.stat().st_gid), "--cap-drop", "ALL"]
        files = ["--read-only", "--tmpfs", f"/run/interlock:uid={UNPRIVILEGED}", "--tmpfs", "/tmp"]
        mount = f"{dockerd.socket}:/var/run/docker.sock"
        options = [*rights, *files, "--volume", mount, "--publish", f"{OWN_PORT}:80"]
        docker("run", "--detach", "--name", "hardened", *options, interlock_image, *PLUGIN)
        wait_for(lambda: LISTED in docker("logs", "hardened"), "its list", seconds=30)
        site = Site(dockerd.address, OWN_PORT, "")
        wait_for(lambda: site.get("/haproxy?monitor").status == 200, "port 80", seconds=30)
