"""Plugins are measured, and what they measure costs nobody else the page."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from structlog.testing import capture_logs

from interlock.core.status import PluginKind, PluginState, PluginStatus
from interlock.plugins.metrics import OwnMetrics, PluginMetrics


def test_how_each_plugin_is_is_a_metric():
    watcher = PluginStatus(
        name="watcher",
        version="1",
        kind=PluginKind.OBSERVER,
        state=PluginState.RESTARTING,
        since=0.0,
        restarts=2,
        dropped=3,
    )
    registry = CollectorRegistry()
    registry.register(PluginMetrics(lambda: [watcher]))
    text = generate_latest(registry).decode()
    for line in (
        'interlock_plugin_up{kind="observer",plugin="watcher"} 0.0',
        'interlock_plugin_restarts_total{kind="observer",plugin="watcher"} 2.0',
        'interlock_plugin_news_dropped_total{kind="observer",plugin="watcher"} 3.0',
    ):
        assert line in text


def test_metrics_that_cannot_be_collected_cost_only_their_plugins():
    class Broken:
        def describe(self):
            return ()

        def collect(self):
            raise ValueError("broken")

    registry, broken, good = CollectorRegistry(), OwnMetrics("bad"), OwnMetrics("good")
    registry.register(broken)
    registry.register(good)
    broken.anew().register(Broken())
    Gauge("good", "Good.", registry=good.anew()).set(1)
    with capture_logs() as lines:
        text = generate_latest(registry).decode()
    assert "good 1.0" in text
    assert "plugin bad" in lines[0]["event"]
