"""What engines say of a container's use of the machine, read and typed."""

import msgspec
import pytest
from structlog.testing import capture_logs

from interlock.core.problems import TemporaryError
from interlock.plugins.measurements import STATS_PATH, CpuUsage, Memory, Traffic, measure, read_measurement
from interlock.testing.worlds import container

ETH0 = {"rx_bytes": 1, "rx_packets": 2, "rx_errors": 3, "rx_dropped": 4, "tx_bytes": 5, "tx_packets": 6}
VERSION_1 = {
    "read": "2026-11-24T08:00:00Z",
    "cpu_stats": {"cpu_usage": {"total_usage": 9, "usage_in_kernelmode": 4, "usage_in_usermode": 5, "percpu": [9]}},
    "memory_stats": {"usage": 50, "max_usage": 70, "failcnt": 1, "limit": 200, "stats": {"cache": 1}},
    "networks": {"eth0": ETH0, "eth1": {"rx_bytes": 10, "tx_dropped": 8}},
}
VERSION_2 = {"cpu_stats": {"cpu_usage": {"total_usage": 9}}, "memory_stats": {"usage": 50, "limit": 200, "stats": {}}}
STOPPED = {"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}, "networks": None}


def read(document):
    return read_measurement(msgspec.json.encode(document))


def test_everything_of_control_groups_of_version_1_is_read():
    now = read(VERSION_1)
    assert now.cpu == CpuUsage(total_usage=9, usage_in_kernelmode=4, usage_in_usermode=5)
    assert now.memory == Memory(usage=50, max_usage=70, failcnt=1, limit=200)
    assert now.memory.percent == 25.0
    assert now.networks["eth0"] == Traffic(
        rx_bytes=1, rx_packets=2, rx_errors=3, rx_dropped=4, tx_bytes=5, tx_packets=6
    )
    assert now.traffic == msgspec.structs.replace(now.networks["eth0"], rx_bytes=11, tx_dropped=8)


def test_what_version_2_does_not_tell_is_nothing_rather_than_zero():
    memory = read(VERSION_2).memory
    assert (memory.usage, memory.max_usage, memory.failcnt) == (50, None, None)


def test_a_container_that_has_just_stopped_has_no_share_of_a_limit():
    now = read(STOPPED)
    assert now.memory.percent is None
    assert now.traffic == Traffic()


@pytest.mark.parametrize("document", [b"", b"null", b"[]", b'{"cpu_stats": 1}', b'{"networks": {"e": 1}}', b"\xff"])
def test_what_is_no_such_document_is_an_error_that_may_pass(document):
    with pytest.raises(TemporaryError, match="statistics"):
        read_measurement(document)


async def test_one_that_cannot_be_measured_costs_only_itself(scene):
    web, broken, gone = (container(name, number=number) for number, name in enumerate(("web", "b\x1b", "gone"), 1))
    elsewhere = container("other", number=4, engine="unknown")
    scene.engine.answers = {
        STATS_PATH.format(web.id): msgspec.json.encode(VERSION_1),
        STATS_PATH.format(broken.id): b"no",
    }
    with capture_logs() as lines:
        found = await measure({"docker": scene.engine}, [web, broken, gone, elsewhere])
    assert found == [(web, read(VERSION_1))]
    assert len(scene.engine.asked) == 3
    assert all(line["event"].isprintable() for line in lines)
