"""What plugins measure, and how they are themselves, for ``/metrics``."""

from collections.abc import Callable, Iterable

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from interlock.core.status import PluginState, PluginStatus

log = structlog.get_logger()


class OwnMetrics(Collector):
    """The metrics of one plugin, begun anew whenever it is started; one that fails costs only its own."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._registry = CollectorRegistry()

    def anew(self) -> CollectorRegistry:
        """An empty registry, which takes the place of the one before."""
        self._registry = CollectorRegistry()
        return self._registry

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is collected."""
        return ()

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self._registry.collect())
        except Exception:
            log.exception(f"[interlock] the metrics of plugin {self._plugin} cannot be collected")
            return ()


class PluginMetrics(Collector):
    """How each enabled plugin is."""

    def __init__(self, plugins: Callable[[], Iterable[PluginStatus]]) -> None:
        self._plugins = plugins

    def describe(self) -> Iterable[Metric]:
        """The families, so that nobody else takes their names."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        up, restarts, dropped = self._families()
        for plugin in self._plugins():
            labels = [plugin.name, plugin.kind]
            up.add_metric(labels, plugin.state is PluginState.RUNNING)
            restarts.add_metric(labels, plugin.restarts)
            dropped.add_metric(labels, plugin.dropped)
        return up, restarts, dropped

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, CounterMetricFamily, CounterMetricFamily]:
        labels = ["plugin", "kind"]
        return (
            GaugeMetricFamily("interlock_plugin_up", "Whether an enabled plugin runs: 1 or 0.", labels=labels),
            CounterMetricFamily("interlock_plugin_restarts", "How often a plugin was started again.", labels=labels),
            CounterMetricFamily(
                "interlock_plugin_news_dropped", "Happenings that an observer was too slow to see.", labels=labels
            ),
        )
