"""Gauges have the names and labels of 1.4.5, and those of a container go with it."""

from prometheus_client import CollectorRegistry, generate_latest

from interlock.plugins.beacon.gauges import Gauges, Totals
from interlock.plugins.measurements import CpuUsage, Measurement, Memory, Traffic
from interlock.testing.worlds import container

WEB, OTHER = container("web_1", image="example/web:1", number=1), container("web_2", number=2)
NOW = Measurement(
    cpu=CpuUsage(total_usage=9),
    memory=Memory(usage=50, max_usage=70, limit=200),
    networks={"eth0": Traffic(rx_bytes=1, rx_packets=2, rx_errors=3, rx_dropped=4, tx_bytes=5, tx_packets=6)},
)


def text_of(gauges):
    registry = CollectorRegistry()
    registry.register(gauges)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("# HELP")]


def test_every_series_of_1_4_5():
    gauges = Gauges()
    gauges.tell([(WEB, NOW)], Totals(containers=4, images=3, volumes=2, networks=1))
    labels = f'container="{WEB.id[:12]}",image="example/web:1",name="web_1"'
    network = f'{labels},network="eth0",type="network"'
    assert [line for line in text_of(gauges) if not line.startswith("#")] == [
        'beacon_docker_total_containers{type="totals"} 4.0',
        'beacon_docker_total_images{type="totals"} 3.0',
        'beacon_docker_total_volumes{type="totals"} 2.0',
        'beacon_docker_total_networks{type="totals"} 1.0',
        f'beacon_docker_cpu_total_time_nanoseconds{{{labels},type="cpu"}} 9.0',
        f'beacon_docker_memory_usage_bytes{{{labels},type="memory"}} 50.0',
        f'beacon_docker_memory_max_usage_bytes{{{labels},type="memory"}} 70.0',
        f'beacon_docker_memory_usage_percent{{{labels},type="memory"}} 25.0',
        f"beacon_docker_network_rx_bytes{{{network}}} 1.0",
        f"beacon_docker_network_rx_packets_total{{{network}}} 2.0",
        f"beacon_docker_network_rx_errors_total{{{network}}} 3.0",
        f"beacon_docker_network_rx_dropped_total{{{network}}} 4.0",
        f"beacon_docker_network_tx_bytes{{{network}}} 5.0",
        f"beacon_docker_network_tx_packets_total{{{network}}} 6.0",
        f"beacon_docker_network_tx_errors_total{{{network}}} 0.0",
        f"beacon_docker_network_tx_dropped_total{{{network}}} 0.0",
    ]
    assert {line.split()[3] for line in text_of(gauges) if line.startswith("# TYPE")} == {"gauge"}


def test_a_container_that_is_forgotten_has_no_series_and_the_others_keep_theirs():
    gauges = Gauges()
    gauges.tell([(WEB, NOW), (OTHER, NOW)], None)
    gauges.forget(WEB.key)
    gauges.forget(WEB.key)
    text = "\n".join(text_of(gauges))
    assert "web_1" not in text
    assert text.count("web_2") == 12


def test_totals_stay_until_they_are_known_again_and_what_is_not_told_is_absent():
    gauges = Gauges()
    assert not [line for line in text_of(gauges) if not line.startswith("#")]
    gauges.tell([], Totals(containers=1))
    gauges.tell([(WEB, Measurement())], None)
    text = "\n".join(text_of(gauges))
    assert 'beacon_docker_total_containers{type="totals"} 1.0' in text
    assert "memory_max_usage_bytes{" not in text


def test_a_hostile_name_is_a_label_value_and_nothing_else():
    gauges = Gauges()
    gauges.tell([(container('x",evil="1\n# boo'), NOW)], None)
    assert all(line.startswith(("#", "beacon_docker_")) for line in text_of(gauges))
    assert not [line for line in text_of(gauges) if line.startswith("# boo")]
