"""Measurements as points of InfluxDB, by the names and tags of 1.4.5. Text in InfluxDB's line protocol; no I/O.

https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from interlock.core.model import Container
from interlock.plugins.beacon.gauges import SHORT_ID, TOTALS, Gauges
from interlock.plugins.beacon.settings import Precision
from interlock.plugins.measurements import Measurement

PARTS = MappingProxyType(
    {
        Precision.NANOSECONDS: 1e9,
        Precision.MICROSECONDS: 1e6,
        Precision.MILLISECONDS: 1e3,
        Precision.SECONDS: 1.0,
        Precision.MINUTES: 1 / 60,
        Precision.HOURS: 1 / 3600,
    }
)
"""How many of a unit a second has."""

_SPECIAL = re.compile(r"([,= ])")
_UNFIT = re.compile(r"[^\x20-\x7e\u00a0-\U0010ffff]|\\")
"""What would end a line or a tag, and cannot be written otherwise."""


def lines(gauges: Gauges, at: float, precision: Precision) -> str:
    """Everything that was measured last, a line for each value that is known."""
    moment = int(at * PARTS[precision])
    points = [*_totals(gauges)]
    for container, measurement in gauges.measured:
        points += _of_container(container, measurement)
        points += _of_networks(container, measurement)
    return "".join(f"{name},{_tags(tags)} {field}={_value(value)} {moment}\n" for name, tags, field, value in points)


_Point = tuple[str, Mapping[str, str], str, float]
"""Measurement, tags, field and value."""


def _totals(gauges: Gauges) -> Iterable[_Point]:
    for name in TOTALS if gauges.totals is not None else ():
        yield name, {"type": "totals"}, f"total_{name}", getattr(gauges.totals, name)


def _of_container(container: Container, now: Measurement) -> Iterable[_Point]:
    values = (
        ("cpu_usage", {"cpu": "cpu-total"}, now.cpu.total_usage),
        ("mem_usage", {"memory": "memory-usage"}, now.memory.usage),
        ("mem_max_usage", {"memory": "memory-max-usage"}, now.memory.max_usage),
        ("mem_usage_percent", {"memory": "memory-usage-percent"}, now.memory.percent),
    )
    for name, own, value in values:
        if value is not None:
            yield name, own | {"resource": "container"} | _names(container), "value", value


def _of_networks(container: Container, now: Measurement) -> Iterable[_Point]:
    for network, traffic in now.networks.items():
        tags = {"resource": "network", "network": network} | _names(container)
        for count in traffic.__struct_fields__:
            yield f"net_{count}", tags, "value", getattr(traffic, count)


def _names(container: Container) -> dict[str, str]:
    return {"container": container.id[:SHORT_ID], "image": container.image, "name": container.name}


def _tags(tags: Mapping[str, str]) -> str:
    """Sorted, as InfluxDB likes them best; an empty one is not allowed."""
    return ",".join(f"{key}={_tag(tags[key])}" for key in sorted(tags) if tags[key])


def _tag(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _UNFIT.sub("_", text))


def _value(value: float) -> str:
    """An ``i`` says that it is an integer."""
    return f"{value}i" if isinstance(value, int) else repr(value)
