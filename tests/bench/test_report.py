"""What is said of a program beside Interlock, and where it is better."""

import math

import pytest


@pytest.fixture
def report(module):
    return module("report").Report()


@pytest.fixture
def figures(module):
    contest, load = module("contest"), module("load")
    traffic = load.Traffic(
        cpu_us=20, cpu_ratio=1.1, per_second=9000, rate_ratio=0.9, p99=3, p99_other=2, resting=0.01, failed=0
    )
    return contest.Figures(
        ready_seconds=1,
        megabytes=60,
        known=contest.Reaction(8, 9, 5),
        new=contest.Reaction(6, 7, 5),
        cpu=50,
        calls=1,
        kilobytes=6,
        resting=0.01,
        traffic=traffic,
    )


def test_where_a_peer_is_ahead_the_table_says_so(report, figures):
    report.add_contestant("Interlock", 100, figures)
    faster = figures._replace(ready_seconds=0.5, megabytes=50, traffic=figures.traffic._replace(p99=2.5))
    report.add_contestant("Peer", 100, faster)
    assert "AHEAD" not in str([report.contest[0], report.traffic[0]])
    assert report.contest[1][3].endswith("; AHEAD OF INTERLOCK: ready, memory")
    assert report.traffic[1][3].endswith("; AHEAD OF INTERLOCK: p99")


def test_what_a_program_takes_at_rest_is_no_advantage(report, figures):
    report.add_contestant("Interlock", 100, figures)
    busy = figures._replace(cpu=-900, resting=1.1, traffic=figures.traffic._replace(cpu_us=-5, resting=1.1))
    late = busy._replace(known=figures.known._replace(median=math.inf), new=figures.new._replace(median=math.inf))
    report.add_contestant("Peer", 100, late)
    assert "AHEAD" not in str([report.contest[1], report.traffic[1]])
