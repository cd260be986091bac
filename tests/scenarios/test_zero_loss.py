"""No request is lost: every case under constant load, new and kept connections, GET and POST, each repeated.

Three kinds of application: one that goes on for a second, then closes its listener and finishes what it was sent
(`finish`), one that closes it and hangs up on idle connections at once (`hang up`), and one that exits at once on TERM
(`drop`). What docs/zero-loss.md promises is asserted here: no GET is lost, ever; no POST is lost where the application
finishes, where the container was drained first, or where the route says `retry: all`; and a POST that meets another
kind of process between its signal and the engine's event is counted and told.

Interlock hears of the engine by its socket, and in all cases with HAProxy once more by an agent only, over mutual TLS.
"""

import contextlib
import itertools
import json
import signal
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from interlock.proxies.nginx.binary import PROGRAM as PROGRAM_OF_NGINX
from interlock.proxies.serving.program import candidates
from testbed import compose, images
from testbed.load import CLIENTS, STALL_SECONDS, Load
from testbed.native import PROGRAM
from testbed.programs import run
from testbed.unseated import unseated
from testbed.visits import SECONDS, Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TIMES = 5
TIMES_BY_AGENT = 2
"""The way from the engine to Interlock is another one, the way from Interlock to the proxy the same."""
_PORTS = itertools.count(7400)
SETTLE = 0.5
"""Seconds of load before and after."""


class Stage:
    """An engine, an Interlock and some containers behind one host, seen through one of its proxies."""

    def __init__(self, engine, interlock, tell, *, ending="finish", port=0, by_agent=False):
        """`port` is that of the proxy, unless it is HAProxy."""
        self.engine, self.interlock, self.tell, self.ending = engine, interlock, tell, ending
        self.port = port or interlock.port
        self.by_agent = by_agent
        self.times = TIMES_BY_AGENT if by_agent else TIMES
        """How often a case is repeated."""
        self._numbers = itertools.count(1)

    def run(self, count, *options, data=DEMO, **environment):
        """Start containers at the same time; their short ids."""
        variables = {"ON_TERM": self.ending, "DELAY": "0.005"} | environment
        words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]

        def start(_):
            name = f"web_{next(self._numbers)}"
            run = ("run", "--detach", "--name", name, "--env", data, *words, *options, images.WEB)
            return self.engine.docker(*run)[:12]

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(start, range(count)))

    def stop(self, containers):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: self.engine.docker("stop", "--time", "5", name), containers))

    def order(self, *words):
        """A command for the running Interlock, as an operator types it."""
        run([PROGRAM, "--run-dir", self.interlock.folder / "run", *words], seconds=60)

    def site(self, host=HOST):
        return Site(self.engine.address, self.port, host)

    def served(self, *containers, seconds=60.0, patience=SECONDS):
        """Until these answer, and nobody else; `patience` is for how long each request is waited for."""
        site, answered = self.site(), set()

        def all_answer():
            nonlocal answered
            answered = set(site.ask(2 * len(containers), seconds=patience).servers)
            return answered == set(containers)

        try:
            wait_for(all_answer, f"{containers} behind {HOST}", seconds=seconds)
        except TimeoutError as error:
            error.add_note(f"at last {answered} answered; log of Interlock:\n{self.interlock.log[-6000:]}")
            raise

    @contextlib.contextmanager
    def load(self, what, *, lost_posts=0, stalls=lambda: 0, by="nobody"):
        """Load during the block; nothing but so many POSTs in the hands of a process that exits may be lost.

        `stalls`, asked afterwards, says how many requests may have taken over a second, all answered `by` a container.
        """
        with Load(self.engine.address, self.port, HOST) as load:
            time.sleep(SETTLE)
            yield
            time.sleep(SETTLE)
        account = load.account
        proxy = "HAProxy" if self.port == self.interlock.port else "NGINX"
        way = " by agent" if self.by_agent else ""
        # On connections that were idle when NGINX was reloaded, which before 1.27.4 closes them (docs/nginx.md).
        closed = [text for text in account.failures() if proxy == "NGINX" and " kept: IncompleteReadError 0" in text]
        self.tell(f"{what}, {self.ending}, {proxy}{way}: {account}; {self.interlock.reloads} reloads in all")
        assert account.requests > 100
        assert len(closed) <= CLIENTS // 2, closed
        assert [text for text in account.failures("GET") if text not in closed] == []
        posts = [text for text in account.failures("POST") if text not in closed]
        assert len(posts) <= lost_posts, posts
        stalled = [text for text in account.stalls if f"answered by {by};" in text]
        assert [text for text in account.stalls if text not in stalled] == []
        assert len(stalled) <= stalls(), stalled


class Conversation:
    """A WebSocket and a download of a minute, both open."""

    def __init__(self, stage):
        self._target = (stage.engine.address, stage.port)

    def __enter__(self):
        self._websocket = self._ask(
            "/websocket", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}"
        )
        assert self._head(self._websocket).startswith("HTTP/1.1 101 ")
        self._download = self._ask("/download?seconds=60")
        assert self._head(self._download).startswith("HTTP/1.1 200 ")
        return self

    def __exit__(self, *_):
        self._websocket.close()
        self._download.close()

    def says(self, text):
        """What comes back for a text frame (RFC 6455, 5.2), masked with zeros."""
        self._websocket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode())
        head = self._websocket.recv(2, socket.MSG_WAITALL)
        return self._websocket.recv(head[1], socket.MSG_WAITALL).decode()

    def download_goes_on(self):
        self._download.settimeout(10)
        first = self._download.recv(65536)
        return bool(first) and bool(self._download.recv(65536))

    def _ask(self, path, *headers):
        connection = socket.create_connection(self._target, timeout=10)
        lines = (f"GET {path} HTTP/1.1", f"Host: {HOST}", *headers, "Sec-WebSocket-Version: 13", "", "")
        connection.sendall("\r\n".join(lines).encode())
        return connection

    @staticmethod
    def _head(connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        return head.decode()


@pytest.fixture
def make(*, dockerd, docker, web_image, interlock_native, tell):
    """A stage whose Interlock hears of the engine by its socket or by an agent, and drives one proxy."""

    def make(proxy="HAProxy", *, by_agent, ending="finish", **variables):
        options, port = (), 0
        if proxy == "NGINX":  # the system's, with its Lua module
            options, port = ("--plugin", "nginx"), next(_PORTS)
            variables |= {"NGINX_BINARY": candidates(PROGRAM_OF_NGINX, "")[0], "NGINX_PORT": str(port)}
        interlock = interlock_native(dockerd, by_agent=by_agent, options=options, **variables)
        return Stage(dockerd, interlock, tell, ending=ending, port=port, by_agent=by_agent)

    return make


@pytest.fixture(params=[False, True], ids=["by socket", "by agent"])
def by_agent(request):
    """What Interlock watches."""
    return request.param


@pytest.fixture
def stage(make, by_agent):
    return make(by_agent=by_agent)


@pytest.fixture(params=[("HAProxy", False), ("HAProxy", True), ("NGINX", False)], ids=["HAProxy", "by agent", "NGINX"])
def each(request, make):
    """Seen through either proxy."""
    proxy, by_agent = request.param
    return make(proxy, by_agent=by_agent)


@pytest.fixture(params=["finish", "hang up", "drop"])
def either(request, make, by_agent):
    return make(by_agent=by_agent, ending=request.param)


def caught(stage, stops):
    """POSTs that may meet a process after its signal: some 175 a second, over some ms, longer on a busy machine."""
    return 0 if stage.ending == "finish" else 3 * stops


def test_scaling_from_two_to_ten_and_back(either):
    kept = either.run(2)
    either.served(*kept)
    with either.load(f"{either.times} x 2 -> 10 -> 2", lost_posts=caught(either, 8 * either.times)):
        for _ in range(either.times):
            more = either.run(8)
            either.served(*kept, *more)
            either.stop(more)


def test_restarting_four_replicas_one_by_one(either):
    containers = either.run(4)
    either.served(*containers)
    with either.load(f"{either.times} x rolling restart of 4", lost_posts=caught(either, 4 * either.times)):
        for container in containers * either.times:
            either.engine.docker("restart", "--time", "5", container)
            either.served(*containers)


def test_scaling_loses_no_post_where_the_route_lets_them_be_made_again(either):
    data = DEMO.replace("}", ',"retry":"all"}')
    kept = either.run(2, data=data)
    either.served(*kept)
    with either.load(f"{either.times} x 2 -> 6 -> 2, retry all"):
        for _ in range(either.times):
            more = either.run(4, data=data)
            either.served(*kept, *more)
            either.stop(more)


def test_draining_before_stopping_loses_no_post(either):
    containers = either.run(4)
    either.served(*containers)
    with either.load(f"{either.times} x drain, stop, start, undrain"):
        for container in containers[:1] * either.times:
            either.order("drain", container, "--wait", "--timeout", "20s")
            either.engine.docker("stop", "--time", "5", container)
            either.engine.docker("start", container)
            either.order("undrain", container)
            either.served(*containers)


def test_killing_one_of_four(stage):
    containers = stage.run(4)
    stage.served(*containers)
    with stage.load(f"{stage.times} x docker kill of one of 4", lost_posts=3 * stage.times):
        for _ in range(stage.times):
            stage.engine.docker("kill", containers[0])
            stage.served(*containers[1:])
            stage.engine.docker("start", containers[0])
            stage.served(*containers)


def test_fifty_containers_of_other_sites_come_and_go(each):
    containers = each.run(2)
    each.served(*containers)
    with each.load("50 containers of 10 other sites"):
        for number in range(each.times):
            data = 'INTERLOCK_DATA={"hostname":"other%d","domain":"interlock.com"}'
            others = [
                container
                for site in (2 * number, 2 * number + 1)
                for container in each.run(5, data=data % site, ON_TERM="drop")
            ]
            each.stop(others)
            each.engine.docker("rm", *others)


def test_other_hosts_are_added_and_removed(each):
    containers = each.run(2)
    each.served(*containers)
    before = each.interlock.reloads
    with each.load("10 other hosts added and removed"):
        for number in range(2 * each.times):
            data = f'INTERLOCK_DATA={{"hostname":"new{number}","domain":"interlock.com"}}'
            (other,) = each.run(1, data=data, ON_TERM="drop")
            site = each.site(f"new{number}.interlock.com")
            wait_for(lambda site=site: site.get().status == 200, site.host, seconds=30)
            each.engine.docker("rm", "--force", other)
            wait_for(lambda site=site: site.get().status == 404, f"{site.host} gone", seconds=30)
    assert each.interlock.reloads >= before


def test_killing_interlock_itself(stage):
    containers = stage.run(2)
    stage.served(*containers)
    with stage.load(f"{stage.times} x kill -9 of Interlock"):
        for _ in range(stage.times):
            stage.interlock.kill()
            time.sleep(0.3)
            stage.interlock.start()
            stage.interlock.wait_until_ready()
            (another,) = stage.run(1)
            stage.served(*containers, another)
            stage.stop([another])
            stage.served(*containers)


def test_a_container_that_needs_three_seconds_before_it_listens(each):
    containers = each.run(1)
    each.served(*containers)
    with each.load(f"{each.times} containers that listen after 3 s"):
        late = each.run(each.times, LISTEN_AFTER="3")
        time.sleep(1.0)
        assert set(each.site().ask(6).servers) == set(containers)
        each.served(*containers, *late)


def test_a_container_whose_healthcheck_turns_unhealthy(each):
    check = ("--health-cmd", "python3 /server.py check", "--health-interval", "0.5s", "--health-retries", "1")
    containers = each.run(3, *check)
    each.served(*containers)
    sick = containers[0]
    turn = (
        "import http.client as h; c = h.HTTPConnection('127.0.0.1', 5000); "
        "c.request('POST', '/health?is={}'); c.getresponse()"
    )
    with each.load(f"{each.times} x unhealthy and healthy again"):
        for _ in range(each.times):
            each.engine.docker("exec", sick, "python3", "-c", turn.format(503))
            each.served(*containers[1:])
            each.engine.docker("exec", sick, "python3", "-c", turn.format(200))
            each.served(*containers)


def test_pausing_one_of_three(each):
    containers = each.run(3)
    each.served(*containers)
    pauses = []
    """How long each was: what a frozen process has in its hands it answers when it thaws, and not before."""

    def stalls():
        """Each client has one request under way; not all of them before Interlock hears of the pause."""
        return CLIENTS * 3 // 4 * sum(seconds > STALL_SECONDS for seconds in pauses)

    what = "pause and unpause, requests in the paused one's hands included"
    with each.load(what, stalls=stalls, by=containers[0]):
        for _ in range(each.times):
            since = time.monotonic()
            each.engine.docker("pause", containers[0])
            each.served(*containers[1:], patience=1.0)  # one may be in the paused one's hands, too
            each.engine.docker("unpause", containers[0])
            pauses.append(time.monotonic() - since)
            each.served(*containers)


def test_a_download_and_a_websocket_survive_twenty_reloads_for_others(stage):
    (container,) = stage.run(1, DELAY="0")
    stage.served(container)
    with Conversation(stage) as conversation:
        reloads = stage.interlock.reloads
        for number in range(20):
            site = f'"hostname":"site{number}","domain":"interlock.com",{unseated(number)}'
            stage.run(1, data=f"INTERLOCK_DATA={{{site}}}", ON_TERM="drop")
            wait_for(lambda expected=reloads + number + 1: stage.interlock.reloads >= expected, "a reload", seconds=20)
            assert conversation.says(f"hello {number}") == f"hello {number}"
        assert conversation.download_goes_on()
    stage.tell(f"a websocket and a download lived through {stage.interlock.reloads - reloads} reloads")


def test_compose_recreates_one_of_two_services(each, tmp_path):
    service = {"image": images.WEB, "environment": [DEMO, "DELAY=0.005"], "ports": ["5000"], "stop_grace_period": "5s"}
    if compose.generation() == 1:
        service.pop("stop_grace_period")  # not in the format without `services:`
    services = {"blue": service, "green": service}
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps(services if compose.generation() == 1 else {"services": services}))
    application = compose.Compose(each.engine, file, project="two")
    application.up()

    def all_served():
        each.served(*(key[:12] for name in ("blue", "green") for key in application.containers(name).values()))

    all_served()
    with each.load(
        f"{each.times} x Compose recreates one of two services",
    ):
        for _ in range(each.times):
            application("up", "-d", "--force-recreate", "--no-deps", "blue")
            all_served()


def test_certificates_are_changed(make, by_agent):
    with tempfile.TemporaryDirectory(prefix="interlock-certificates-") as folder:
        certificates, authority = Path(folder), trustme.CA()

        def renew():
            chain = authority.issue_cert(HOST).private_key_and_cert_chain_pem
            chain.write_to_path(str(certificates / f"{HOST}.pem"))

        renew()
        stage = make(by_agent=by_agent, HAPROXY_SSL_CERT=folder, HAPROXY_SSL_PORT="7443")
        interlock = stage.interlock
        containers = stage.run(2)
        stage.served(*containers)
        before = interlock.reloads
        with stage.load(f"{stage.times} certificates changed"):
            for number in range(stage.times):
                renew()
                interlock.send(signal.SIGHUP)
                wait_for(lambda wanted=before + number + 1: interlock.reloads >= wanted, "a reload", seconds=20)
