"""Deploy commands against a real engine, real Compose and real HAProxy; what docs/deploys.md promises."""

import json
import signal
import subprocess
import threading
import time

import pytest

from testbed import compose, images
from testbed.load import Load
from testbed.native import PROGRAM
from testbed.unseated import unseated
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DATA = '{"hostname":"demo","domain":"interlock.com"}'
TIMES = 5


class Ended:
    """A command that was typed, and what came of it."""

    def __init__(self, process):
        self.out, self.err = process.communicate(timeout=120)
        self.code = process.returncode

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Shop:
    """A Compose project with two containers behind one host, and Interlock beside it."""

    def __init__(self, application, engine, interlock):
        self.application, self.engine, self.interlock = application, engine, interlock
        self.site = interlock.site(HOST)

    def begin(self, *words):
        return subprocess.Popen(
            # A program in the background of a script ignores Ctrl-C, and so would all that it starts.
            [
                *("env", "--default-signal=INT", PROGRAM),
                *("--run-dir", self.interlock.folder / "run", "--swarm-url", self.engine.url, *words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def order(self, *words):
        return Ended(self.begin(*words))

    @property
    def names(self):
        return set(self.application.containers("web"))

    def wait_until_served(self):
        expected = {key[:12] for key in self.application.containers("web").values()}
        wait_for(
            lambda: self.site.get().status == 200 and set(self.site.ask(4 * len(expected)).servers) == expected,
            f"{expected} behind {HOST}; log of Interlock:\n{self.interlock.log[-4000:]}",
            seconds=20,
        )

    @property
    def in_rotation(self):
        return sorted(name for name, state in self.interlock.servers("demo_interlock_com").items() if "UP" in state)


@pytest.fixture(params=["finish", "drop"])
def shop(*, request, dockerd, docker, web_image, database_image, interlock_native, tmp_path):
    """`finish` and `drop`: an application that ends politely, and one that exits at once."""
    web = {
        "image": images.WEB,
        "environment": [f"INTERLOCK_DATA={DATA}", f"ON_TERM={request.param}", "DELAY=0.005"],
        "ports": ["5000"],
        "links": ["db:db"],
        "stop_grace_period": "5s",
    }
    services = {"db": {"image": images.DATABASE}, "web": web}
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps({"version": "2.4", "services": services}))
    interlock = interlock_native(dockerd)
    application = compose.Compose(dockerd, file, project="shop")
    application("up", "-d", "--scale", "web=2")
    there = Shop(application, dockerd, interlock)
    there.wait_until_served()
    return there


@pytest.fixture
def load(shop, tell):
    """Load during a block, of which nothing at all may be lost, GET or POST."""

    class Loaded(Load):
        def __exit__(self, *error):
            super().__exit__(*error)
            tell(str(self.account))
            if error[0] is None:
                assert self.account.requests > 100
                assert self.account.failures() == []
                assert self.account.stalls == []

    return lambda: Loaded(shop.engine.address, shop.interlock.port, HOST)


def test_a_rollout_loses_no_request_neither_get_nor_post(shop, load):
    before = shop.application.containers("web")
    with load():
        for number in range(TIMES):
            ended = shop.order("rollout", "web", "--max-surge", str(1 + number % 2))
            assert ended.code == 0, ended.err
            assert ended.out.splitlines()[-1] == "shop/web: done"
        time.sleep(0.5)
    after = shop.application.containers("web")
    assert len(after) == 2
    assert not set(after.values()) & set(before.values())
    shop.wait_until_served()
    shop.application("up", "-d", "--scale", "web=2")
    assert shop.application.containers("web") == after, "for Compose they are up to date"


def test_a_rollout_loses_no_request_while_other_sites_cause_reloads(shop, load):
    is_over = threading.Event()

    def others():
        number = 0
        while not is_over.is_set():
            number += 1
            names = f'"hostname":"other{number}","domain":"interlock.com"'
            data = f"INTERLOCK_DATA={{{names},{unseated(number)}}}"
            shop.engine.docker("run", "--detach", "--name", f"other_{number}", "--env", data, images.WEB)
            shop.engine.docker("rm", "--force", f"other_{number}")

    neighbours = threading.Thread(target=others)
    before = shop.interlock.reloads
    neighbours.start()
    try:
        with load():
            assert shop.order("rollout", "web").code == 0
    finally:
        is_over.set()
        neighbours.join()
    assert shop.interlock.reloads > before


@pytest.mark.parametrize("shop", ["drop"], indirect=True)
def test_a_new_one_that_never_gets_ready_is_removed_and_the_old_ones_serve_on(shop, load):
    before = shop.application.containers("web")
    with load():
        ended = shop.order("rollout", "web", "--image", images.DATABASE, "--timeout", "2s", "--json")
    assert ended.code == 4
    assert [event["event"] for event in ended.events] == ["created", "started", "failed", "removed"]
    assert "nobody answers at" in ended.events[2]["reason"]
    assert shop.application.containers("web") == before
    assert shop.in_rotation == sorted(before)


@pytest.mark.parametrize("shop", ["drop"], indirect=True)
def test_ctrl_c_leaves_nobody_half_way(shop, load):
    before = shop.application.containers("web")
    with load():
        running = shop.begin("rollout", "web", "--image", images.DATABASE)
        wait_for(lambda: len(shop.names) == 3, "a third container", seconds=20)
        running.send_signal(signal.SIGINT)
        assert Ended(running).code == 130
    assert shop.application.containers("web") == before
    assert shop.in_rotation == sorted(before)


@pytest.mark.parametrize("shop", ["drop"], indirect=True)
def test_draining_waits_for_what_is_under_way(shop):
    (first, key), _ = shop.application.containers("web").items()
    answers = []
    visitors = [threading.Thread(target=lambda: answers.append(shop.site.get("/slow?seconds=4"))) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    time.sleep(1)
    ended = shop.order("drain", first, "--wait", "--timeout", "500ms")
    assert ended.code == 3, ended.out + ended.err
    ended = shop.order("drain", key[:8], "--wait", "--timeout", "20s")
    assert (ended.code, ended.out) == (0, f"{first}: out of rotation, no request under way\n")
    assert shop.engine.docker("stop", first)
    for visitor in visitors:
        visitor.join()
    assert [answer.status for answer in answers] == [200] * 4
    assert key[:12] in {answer.headers["x-server"] for answer in answers}


@pytest.mark.parametrize("shop", ["drop"], indirect=True)
def test_orders_survive_a_restart_of_interlock(shop):
    first, second = sorted(shop.application.containers("web"))
    assert shop.order("drain", first).code == 0
    assert shop.order("weigh", "web", "7").code == 0
    assert shop.order("maintenance", "on", "closed.interlock.com", "--message", "Later").code == 0
    shop.interlock.kill()
    shop.interlock.start()
    shop.interlock.wait_until_ready()
    wait_for(lambda: shop.order("status").code == 0, "a ready Interlock", seconds=20)
    assert shop.in_rotation == [second]
    closed = shop.interlock.site("closed.interlock.com").get("/any")
    assert (closed.status, closed.body) == (503, "Later\n")
    assert shop.order("undrain", "web").code == 0
    assert shop.in_rotation == [first, second]
