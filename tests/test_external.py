"""Proxies come and go with the containers that are labelled for them."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock import external as external_module
from interlock.core.events import Listed, Vanished
from interlock.core.model import Phase
from interlock.core.problems import PermanentError, Severity, TemporaryError
from interlock.desk import Desk
from interlock.engines.address import EngineAddress
from interlock.external import External
from interlock.history import History
from interlock.proxies import dryrun
from interlock.proxies.dryrun import DryrunProxy
from interlock.reconciler import Reconciler
from interlock.rollout.proxy_container import LABEL
from interlock.sampler import Sampler
from interlock.settings import PluginSettings
from interlock.testing.worlds import ENGINE, changed, container, listed, placed

WEB = container()


class Proxy(DryrunProxy):
    """On paper, but it may fail to start."""

    def __init__(self, context, faults):
        super().__init__(context)
        self.folder = context.state_dir
        self.closed = False
        self._faults = faults

    async def prepare(self):
        if self.folder.name in self._faults:
            raise PermanentError("its container does not see the folder", fix="mount it")
        if f"{self.folder.name} is busy" in self._faults:
            raise TemporaryError("it does not answer")

    async def close(self):
        self.closed = True


class Bench:
    def __init__(self, folder, *engines):
        self.reconciler, self.drivers, self.proxies, self.faults = Reconciler([ENGINE, *engines]), [], [], set()
        self.external = External(
            str(folder) if folder else "",
            lambda name: EngineAddress.parse("unix:///d.sock", name=name),
            self.reconciler,
            self.drivers,
            Sampler(),
        )
        self.plugin = msgspec.structs.replace(dryrun.PLUGIN, name="paper", build_in=self.build)
        self.takes = self.external.takes(self.plugin, PluginSettings(name="paper"))
        self.desk = Desk(
            self.reconciler,
            self.drivers,
            Path("overrides.json"),
            stale_after=3600,
            history=History(self.reconciler.routes.table, keep=10),
            external=lambda: self.external.proxies,
        )
        self.readings = []
        """Whether it was ready, and why not, whenever the reconciler had told something."""
        self.reconciler.bulletin.subscribe(self._read)

    def build(self, context, _place):
        self.proxies.append(Proxy(context, self.faults))
        return self.proxies[-1]

    def _read(self, _happening):
        self.readings.append(self.why_not)

    @property
    def why_not(self):
        return self.desk.status().not_ready_because

    @property
    def without(self):
        return [proxy.name for proxy in self.desk.status().proxies if not (proxy.ready or proxy.waited_for)]

    @property
    def serving(self):
        return {driver.name for driver in self.drivers if driver.served_once.is_set()}

    @property
    def problems(self):
        return {problem.container or problem.key: problem for problem in self.reconciler.problems}


def edge(name="edge-1", *, number=11, kind="paper", **fields):
    label = {"labels": {LABEL: kind}, "started_at": "2026-01-01T00:00:00Z", "hostname": name}
    return container(name, None, number=number, **(label | fields))


@pytest.fixture
async def make(tmp_path):
    made, tasks = [], []

    def make(folder=tmp_path, *engines):
        bench = Bench(folder, *engines)
        loop = asyncio.get_running_loop()
        tasks.extend((loop.create_task(bench.reconciler.run()), loop.create_task(bench.external.run())))
        made.append(bench)
        return bench

    yield make
    for bench in made:
        await bench.external.stop()
        await bench.reconciler.stop()
    for task in tasks:
        task.cancel()


@pytest.fixture
async def bench(make):
    return make()


async def eventually(true):
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0.01)


def post(bench, *events):
    for event in events:
        bench.reconciler.post(event)


async def test_each_labelled_container_is_a_proxy_that_serves_all_there_is(bench):
    post(bench, placed(), listed(WEB, edge(), edge("edge-2", number=12)))
    await eventually(lambda: bench.serving == {"paper@edge-1", "paper@edge-2"})
    served = [await driver.observe(None) for driver in bench.drivers]
    assert served[0] == served[1] != {}
    assert {proxy.folder.name for proxy in bench.proxies} == {"edge-1", "edge-2"}
    assert {status.name for status in bench.external.statuses} == {"paper@edge-1", "paper@edge-2"}


async def test_a_newcomer_is_given_all_that_is_wanted_by_then(bench):
    post(bench, placed(), listed(WEB))
    await eventually(lambda: bench.reconciler.waiting_for == frozenset())
    assert bench.serving == set()
    post(bench, changed(edge()))
    await eventually(lambda: bench.serving == {"paper@edge-1"})
    assert await bench.drivers[0].observe(None) != {}


@pytest.mark.parametrize("end", [Vanished(edge().key), changed(edge(phase=Phase.EXITED))])
async def test_one_that_ends_is_driven_no_more(bench, end):
    post(bench, placed(), listed(WEB, edge(), edge("edge-2", number=12)))
    await eventually(lambda: len(bench.serving) == 2)
    post(bench, end)
    await eventually(lambda: bench.serving == {"paper@edge-2"})
    assert [proxy.closed for proxy in bench.proxies] == [True, False]


async def test_another_run_of_a_container_is_another_proxy(bench):
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.serving == {"paper@edge-1"})
    post(bench, changed(edge(started_at="2026-01-01T00:01:00Z")))
    await eventually(lambda: len(bench.proxies) == 2 and bench.serving == {"paper@edge-1"})
    assert [proxy.closed for proxy in bench.proxies] == [True, False]


async def test_one_that_cannot_start_is_a_problem_and_holds_up_nobody(bench):
    bench.faults.add("edge-1")
    post(bench, placed(), listed(WEB, edge(), edge("edge-2", number=12)))
    await eventually(lambda: bench.serving == {"paper@edge-2"} and bench.problems)
    assert "does not see the folder" in bench.problems["plugin paper@edge-1"].what
    bench.faults.clear()
    await eventually(lambda: len(bench.serving) == 2)
    assert bench.problems == {}


async def test_a_hostname_is_one_container_s_until_that_is_gone(bench):
    post(bench, placed(), listed(WEB, edge(), edge("twin", number=12, hostname="edge-1")))
    await eventually(lambda: bench.serving == {"paper@edge-1"} and "twin" in bench.problems)
    assert "hostname of its own" in bench.problems["twin"].fix
    post(bench, Vanished(edge().key))
    await eventually(lambda: len(bench.proxies) == 2 and bench.serving == {"paper@edge-1"})
    assert bench.problems == {}


@pytest.mark.parametrize("hostname", ["", "..", "a/b", "-x", "a" * 64, "a\n"])
async def test_no_hostname_leads_out_of_the_folder(bench, hostname):
    post(bench, placed(), listed(edge(hostname=hostname)))
    await eventually(lambda: bench.problems)
    assert "folder" in bench.problems["edge-1"].what
    assert bench.proxies == []


async def test_a_kind_that_nobody_drives_is_told(bench):
    post(bench, placed(), listed(edge(kind="nginx")))
    await eventually(lambda: bench.problems)
    assert bench.problems["edge-1"].value == "nginx"
    assert "paper can be named" in bench.problems["edge-1"].what


async def test_without_the_setting_nothing_is_done_and_that_is_told(make):
    bench = make(folder=None)
    assert not bench.takes
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.problems)
    assert "INTERLOCK_EXTERNAL_DIR" in bench.problems["edge-1"].fix
    assert bench.problems["edge-1"].severity is Severity.WARNING
    post(bench, changed(edge(phase=Phase.EXITED)))
    await eventually(lambda: bench.problems == {})
    assert bench.proxies == []


async def test_a_plugin_that_runs_its_own_proxy_goes_on_to(bench):
    assert bench.takes
    assert not bench.external.takes(dryrun.PLUGIN, PluginSettings(name="dryrun"))


async def test_a_folder_that_is_not_ours_is_told_at_the_start(make, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermanentError, match="file") as refused:
        make(folder=tmp_path / "file" / "edges")
    assert "INTERLOCK_EXTERNAL_DIR" in refused.value.fix


async def test_a_fault_of_ours_begins_with_that_one_anew(bench, monkeypatch):
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.serving == {"paper@edge-1"})
    monkeypatch.setattr(bench.drivers[0], "_turn", None)
    with capture_logs() as logs:
        bench.drivers[0].look_at_everything()
        await eventually(lambda: len(bench.proxies) == 2 and bench.serving == {"paper@edge-1"})
    assert any("background task failed" in entry["event"] for entry in logs)


# --- whom Interlock waits for before it is ready ---


async def test_it_is_ready_once_each_that_was_there_at_the_start_has_been_served(bench):
    bench.faults.add("edge-2 is busy")
    post(bench, placed(), listed(WEB, edge(), edge("edge-2", number=12)))
    await eventually(lambda: bench.serving == {"paper@edge-1"})
    told = "paper@edge-2 does not serve yet what the engines run: it does not answer"
    await eventually(lambda: bench.why_not == (told,))
    assert [(proxy.name, proxy.ready) for proxy in bench.desk.status().proxies] == [
        ("paper@edge-1", True),
        ("paper@edge-2", False),
    ]
    assert all(bench.readings), "not for a moment was it ready"
    bench.faults.clear()
    await eventually(lambda: bench.why_not == ())


async def test_it_is_not_ready_for_a_moment_before_it_has_looked_at_those_that_it_found(bench):
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.serving == {"paper@edge-1"} and bench.why_not == ())
    assert ("paper@edge-1 does not serve yet what the engines run",) in bench.readings


async def test_one_that_cannot_be_served_is_waited_for_no_longer_than_it_is_patient(bench, monkeypatch):
    monkeypatch.setattr(external_module, "PATIENCE_SECONDS", 0.1)
    bench.faults.add("edge-1")
    with capture_logs() as logs:
        post(bench, placed(), listed(WEB, edge()))
        await eventually(lambda: bench.proxies and bench.why_not == ())
    assert bench.without == ["paper@edge-1"]
    (told,) = [entry for entry in logs if "waits for it no longer" in entry["event"]]
    assert (told["event"].split()[0], told["reason"]) == ("[paper@edge-1]", "its container does not see the folder")
    bench.faults.clear()
    await eventually(lambda: bench.without == [])


async def test_one_that_comes_later_or_comes_back_does_not_make_it_unready(bench):
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.serving == {"paper@edge-1"})
    bench.readings.clear()
    bench.faults.update({"edge-1 is busy", "edge-2 is busy"})
    again = edge(started_at="2026-01-01T00:01:00Z")
    post(bench, changed(again), changed(edge("edge-2", number=12)))
    await eventually(lambda: bench.without == ["paper@edge-1", "paper@edge-2"])
    assert not any(bench.readings)


@pytest.mark.parametrize("end", [Vanished(edge().key), changed(edge(phase=Phase.EXITED))])
async def test_one_that_ends_is_not_waited_for(bench, end):
    bench.faults.add("edge-1 is busy")
    post(bench, placed(), listed(WEB, edge()))
    await eventually(lambda: bench.proxies and bench.why_not)
    post(bench, end)
    await eventually(lambda: bench.why_not == ())
    assert bench.desk.status().proxies == ()


async def test_those_of_the_engine_that_tells_last_are_waited_for_too(make, tmp_path):
    bench = make(tmp_path, "far")
    bench.faults.add("edge-1 is busy")
    far = msgspec.structs.replace(edge(), engine="far")
    post(bench, placed(), listed(WEB), placed(engine="far"), Listed("far", (far,)))
    await eventually(lambda: bench.proxies and bench.why_not)
    assert bench.why_not[0].startswith("paper@edge-1 does not serve yet")


async def test_what_is_no_proxy_of_ours_is_not_waited_for(bench):
    post(
        bench,
        placed(),
        listed(WEB, edge(kind="nginx"), edge("..", number=12), edge("off", number=13, phase=Phase.EXITED)),
    )
    await eventually(lambda: len(bench.problems) == 2)
    assert (bench.why_not, bench.external.proxies) == ((), ())
