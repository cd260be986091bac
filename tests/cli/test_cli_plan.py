"""`interlock plan`: what would change, beside a fake engine and beside a real Interlock."""

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from interlock.core.model import Backend, Match, Options, Route, RouteTable
from interlock.core.status import routes_status
from interlock.testing import FakeEngine
from testbed.programs import environment
from testbed.waiting import wait_for

INTERLOCK = Path(sys.executable).with_name("interlock")
LABELS = {"interlock.hostname": "www", "interlock.domain": "example.com", "interlock.port": "80"}
COMPOSE = """\
name: shop
services:
  web:
    image: x
    expose: ["80"]
    labels: {interlock.hostname: shop, interlock.domain: example.com}
"""


@contextmanager
def served(fake, path):
    """The fake engine, in a thread of its own."""
    ready, done = threading.Event(), None
    loop = asyncio.new_event_loop()

    async def serve():
        nonlocal done
        done = asyncio.Event()
        async with fake.serve_unix(path):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    yield
    loop.call_soon_threadsafe(done.set)
    thread.join(30)
    loop.close()


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A fake engine with one container that asks for a route; folders that nobody has made."""
    tmp_path.chmod(0o755)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setenv("INTERLOCK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("INTERLOCK_RUN_DIR", str(tmp_path / "run"))
    fake = FakeEngine()
    fake.run("web_1", labels=LABELS)
    with served(fake, tmp_path / "docker.sock"):
        yield fake


@pytest.mark.usefixtures("engine")
class TestAnswers:
    @pytest.mark.parametrize("plugin", ["haproxy", "nginx"])
    def test_a_first_start_is_steps_and_a_diff_and_is_2(self, run, tmp_path, plugin):
        code, out, err = run("--plugin", plugin, "plan")

        assert (code, err) == (2, "")
        assert out.startswith(
            f"{plugin}, compared with what was served last, would:\n  reload: new site www.example.com\n"
        )
        assert "\n+++ routes.map (then)" in out or "\n+++ hosts.map (then)" in out
        assert {path.name for path in tmp_path.iterdir()} == {"docker.sock"}, "nothing is written"

    def test_json_has_the_typed_steps(self, run):
        code, out, _ = run("plan", "--json")
        told = json.loads(out)

        assert code == 2
        assert told["compared_with"] == "what was served last"
        assert told["proxies"][0]["steps"] == [{"step": "Reload", "reason": "new site www.example.com"}]
        assert told["problems"] == []

    def test_no_password_is_shown(self, run, monkeypatch):
        monkeypatch.setenv("HAPROXY_STATS_PASSWORD", "hunter2")

        assert "hunter2" not in run("plan", "--json")[1]

    def test_a_file_is_told_as_if_it_were_deployed(self, run, tmp_path):
        file = tmp_path / "compose.yaml"
        file.write_text(COMPOSE)
        _, out, _ = run("plan", "--file", str(file))

        assert "reload: new site shop.example.com, new site www.example.com" in out

    def test_problems_are_told(self, run, engine):
        engine.run("web_2", labels=LABELS | {"interlock.port": "http"})

        assert "\nerror: web_2: label interlock.port=http: is not a whole number; fix: " in run("plan")[1]

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (["--file", "none.yaml"], "none.yaml cannot be read"),
            (["--config", "none.toml"], "--config=none.toml does not exist"),
            (["--plugin", "hapoxy"], "--plugin=hapoxy is not an installed plugin"),
        ],
    )
    def test_what_cannot_be_told_is_1_since_2_says_that_something_changes(self, run, arguments, what):
        code, out, err = run("plan", *arguments)

        assert (code, out) == (1, "")
        assert err.startswith(f"interlock: {what}")

    def test_an_engine_that_does_not_answer_is_1(self, run, monkeypatch, tmp_path):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

        assert run("plan")[0] == 1

    def test_the_running_interlock_is_asked_what_it_serves(self, run, daemon, monkeypatch):
        monkeypatch.setenv("INTERLOCK_RUN_DIR", str(daemon.path.parent))
        gone = Route(match=Match("gone.com"), backend=Backend(options=Options()))
        daemon.routes = lambda: routes_status(RouteTable([gone]), [])
        _, out, _ = run("plan")

        assert out.startswith(
            "haproxy, compared with the running Interlock, would:\n  answer gone.com with not found\n"
        )

    @pytest.mark.parametrize("plugin", ["haproxy", "nginx"])
    def test_of_proxies_in_containers_nothing_is_known_without_an_interlock_and_that_is_said(
        self, run, tmp_path, monkeypatch, plugin
    ):
        code, first, _ = run("--plugin", plugin, "plan")
        state = tmp_path / "state" / plugin
        state.mkdir(parents=True)
        (state / "last-good.json").write_text("what one that ran here served before")
        monkeypatch.setenv("INTERLOCK_EXTERNAL_DIR", str(tmp_path / "edges"))
        code, out, err = run("--plugin", plugin, "plan")

        assert (code, err) == (2, "")
        assert out.splitlines()[:2] == first.splitlines()[:2]
        assert f"{tmp_path}/state" not in out
        assert f"note: only a running Interlock knows what {plugin}'s proxies in containers serve" in out
        assert not (tmp_path / "edges").exists(), "nothing is written"

    def test_of_proxies_in_containers_the_running_interlock_is_asked(self, run, daemon, tmp_path, monkeypatch):
        state = tmp_path / "state" / "haproxy"
        state.mkdir(parents=True)
        (state / "haproxy.cfg").write_text("what one that ran here was loaded with before")
        monkeypatch.setenv("INTERLOCK_EXTERNAL_DIR", str(tmp_path / "edges"))
        monkeypatch.setenv("INTERLOCK_RUN_DIR", str(daemon.path.parent))
        gone = Route(match=Match("gone.com"), backend=Backend(options=Options()))
        daemon.routes = lambda: routes_status(RouteTable([gone]), [])
        _, out, _ = run("plan")

        assert out.startswith(
            "haproxy, compared with the running Interlock, would:\n  answer gone.com with not found\n"
        )
        assert "ran here" not in out
        assert "note:" not in out


@pytest.mark.real
def test_beside_a_real_interlock_nothing_changes_until_something_does(
    dockerd, docker, interlock_native, web_image, tmp_path
):
    def plan(*arguments, **more):
        folders = {
            "INTERLOCK_STATE_DIR": str(native.folder / "state"),
            "INTERLOCK_RUN_DIR": str(native.folder / "run"),
            "HAPROXY_PORT": str(native.port),
        }
        command = dockerd.on_host([INTERLOCK, "--swarm-url", dockerd.url, "plan", *arguments])
        ended = subprocess.run(
            command, env=environment(**folders | more), capture_output=True, text=True, timeout=60, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr

    def nothing():
        last[:] = plan()
        return last[0] == 0

    last = []
    native = interlock_native(dockerd)
    for name in ("web_1", "web_2"):
        docker("run", "-d", "--name", name, "-l", "interlock.hostname=plan", "-l", "interlock.port=5000", web_image)
    wait_for(lambda: native.site("plan.local").get("/").status == 200, "the site")
    try:
        wait_for(nothing, "a plan in which nothing changes")
    except TimeoutError:
        pytest.fail(f"something would change all the time:\n{last}")
    code, out = plan(HAPROXY_MAX_CONN="1000")
    assert code == 2
    assert "take no step: only its files would be written anew" in out
    assert "-    maxconn 2048\n+    maxconn 1000\n" in out
    assert nothing(), "the first plan has changed nothing"
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    code, out = plan("--file", str(file))
    assert code == 2
    assert "add shop-web-1 at web:80 to shop.example.com\n" in out
    assert "reload" not in out, "the new site fits a spare backend"
    assert "+shop.example.com/ shop_example_com" in out
