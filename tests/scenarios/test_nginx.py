"""NGINX beside HAProxy in one Interlock: the same events, the same answers, and no request lost."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from interlock.proxies.nginx.binary import PROGRAM
from interlock.proxies.serving.program import candidates
from testbed import images
from testbed.load import Load
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
TIMES = 5
SETTLE = 0.5
"""Seconds of load before and after."""
_PORTS = itertools.count(7100)
BINARIES = candidates(PROGRAM, "")
WAYS = {"lua": (BINARIES[0], True), "reloads": (BINARIES[0], False), "newest": (BINARIES[-1], False)}
"""The system's NGINX with Lua and without, and the newest at hand."""

LAST_WORDS = {"lua": "1", "reloads": "3", "newest": "3"}
"""For which applications go on after TERM: until a reload is through, which a busy machine may take longer for."""


class Stage:
    """An engine, an Interlock with both proxies, and some containers behind one host."""

    def __init__(self, engine, start, tell, *, way):
        self.engine, self.tell, self.way = engine, tell, way
        binary, live = WAYS[way]
        self.port = next(_PORTS)
        self.interlock = start(
            engine,
            options=("--plugin", "nginx"),
            NGINX_BINARY=binary,
            NGINX_PORT=str(self.port),
            NGINX_LIVE_SERVERS=str(live),
        )
        self._numbers = itertools.count(1)

    def sites(self, host=HOST):
        return self.interlock.site(host), Site(self.engine.address, self.port, host)

    def run(self, count, *, data=DEMO, **environment):
        """Start containers at the same time; their short ids."""
        variables = {"ON_TERM": "finish", "LAST_WORDS": LAST_WORDS[self.way], "DELAY": "0.005"} | environment
        words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]

        def start(_):
            name = f"web_{next(self._numbers)}"
            return self.engine.docker("run", "--detach", "--name", name, "--env", data, *words, images.WEB)[:12]

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(start, range(count)))

    def stop(self, containers):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: self.engine.docker("stop", "--time", "5", name), containers))

    def served(self, *containers):
        for site in self.sites():
            wait_for(
                lambda site=site: set(site.ask(3 * len(containers)).servers) == set(containers),
                f"{containers} behind {HOST} on {site}; log of Interlock:\n{self.interlock.log[-6000:]}",
                seconds=20,
            )

    def load(self):
        return Load(self.engine.address, self.port, HOST)


@pytest.fixture(params=WAYS)
def stage(*, request, dockerd, docker, web_image, interlock_native, tell):
    return Stage(dockerd, interlock_native, tell, way=request.param)


def test_both_proxies_follow_the_same_events(stage):
    containers = stage.run(3)
    stage.served(*containers)
    stage.stop(containers[:2])
    stage.served(containers[2])
    for site in stage.sites("unknown.interlock.com"):
        assert site.get().status == 404
    stage.stop(containers[2:])
    for site in stage.sites():
        wait_for(lambda site=site: site.get().status == 503, "nobody is left", seconds=30)
    stage.engine.docker("rm", *containers)
    for site in stage.sites():
        wait_for(lambda site=site: site.get().status == 404, "the host is given up", seconds=30)


def test_scaling_and_restarting_under_load(stage):
    kept = stage.run(2)
    stage.served(*kept)
    with stage.load() as load:
        time.sleep(SETTLE)
        for _ in range(TIMES):
            more = stage.run(4)
            stage.served(*kept, *more)
            stage.stop(more)
            stage.engine.docker("restart", "--time", "5", kept[0])
            stage.served(*kept)
        time.sleep(SETTLE)
    account = load.account
    stage.tell(f"NGINX, {stage.way}: {TIMES} x 2 -> 6 -> 2 and a restart: {account}")
    assert account.requests > 100
    if stage.way == "reloads":  # before 1.27.4 a reload closes idle connections, which a client may find out too late
        assert all(" kept: IncompleteReadError" in text or " kept: Connection" in text for text in account.failures())
    else:
        assert account.failures("GET") == []
        # A reload follows the signal that ends a container, five of them each time, and NGINX repeats no POST.
        assert len(account.failures("POST")) <= 5 * TIMES
