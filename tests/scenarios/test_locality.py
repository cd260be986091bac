"""Local first: while one engine's container is up, those of the other stand by. On two real engines, both proxies."""

import json
import re
from contextlib import ExitStack

import pytest

from testbed import images
from testbed.dockerd import PUBLIC_API_PORT
from testbed.load import Load
from testbed.native import PROGRAM, ThisMachine
from testbed.ports import free_port
from testbed.programs import ProgramError, run
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
RATE = 100
"""Requests a second of each proxy."""


class Stage:
    """Two engines of which the first comes first, and an Interlock with both proxies that watches both."""

    def __init__(self, pair, start):
        self.near, self.far = pair
        self.ports = {"haproxy": free_port(), "nginx": free_port()}
        urls = [f"node{number}=tcp://{engine.address}:{PUBLIC_API_PORT}" for number, engine in enumerate(pair, 1)]
        self.interlock = start(
            ThisMachine(),
            url=urls[0],
            options=("--swarm-url", urls[1], "--locality", "node1", "--plugin", "nginx"),
            HAPROXY_PORT=str(self.ports["haproxy"]),
            NGINX_PORT=str(self.ports["nginx"]),
        )

    @staticmethod
    def start(engine, name):
        variables = ("--env", DEMO, "--env", "ON_TERM=finish", "--env", "DELAY=0.005")
        return engine.docker("run", "--detach", "--name", name, "--publish", "5000", *variables, images.WEB)[:12]

    def order(self, *words):
        """What a command for the running Interlock prints, as an operator types it."""
        return run([PROGRAM, "--run-dir", self.interlock.folder / "run", *words], seconds=60)

    def served(self, *containers):
        """Until both proxies are answered by these, and by nobody else any more."""
        for name, port in self.ports.items():
            site = Site("127.0.0.1", port, HOST)
            wait_for(
                lambda site=site: set(site.ask(4 * len(containers)).servers) == set(containers),
                f"{containers} behind {name}; log of Interlock:\n{self.interlock.log[-6000:]}",
                seconds=40,
            )

    def loads(self, stack):
        return [stack.enter_context(Load("127.0.0.1", port, HOST, rate=RATE)) for port in self.ports.values()]

    def states(self):
        """Server -> what `interlock trace` says of it."""
        servers = json.loads(self.order("trace", "--json", f"http://{HOST}"))["servers"]
        return {server["name"]: (server["state"], server["standby"], server["share"]) for server in servers}


@pytest.fixture
def stage(pair, interlock_native):
    return Stage(pair, interlock_native)


def test_no_request_is_lost_when_the_last_local_one_stops_dies_or_comes_back(stage):
    local = stage.start(stage.near, "web_1")
    others = [stage.start(stage.far, f"web_{number}") for number in (1, 2)]
    stage.served(local)
    with ExitStack() as stack:
        loads = stage.loads(stack)
        stage.near.docker("stop", "--time", "10", "web_1")
        stage.served(*others)
        stage.near.docker("start", "web_1")
        stage.served(local)
        stage.order("drain", local, "--wait")
        stage.near.docker("restart", "--time", "10", "web_1")
        stage.served(*others)
        stage.order("undrain", local)
        stage.served(local)
    for load in loads:
        assert load.account.requests > RATE
        assert load.account.failures() == [], load.account
    with ExitStack() as stack:
        loads = stage.loads(stack)
        stage.near.docker("kill", "web_1")
        stage.served(*others)
    for load in loads:
        assert load.account.failures("GET") == [], f"{load.account}; log of Interlock:\n{stage.interlock.log[-3000:]}"


def test_everybody_who_looks_is_told_who_stands_by_and_why(stage):
    local = stage.start(stage.near, "web_1")
    there = stage.start(stage.far, "web_1")
    stage.served(local)
    assert stage.states() == {"node1.web_1": ("ready", False, 1.0), "node2.web_1": ("ready", True, 0.0)}
    assert "local first: node1; 1 server standing by" in stage.order("status")
    assert re.search(r"node2\.web_1 +stand-by ", stage.order("top", "--once"))
    with pytest.raises(ProgramError, match=r"exit code 3[^$]* node1\.web_1 takes the requests"):
        stage.order("explain", there, "--json")
    stage.near.docker("stop", "--time", "5", "web_1")
    stage.served(there)
    assert "local first: node1; no server standing by" in stage.order("status")
    assert stage.states() == {"node2.web_1": ("ready", True, 1.0)}
