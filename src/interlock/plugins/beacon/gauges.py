"""Measurements as Prometheus gauges, by the names and labels of 1.4.5.

What is told is what is known now: a container that is forgotten has no series left, and the others keep theirs (1.4.5
reset every gauge whenever any container stopped).
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from interlock.core.model import Container, ContainerKey
from interlock.plugins.measurements import Measurement, Traffic

SHORT_ID = 12
"""Characters of an id in the label ``container``, as 1.4.5 had them."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is on all engines together."""

    containers: int = 0
    images: int = 0
    volumes: int = 0
    networks: int = 0


TOTALS = {
    "containers": "Total number of containers",
    "images": "Total number of images",
    "volumes": "Total number of volumes",
    "networks": "Total number of networks",
}

OF_CONTAINER: Mapping[str, tuple[str, str, Callable[[Measurement], float | None]]] = {
    "cpu_total_time_nanoseconds": ("cpu", "Total CPU time used in nanoseconds", lambda now: now.cpu.total_usage),
    "memory_usage_bytes": ("memory", "Memory used in bytes", lambda now: now.memory.usage),
    "memory_max_usage_bytes": ("memory", "Memory max used in bytes", lambda now: now.memory.max_usage),
    "memory_usage_percent": ("memory", "Percentage of memory used", lambda now: now.memory.percent),
}
"""Name -> label ``type``, help, and the value, None where the engine does not tell."""

OF_NETWORK: Mapping[str, tuple[str, Callable[[Traffic], float]]] = {
    "network_rx_bytes": ("Network (rx) in bytes", lambda seen: seen.rx_bytes),
    "network_rx_packets_total": ("Network (rx) packet total", lambda seen: seen.rx_packets),
    "network_rx_errors_total": ("Network (rx) error total", lambda seen: seen.rx_errors),
    "network_rx_dropped_total": ("Network (rx) dropped total", lambda seen: seen.rx_dropped),
    "network_tx_bytes": ("Network (tx) in bytes", lambda seen: seen.tx_bytes),
    "network_tx_packets_total": ("Network (tx) packet total", lambda seen: seen.tx_packets),
    "network_tx_errors_total": ("Network (tx) error total", lambda seen: seen.tx_errors),
    "network_tx_dropped_total": ("Network (tx) dropped total", lambda seen: seen.tx_dropped),
}
"""Name -> help and value."""


class Gauges(Collector):
    """What was measured last."""

    def __init__(self) -> None:
        self.totals: Totals | None = None
        self._measured: Mapping[ContainerKey, tuple[Container, Measurement]] = {}

    def tell(self, measured: Iterable[tuple[Container, Measurement]], totals: Totals | None) -> None:
        """The containers of now, and no others; totals of None leave the last ones."""
        self._measured = {container.key: (container, measurement) for container, measurement in measured}
        self.totals = totals or self.totals

    def forget(self, key: ContainerKey) -> None:
        """A container has gone. The mapping is replaced, since another thread may be reading it."""
        if key in self._measured:
            self._measured = {other: each for other, each in self._measured.items() if other != key}

    @property
    def measured(self) -> tuple[tuple[Container, Measurement], ...]:
        """The containers of now."""
        return tuple(self._measured.values())

    def collect(self) -> Iterable[Metric]:
        measured = self.measured
        return [*self._total_families(), *_container_families(measured), *_network_families(measured)]

    def _total_families(self) -> Iterable[Metric]:
        for name, text in TOTALS.items():
            family = _family(f"total_{name}", text, ["type"])
            if self.totals is not None:
                family.add_metric(["totals"], getattr(self.totals, name))
            yield family


def _container_families(measured: Iterable[tuple[Container, Measurement]]) -> Iterable[Metric]:
    for name, (type_, text, value) in OF_CONTAINER.items():
        family = _family(name, text, ["container", "image", "name", "type"])
        for container, now in measured:
            number = value(now)
            if number is not None:
                family.add_metric([*_names(container), type_], number)
        yield family


def _network_families(measured: Iterable[tuple[Container, Measurement]]) -> Iterable[Metric]:
    for name, (text, value) in OF_NETWORK.items():
        family = _family(name, text, ["container", "image", "name", "network", "type"])
        for container, now in measured:
            for network, traffic in now.networks.items():
                family.add_metric([*_names(container), network, "network"], value(traffic))
        yield family


def _family(name: str, text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"beacon_docker_{name}", text, labels=labels)


def _names(container: Container) -> list[str]:
    return [container.id[:SHORT_ID], container.image, container.name]
