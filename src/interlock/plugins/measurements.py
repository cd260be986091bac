"""What an engine measures of a container, for the plugins that tell others of it.

The document is that of ``GET /containers/ID/stats`` of the Docker API. One answer for each container and interval is
asked for; no stream is held open, so nothing is left behind when a container goes.
"""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec
import structlog

from interlock.core.model import Container
from interlock.core.problems import TemporaryError, shown
from interlock.plugins.contract import EngineReader

log = structlog.get_logger()

STATS_PATH = "/containers/{}/stats?stream=false&one-shot=true"
"""``one-shot`` (API 1.41): the engine does not wait a second for a value to compare with."""


class CpuUsage(msgspec.Struct, frozen=True, kw_only=True):
    """``cpu_stats.cpu_usage``, in nanoseconds since the container's start."""

    total_usage: int = 0
    usage_in_kernelmode: int = 0
    usage_in_usermode: int = 0


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """``memory_stats``, in bytes; with control groups of version 2 an engine tells neither maximum nor failures."""

    usage: int | None = None
    max_usage: int | None = None
    failcnt: int | None = None
    """How often the limit was hit."""
    limit: int | None = None

    @property
    def percent(self) -> float | None:
        """Usage in hundredths of the limit."""
        return self.usage / self.limit * 100.0 if self.usage is not None and self.limit else None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``networks``: counts since the start of the container."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One container at one moment."""

    cpu: CpuUsage = CpuUsage()
    memory: Memory = Memory()
    networks: Mapping[str, Traffic] = {}
    """By interface: ``eth0``. A container in the network of the host has none."""

    @property
    def traffic(self) -> Traffic:
        """All interfaces together."""
        each = self.networks.values()
        return Traffic(**{name: sum(getattr(one, name) for one in each) for name in Traffic.__struct_fields__})


class _Cpu(msgspec.Struct, frozen=True):
    cpu_usage: CpuUsage = CpuUsage()


class _Document(msgspec.Struct, frozen=True):
    cpu_stats: _Cpu = _Cpu()
    memory_stats: Memory = Memory()
    networks: dict[str, Traffic] | None = None


_decoder = msgspec.json.Decoder(_Document)


def read_measurement(document: bytes) -> Measurement:
    """Raises TemporaryError for what is no such document."""
    try:
        found = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TemporaryError(f"the statistics of a container are not understood: {shown(str(error))}") from error
    return Measurement(cpu=found.cpu_stats.cpu_usage, memory=found.memory_stats, networks=found.networks or {})


async def measure(
    engines: Mapping[str, EngineReader], containers: Iterable[Container]
) -> list[tuple[Container, Measurement]]:
    """Measure these containers, at once as far as their engines allow; one that cannot be measured is left out."""
    chosen = [container for container in containers if container.engine in engines]
    found = await asyncio.gather(*(_measured(engines[container.engine], container) for container in chosen))
    return [(container, one) for container, one in zip(chosen, found, strict=True) if one is not None]


async def _measured(engine: EngineReader, container: Container) -> Measurement | None:
    try:
        return read_measurement(await engine.get(STATS_PATH.format(container.id)))
    except TemporaryError as error:
        log.debug(f"[interlock] {shown(container.name)} cannot be measured: {error}")
        return None
