"""Lines for Carbon have the original's paths, and no name can make them anything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.plugins.measurements import CpuUsage, Measurement, Memory, Traffic
from interlock.plugins.stats.lines import container_lines, event_line, safe_name
from interlock.testing.worlds import container

NOW = Measurement(
    cpu=CpuUsage(total_usage=9, usage_in_kernelmode=4, usage_in_usermode=5),
    memory=Memory(usage=50, max_usage=70, failcnt=1, limit=200),
    networks={
        "eth0": Traffic(
            rx_bytes=1, rx_packets=2, rx_errors=3, rx_dropped=4, tx_bytes=5, tx_packets=6, tx_errors=7, tx_dropped=8
        )
    },
)


def test_every_path_of_0_3_3():
    assert "".join(container_lines("docker.stats", container("web_1"), NOW, at=1700000010)).splitlines() == [
        "docker.stats.containers.web_1.cpu.totalUsage 9 1700000010",
        "docker.stats.containers.web_1.cpu.usageInKernelmode 4 1700000010",
        "docker.stats.containers.web_1.cpu.usageInUsermode 5 1700000010",
        "docker.stats.containers.web_1.memory.usage 50 1700000010",
        "docker.stats.containers.web_1.memory.maxUsage 70 1700000010",
        "docker.stats.containers.web_1.memory.failcnt 1 1700000010",
        "docker.stats.containers.web_1.memory.limit 200 1700000010",
        "docker.stats.containers.web_1.memory.percent 25.0 1700000010",
        "docker.stats.containers.web_1.network.rxBytes 1 1700000010",
        "docker.stats.containers.web_1.network.rxPackets 2 1700000010",
        "docker.stats.containers.web_1.network.rxErrors 3 1700000010",
        "docker.stats.containers.web_1.network.rxDropped 4 1700000010",
        "docker.stats.containers.web_1.network.txBytes 5 1700000010",
        "docker.stats.containers.web_1.network.txPackets 6 1700000010",
        "docker.stats.containers.web_1.network.txErrors 7 1700000010",
        "docker.stats.containers.web_1.network.txDropped 8 1700000010",
    ]
    assert event_line("docker.stats", at=7) == "docker.stats.cluster.events 1 7\n"


def test_under_a_swarm_the_node_is_in_the_path():
    line = container_lines("p", container("web.1.x", node="node-1"), NOW, at=1)[0]
    assert line == "p.containers.nodes.node-1.web.1.x.cpu.totalUsage 9 1\n"


def test_what_the_engine_does_not_tell_is_left_out():
    lines = container_lines("p", container(), Measurement(memory=Memory(usage=5)), at=1)
    assert [line.split()[0].rpartition("memory.")[2] for line in lines if ".memory." in line] == ["usage"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a b", "a_b"),
        ("a\nb.c 1 1", "a_b.c_1_1"),
        ("../../etc", "_.__._etc"),
        ("a..b", "a_.b"),
        (".a.", "_a_"),
        ("ä/é", "___"),
        ("", ""),
    ],
)
def test_a_hostile_name_stays_a_name(name, safe):
    assert safe_name(name) == safe


@given(st.text(min_size=1, max_size=300))
def test_whatever_the_name_a_line_has_three_words_and_no_empty_part(name):
    for line in container_lines("p", container(name, node=name), NOW, at=1):
        assert re.fullmatch(r"[\w.-]+ [\d.]+ 1\n", line, re.ASCII)
        assert "" not in line.split()[0].split(".")
