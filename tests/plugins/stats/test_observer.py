"""Container statistics reach Carbon by the original's settings, for those containers that run."""

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.core.model import Phase
from interlock.core.problems import PermanentError
from interlock.engines.address import EngineAddress
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.reader import ApiReader
from interlock.plugins.measurements import STATS_PATH
from interlock.plugins.stats import PLUGIN
from interlock.plugins.stats.settings import StatsSettings
from interlock.settings import read_options
from interlock.testing.worlds import container


def stats(scene, carbon, **settings):
    chosen = StatsSettings(**{"carbon_address": f"127.0.0.1:{carbon.port}", "interval": 1} | settings)
    return PLUGIN.build(scene.context(chosen))


def measurable(scene, *containers):
    scene.containers = containers
    document = msgspec.json.encode({"cpu_stats": {"cpu_usage": {"total_usage": 7}}})
    scene.engine.answers = {STATS_PATH.format(one.id): document for one in containers}


def test_variables_and_defaults_are_those_of_0_3_3():
    read = read_options(
        StatsSettings,
        table={},
        environ={
            "STATS_CARBON_ADDRESS": "1.2.3.4:2003",
            "STATS_PREFIX": "mine",
            "STATS_IMAGE_NAME_FILTER": "^web",
            "STATS_INTERVAL": "5",
        },
        where="environment",
    )
    assert read == StatsSettings(carbon_address="1.2.3.4:2003", prefix="mine", image_name_filter="^web", interval=5)
    assert StatsSettings() == StatsSettings(prefix="docker.stats", image_name_filter=".*", interval=10)


async def test_containers_that_run_and_whose_image_is_chosen_are_measured_again_and_again(scene, carbon):
    await carbon.open()
    web = container("web_1", image="example/web:1", number=1)
    other = container("db_1", image="example/db:1", number=2)
    stopped = container("web_2", image="example/web:1", number=3, phase=Phase.EXITED)
    measurable(scene, web, other, stopped)
    with capture_logs() as lines:
        async with scene.running(stats(scene, carbon, image_name_filter="/web")):
            await carbon.until(lambda: len(times(carbon, "web_1")) >= 2)
            late = container("web_9", image="example/web:2", number=9)
            measurable(scene, other, late)
            await carbon.until(lambda: len(times(carbon, "web_9")) >= 2)
    assert {line.split(".")[3] for line in carbon.lines} == {"web_1", "web_9"}
    assert times(carbon, "web_1")[-1] < times(carbon, "web_9")[-1], "one that has gone is not asked for again"
    assert carbon.connections == 1
    assert "[stats] sending stats every 1 seconds" in [line["event"] for line in lines]


def times(carbon, name):
    return [
        int(line.split()[2]) for line in carbon.lines if line.startswith(f"docker.stats.containers.{name}.cpu.totalU")
    ]


async def test_every_event_of_an_engine_is_counted_and_nothing_of_our_own(scene, carbon):
    await carbon.open()
    async with scene.running(stats(scene, carbon, prefix="p", interval=86400)):
        scene.tell_event("probe", at=1.0)
        scene.tell_event("list", at=2.0)
        scene.tell_event("start", at=3.7)
        scene.tell_event("die", at=4.0)
        await carbon.until(lambda: len(carbon.lines) == 2)
    assert carbon.lines == ["p.cluster.events 1 3", "p.cluster.events 1 4"]


@pytest.mark.parametrize(
    "settings",
    [{"carbon_address": ""}, {"carbon_address": "a b"}, {"image_name_filter": "("}, {"prefix": "a b"}, {"prefix": ""}],
)
def test_settings_that_cannot_work_are_refused_with_a_fix(scene, carbon, settings):
    with pytest.raises(PermanentError) as caught:
        stats(scene, carbon, **settings)
    assert "STATS_" in caught.value.fix


@pytest.mark.real
async def test_a_real_engine_measures_a_real_container(scene, carbon, dockerd, docker, web_image):
    await carbon.open()
    docker("run", "--detach", "--name", "web_1", web_image)
    address = EngineAddress.parse(dockerd.url, name="docker")
    scene.engines = {"docker": ApiReader(address)}
    *_, listed = await DockerEngine(address, kept=Kept()).survey()
    scene.containers = listed.containers
    async with scene.running(stats(scene, carbon)):
        await carbon.until(lambda: any(".network.txDropped " in line for line in carbon.lines))
    values = {line.split()[0].removeprefix("docker.stats.containers.web_1."): line.split()[1] for line in carbon.lines}
    assert int(values["cpu.totalUsage"]) > 0
    assert int(values["memory.usage"]) > 0
    assert float(values["memory.percent"]) > 0
    assert int(values["network.rxBytes"]) >= 0
