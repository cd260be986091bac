"""Carbon's plaintext protocol: ``path value unix-seconds``, one a line; paths are those of 0.3.3.

What stands in a path comes from container and node names, which are hostile: a character that could end the path or the
line, or leave Carbon's folder, becomes an underscore.
"""

import re
from collections.abc import Callable, Mapping

from interlock.core.model import Container
from interlock.plugins.measurements import Measurement

LONGEST_NAME = 200
"""Characters of a name in a path; a file name of Carbon's has at most 255 bytes."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_EMPTY_PART = re.compile(r"\.(?=\.)|^\.|\.$")
"""Dots that would make an empty part of a path."""

KEYS: Mapping[str, Callable[[Measurement], float | None]] = {
    "cpu.totalUsage": lambda now: now.cpu.total_usage,
    "cpu.usageInKernelmode": lambda now: now.cpu.usage_in_kernelmode,
    "cpu.usageInUsermode": lambda now: now.cpu.usage_in_usermode,
    "memory.usage": lambda now: now.memory.usage,
    "memory.maxUsage": lambda now: now.memory.max_usage,
    "memory.failcnt": lambda now: now.memory.failcnt,
    "memory.limit": lambda now: now.memory.limit,
    "memory.percent": lambda now: now.memory.percent,
    "network.rxBytes": lambda now: now.traffic.rx_bytes,
    "network.rxPackets": lambda now: now.traffic.rx_packets,
    "network.rxErrors": lambda now: now.traffic.rx_errors,
    "network.rxDropped": lambda now: now.traffic.rx_dropped,
    "network.txBytes": lambda now: now.traffic.tx_bytes,
    "network.txPackets": lambda now: now.traffic.tx_packets,
    "network.txErrors": lambda now: now.traffic.tx_errors,
    "network.txDropped": lambda now: now.traffic.tx_dropped,
}
"""End of a path -> its value, None where the engine does not tell; in the original's order."""


def container_lines(prefix: str, container: Container, now: Measurement, *, at: int) -> list[str]:
    """A container's measurement; `at` in Unix seconds."""
    node = f"nodes.{safe_name(container.node)}." if container.node else ""
    base = f"{prefix}.containers.{node}{safe_name(container.name)}"
    values = ((key, value(now)) for key, value in KEYS.items())
    return [f"{base}.{key} {value} {at}\n" for key, value in values if value is not None]


def event_line(prefix: str, *, at: int) -> str:
    """One event of an engine."""
    return f"{prefix}.cluster.events 1 {at}\n"


def safe_name(name: str) -> str:
    """A name that cannot be anything but a part of a path (or several, if it has dots)."""
    return _EMPTY_PART.sub("_", _UNSAFE.sub("_", name[:LONGEST_NAME]))
