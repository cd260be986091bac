"""The chosen containers are measured, for Prometheus and for a Pushgateway."""

from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from interlock.core.model import Phase
from interlock.core.problems import PermanentError
from interlock.engines.address import EngineAddress
from interlock.engines.containers import Kept
from interlock.engines.docker import DockerEngine
from interlock.engines.reader import ApiReader
from interlock.plugins.beacon import PLUGIN
from interlock.plugins.beacon.settings import Backend, BeaconSettings
from interlock.plugins.measurements import STATS_PATH
from interlock.settings import Flags, Known, Rule, load_settings
from interlock.testing.worlds import container

WEB = container("web_1", image="example/web:1", number=1)
OTHER = container("db_1", image="example/db:1", number=2)
STOPPED = container("web_2", image="example/web:1", number=3, phase=Phase.EXITED)


def beacon(scene, **settings):
    return PLUGIN.build(scene.context(BeaconSettings(**settings)))


def measurable(scene, *containers):
    scene.containers = containers
    document = msgspec.json.encode({"cpu_stats": {"cpu_usage": {"total_usage": 7}}})
    labels = [{"Id": one.id, "Labels": {"tier": "back"} if one is OTHER else None} for one in containers]
    scene.engine.answers = {
        **{STATS_PATH.format(one.id): document for one in containers},
        "/info": b'{"Images": 5}',
        "/volumes": b'{"Volumes": null}',
        "/networks": b"[{}, {}]",
        "/containers/json": msgspec.json.encode(labels),
    }


def cpu(scene, one):
    labels = {"container": one.id[:12], "image": one.image, "name": one.name, "type": "cpu"}
    return scene.metric("beacon_docker_cpu_total_time_nanoseconds", **labels)


def total(scene, what):
    return scene.metric(f"beacon_docker_total_{what}", type="totals")


def test_keys_and_rules_of_a_1_4_5_file_are_read():
    text = (
        '[[Extensions]]\nName = "beacon"\nStatsInterval = "5s"\nStatsBackendType = "prometheus"\n'
        'StatsPrometheusPushGatewayURL = "http://gw:9091"\n[Rules.web]\nType = "image"\nRegex = "^web"\n'
    )
    settings = load_settings(
        Flags(), environ={"INTERLOCK_CONFIG": text}, known=Known({"beacon": BeaconSettings}), uid=0
    )
    assert settings.plugins[0].options == BeaconSettings(
        interval=5.0, push_gateway="http://gw:9091", rules={"web": Rule("image", "^web")}
    )
    assert settings.warnings == ()


async def test_running_containers_that_a_rule_chooses_are_measured(scene):
    measurable(scene, WEB, OTHER, STOPPED)
    async with scene.running(beacon(scene, images="/web")):
        await scene.until(lambda: cpu(scene, WEB) == 7)
    assert cpu(scene, OTHER) is None
    assert cpu(scene, STOPPED) is None
    assert [total(scene, what) for what in ("containers", "images", "volumes", "networks")] == [3, 5, 0, 2]
    assert "/containers/json" not in scene.engine.asked, "nobody asked for labels"


async def test_a_label_rule_sees_labels_that_interlock_itself_does_not_keep(scene):
    measurable(scene, WEB, OTHER)
    async with scene.running(beacon(scene, rules={"back": Rule("label", "^tier=back$")})):
        await scene.until(lambda: cpu(scene, OTHER) == 7)
    assert cpu(scene, WEB) is None


async def test_a_container_that_dies_loses_its_series_at_once_and_the_others_keep_theirs(scene):
    measurable(scene, WEB, OTHER)
    async with scene.running(beacon(scene, images=".*", interval=86400)):
        await scene.until(lambda: cpu(scene, WEB) == 7)
        scene.tell_event("kill", OTHER)
        scene.tell_event("die", WEB)
        await scene.until(lambda: cpu(scene, WEB) is None)
        assert cpu(scene, OTHER) == 7


async def test_a_container_that_went_unseen_is_gone_after_the_next_measurement(scene):
    measurable(scene, WEB, OTHER)
    async with scene.running(beacon(scene, images=".*", interval=1)):
        await scene.until(lambda: cpu(scene, WEB) == 7)
        measurable(scene, OTHER)
        await scene.until(lambda: cpu(scene, WEB) is None)
        assert cpu(scene, OTHER) == 7


async def test_without_any_rule_nothing_is_measured_and_that_is_said(scene):
    measurable(scene, WEB)
    with capture_logs() as lines:
        async with scene.running(beacon(scene)):
            await scene.until(lambda: total(scene, "containers") == 1)
    assert cpu(scene, WEB) is None
    assert "set BEACON_IMAGES=.* for all" in str(lines)


async def test_an_engine_that_answers_nonsense_costs_only_its_own_metrics(scene):
    measurable(scene, WEB)
    scene.engine.answers["/info"] = b"[]"
    async with scene.running(beacon(scene, images=".*")):
        await scene.until(lambda: cpu(scene, WEB) == 7)
    assert total(scene, "images") is None


@asynccontextmanager
async def gateway(pushes, statuses):
    """A Pushgateway: who puts, puts everything."""

    async def take(request):
        pushes.append((request.path, (await request.read()).decode()))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    app = web.Application()
    app.router.add_put("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


async def test_a_gateway_is_told_everything_at_each_measurement_also_after_it_failed(scene):
    measurable(scene, WEB, OTHER)
    pushes = []
    with capture_logs() as lines:
        async with (
            gateway(pushes, [500]) as url,
            scene.running(beacon(scene, images=".*", interval=1, push_gateway=url)),
        ):
            await scene.until(lambda: len(pushes) == 2)
            measurable(scene, OTHER)
            await scene.until(lambda: pushes and "web_1" not in pushes[-1][1])
    assert {path for path, _ in pushes} == {"/metrics/job/beacon/source/beacon"}
    assert 'name="web_1"' in pushes[1][1]
    assert 'name="db_1"' in pushes[-1][1]
    assert [line["event"].split()[-2:] for line in lines if "gateway" in line["event"]] == [
        ["be", "told"],
        ["told", "again"],
    ]


async def test_a_gateway_that_is_away_does_not_stop_the_measuring(scene):
    measurable(scene, WEB)
    async with scene.running(beacon(scene, images=".*", interval=1, push_gateway="http://127.0.0.1:1")):
        await scene.until(lambda: scene.engine.asked.count("/info") >= 3)
        assert cpu(scene, WEB) == 7


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": Backend.INFLUXDB, "influx_address": "http://db:8086"},
        {"backend": Backend.INFLUXDB, "influx_database": "docker"},
        {"backend": Backend.INFLUXDB, "influx_database": "docker", "influx_address": "db:8086"},
        {"push_gateway": "gw:9091"},
        {"push_gateway": "http://["},
        {"rules": {"web": Rule("volume", "x")}},
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_fix(scene, settings):
    with pytest.raises(PermanentError) as caught:
        beacon(scene, **settings)
    assert caught.value.fix


@pytest.mark.real
async def test_a_real_engine_measures_a_real_container(scene, dockerd, docker, web_image):
    docker("run", "--detach", "--name", "web_1", "--label", "tier=front", web_image)
    address = EngineAddress.parse(dockerd.url, name="docker")
    scene.engines = {"docker": ApiReader(address)}
    *_, listed = await DockerEngine(address, kept=Kept()).survey()
    scene.containers = listed.containers
    (one,) = listed.containers
    labels = {"container": one.id[:12], "image": web_image, "name": "web_1"}
    async with scene.running(beacon(scene, rules={"front": Rule("label", "tier=front")}, interval=1)):
        await scene.until(lambda: (cpu(scene, one) or 0) > 0)
        assert scene.metric("beacon_docker_memory_usage_bytes", **labels, type="memory") > 0
        assert scene.metric("beacon_docker_network_rx_bytes", **labels, network="eth0", type="network") >= 0
        assert total(scene, "images") >= 1
        assert total(scene, "networks") >= 3
