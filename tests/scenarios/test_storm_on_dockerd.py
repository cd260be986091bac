"""A storm on a real engine, with real containers, Interlock as a program, and crashes of its HAProxy mixed in."""

import contextlib
import os
import random
import signal

import pytest

from testbed import images
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

STEPS, EACH = 100, 10
"""Steps of the storm, and how many of them between two looks at what is served."""
MOST = 8
HOSTS = ("a.com", "b.com")
CHECK = ("--health-cmd", "python3 /server.py check", "--health-interval", "0.5s", "--health-retries", "1")


class Weather:
    """What was done to each container: that is all the model of what must be served."""

    def __init__(self, engine, interlock, seed):
        self.engine, self.interlock, self.random = engine, interlock, random.Random(seed)
        self.hosts: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.told: list[str] = []

    def appear(self):
        if len(self.states) >= MOST:
            return
        host = self.random.choice(HOSTS)
        data = f'INTERLOCK_DATA={{"hostname":"{host}","domain":"{host}"}}'
        check = self.random.choice([(), (), CHECK])
        container = self.engine.docker("run", "--detach", "--env", data, *check, images.WEB)[:12]
        self.hosts[container], self.states[container] = host, "running"

    def on_some(self, before, after, *words):
        if chosen := sorted(name for name, state in self.states.items() if state == before):
            container = self.random.choice(chosen)
            self.engine.docker(*words, container)
            self.states[container] = after

    def vanish(self):
        if self.states:
            container = self.random.choice(sorted(self.states))
            self.engine.docker("rm", "--force", container)
            del self.states[container], self.hosts[container]

    def crash_haproxy(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.random.choice(self.interlock.processes()), signal.SIGKILL)

    def step(self):
        kinds = {
            "appear": (6, self.appear),
            "vanish": (2, self.vanish),
            "stop": (3, lambda: self.on_some("running", "exited", "stop", "--time", "1")),
            "kill": (2, lambda: self.on_some("running", "exited", "kill")),
            "start": (4, lambda: self.on_some("exited", "running", "start")),
            "restart": (3, lambda: self.on_some("running", "running", "restart", "--time", "1")),
            "pause": (2, lambda: self.on_some("running", "paused", "pause")),
            "unpause": (3, lambda: self.on_some("paused", "running", "unpause")),
            "winch": (1, lambda: self.on_some("running", "running", "kill", "--signal", "WINCH")),
            "reconcile": (1, lambda: self.interlock.send(signal.SIGHUP)),
            "crash haproxy": (1, self.crash_haproxy),
        }
        kind = self.random.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
        self.told.append(kind)
        kinds[kind][1]()

    def is_right(self):
        return all(self._is_served(host) for host in HOSTS)

    def _is_served(self, host):
        there = {name for name, of in self.hosts.items() if of == host}
        wanted = {name for name in there if self.states[name] == "running"}
        site = self.interlock.site(host)
        if wanted:
            return set(site.ask(2 * len(wanted)).servers) == wanted
        return site.get().status == (503 if there else 404)


@pytest.mark.parametrize("seed", [1])
def test_after_a_storm_on_a_real_engine_serving_equals_wanted(dockerd, docker, web_image, interlock_native, seed):
    weather = Weather(dockerd, interlock_native(dockerd), seed)
    for number in range(1, STEPS + 1):
        weather.step()
        if number % EACH == 0:
            wait_for(weather.is_right, f"all to be served as wanted after {weather.told}", seconds=20)
    assert len(set(weather.told)) > 8
