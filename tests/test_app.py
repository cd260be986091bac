"""The application: what is built of the settings, seen from outside."""

import asyncio
import os
import signal
from importlib.metadata import EntryPoint

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.app import App
from interlock.core.happenings import ReloadDone
from interlock.core.problems import PermanentError
from interlock.core.status import PluginKind, PluginState
from interlock.host import memory
from interlock.plugins import registry
from interlock.plugins.contract import ObserverPlugin
from interlock.proxies import dryrun
from interlock.settings import EngineSettings, PluginSettings, Settings
from interlock.testing import FakeEngine


class NoSettings(msgspec.Struct, frozen=True):
    """Nothing to set."""


class Watcher:
    """An observer that looks at all it is given whenever something happens."""

    def __init__(self, context):
        self.context = context

    async def run(self, news):
        async for happening in news:
            found = {
                "happening": happening,
                "problems": self.context.routes().problems,
                "plugins": self.context.status().plugins,
                "routes": [route.host for route in self.context.routes().routes],
                "containers": [container.name for container in self.context.containers()],
                "info": await self.context.engines["docker"].get("/info"),
                "folder": self.context.state_dir.is_dir(),
            }
            SEEN.append(found)


class Late(dryrun.DryrunProxy):
    """A proxy that will not run before the operator has changed something."""

    async def prepare(self):
        raise PermanentError("no port", fix="free one")


SEEN = []
LATE = msgspec.structs.replace(dryrun.PLUGIN, name="late", build=Late)
PLUGIN = ObserverPlugin(name="watcher", version="1", description="d", url="u", settings=NoSettings, build=Watcher)


@pytest.fixture
def installed(monkeypatch):
    """Beside our own: a watcher, and a plugin that cannot be imported."""
    own = tuple(registry.entry_points(group=registry.GROUP))
    points = [
        *own,
        EntryPoint("watcher", f"{__name__}:PLUGIN", registry.GROUP),
        EntryPoint("broken", "no.such:PLUGIN", registry.GROUP),
        EntryPoint("late", f"{__name__}:LATE", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **_: points)
    SEEN.clear()


@pytest.fixture
def settings(tmp_path):
    def made(url, *plugins):
        return Settings(
            engines=(EngineSettings(url=url),),
            plugins=tuple(PluginSettings(name=name) for name in plugins),
            state_dir=str(tmp_path / "state"),
            run_dir=str(tmp_path / "run"),
        )

    return made


@pytest.fixture
async def engine(tmp_path):
    fake = FakeEngine()
    fake.run("web_1", labels={"interlock.hostname": "www", "interlock.domain": "a.com"}, ports={"80/tcp": []})
    async with fake.serve_unix(tmp_path / "docker.sock") as url:
        yield url


async def run_until(app, true):
    """Run it until something is so, then stop it as `docker stop` does; its exit code."""
    async with asyncio.timeout(60):
        running = asyncio.get_running_loop().create_task(app.run())
        while not true():  # noqa: ASYNC110 - a plugin does it, in a thread of its own
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        return await running


@pytest.mark.usefixtures("installed")
async def test_an_observer_named_by_the_settings_sees_what_happens_and_may_look_at_all(engine, settings):
    app = App(settings(engine, "watcher"))
    assert await run_until(app, lambda: any(seen["routes"] for seen in SEEN)) == 0
    last = SEEN[-1]
    assert (last["routes"], last["containers"], last["folder"]) == (["www.a.com"], ["web_1"], True)
    assert [(plugin.name, plugin.state) for plugin in last["plugins"]] == [("watcher", PluginState.RUNNING)]
    assert last["info"].startswith(b"{")


@pytest.mark.usefixtures("installed")
async def test_one_that_cannot_be_used_or_not_start_is_a_problem_and_the_others_go_on(engine, settings):
    app = App(settings(engine, "broken", "late", "watcher", "dryrun"))

    def dryrun_serves():
        reloaded = any(isinstance(seen["happening"], ReloadDone) for seen in SEEN)
        return reloaded and len(SEEN[-1]["problems"]) == 2

    assert await run_until(app, dryrun_serves) == 0
    states = {plugin.name: (plugin.kind, plugin.state) for plugin in SEEN[-1]["plugins"]}
    assert list(states) == ["broken", "late", "watcher", "dryrun"]
    assert states["broken"] == (PluginKind.UNKNOWN, PluginState.REFUSED)
    assert states["dryrun"] == (PluginKind.PROXY, PluginState.RUNNING)
    told = " ".join(problem.sentence() for problem in SEEN[-1]["problems"])
    assert "plugin broken: it cannot be used: ModuleNotFoundError" in told
    assert "plugin late: it cannot run: no port; fix: free one" in told


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("plugin", "why"), [("broken", "no plugin can be used"), ("late", "no port")])
async def test_when_no_plugin_can_run_interlock_ends(engine, settings, plugin, why):
    with capture_logs() as lines:
        async with asyncio.timeout(60):
            assert await App(settings(engine, plugin)).run() == 1
    assert why in lines[-1]["event"]


@pytest.mark.usefixtures("installed")
async def test_free_memory_is_given_back_again_and_again_once_all_is_served(engine, settings, monkeypatch):
    done = []
    monkeypatch.setattr(memory, "GIVE_BACK_SECONDS", 0.01)
    monkeypatch.setattr(memory, "settle", lambda: done.append("settled"))
    monkeypatch.setattr(memory, "give_back", lambda: done.append("given back"))
    assert await run_until(App(settings(engine, "dryrun")), lambda: len(done) > 3) == 0
    assert done[:3] == ["settled", "given back", "given back"]
