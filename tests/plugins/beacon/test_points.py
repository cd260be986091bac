"""Points of InfluxDB have the names and tags of 1.4.5, and no container writes a line of its own."""

import re

import msgspec
import pytest

from interlock.plugins.beacon.gauges import Gauges, Totals
from interlock.plugins.beacon.points import lines
from interlock.plugins.beacon.settings import Precision
from interlock.plugins.measurements import CpuUsage, Measurement, Memory, Traffic
from interlock.testing.worlds import container

WEB = container("web_1", image="example/web:1", number=1)
MEASURED = Measurement(
    cpu=CpuUsage(total_usage=7),
    memory=Memory(usage=50, limit=200),
    networks={"eth0": Traffic(rx_bytes=11, tx_dropped=3)},
)


def gauges(*measured, totals=None):
    told = Gauges()
    told.tell(measured, totals)
    return told


def test_names_tags_and_values_are_those_of_1_4_5():
    text = lines(gauges((WEB, MEASURED), totals=Totals(containers=2, images=5)), 100.9, Precision.SECONDS)
    names = f"container={WEB.id[:12]}"
    for line in (
        "containers,type=totals total_containers=2i 100",
        "images,type=totals total_images=5i 100",
        f"cpu_usage,{names},cpu=cpu-total,image=example/web:1,name=web_1,resource=container value=7i 100",
        f"mem_usage,{names},image=example/web:1,memory=memory-usage,name=web_1,resource=container value=50i 100",
        (
            f"mem_usage_percent,{names},image=example/web:1,memory=memory-usage-percent,name=web_1,resource=container "
            "value=25.0 100"
        ),
        f"net_rx_bytes,{names},image=example/web:1,name=web_1,network=eth0,resource=network value=11i 100",
        f"net_tx_dropped,{names},image=example/web:1,name=web_1,network=eth0,resource=network value=3i 100",
    ):
        assert f"{line}\n" in text
    assert "mem_max_usage" not in text, "the engine does not tell it"


@pytest.mark.parametrize(
    ("precision", "moment"),
    [("n", 7200e9), ("u", 7200e6), ("ms", 7200e3), ("s", 7200), ("m", 120), ("h", 2)],
)
def test_a_moment_is_told_in_the_unit_that_is_set(precision, moment):
    text = lines(gauges(totals=Totals()), 7200.0, Precision(precision))
    assert text.splitlines()[0].endswith(f" {moment:.0f}")


def test_nothing_measured_is_nothing_told():
    assert lines(gauges(), 1.0, Precision.SECONDS) == ""


@pytest.mark.parametrize("image", ["a\ncpu_usage value=1", "a,name=b c=d", "a\\", "\r\x1b[31m", ""])
def test_what_an_image_is_called_stays_one_tag(image):
    hostile = msgspec.structs.replace(WEB, image=image)
    text = lines(gauges((hostile, Measurement())), 1.0, Precision.SECONDS)
    (line,) = text.splitlines()
    assert len(re.split(r"(?<!\\) ", line)) == 3
    tags = [re.split(r"(?<!\\)=", tag)[0] for tag in re.split(r"(?<!\\),", re.split(r"(?<!\\) ", line)[0])[1:]]
    assert set(tags) <= {"container", "cpu", "image", "name", "resource"}
    assert len(tags) == len(set(tags))
