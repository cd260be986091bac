"""From the table of families to what prometheus-client counts with."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, UntypedMetricFamily

from interlock.web.families import Family

Values = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, in the family's order, and the number."""

_LOOKED_UP: dict[str, type[CounterMetricFamily | GaugeMetricFamily | UntypedMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "untyped": UntypedMetricFamily,
}


def counter(family: Family, registry: CollectorRegistry) -> Counter:
    return Counter(family.name, family.doc, family.labels, registry=registry)


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    return Gauge(family.name, family.doc, family.labels, registry=registry)


def histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    return Histogram(family.name, family.doc, family.labels, registry=registry, buckets=family.buckets)


def metric(family: Family, values: Values) -> Metric:
    """A family with its numbers, as they are right now."""
    made = _LOOKED_UP[family.kind](family.name, family.doc, labels=family.labels)
    for labels, value in values:
        made.add_metric(labels, float(value))
    return made
