"""What HAProxy's `show stat` says, read from an answer of HAProxy 2.6."""

from pathlib import Path

from interlock.core.traffic import Counters
from interlock.proxies.haproxy.counters import LINES, parts, read

ANSWER = (Path(__file__).parents[2] / "data" / "haproxy" / "show-stat.csv").read_text()


def told(answer):
    return {(line.backend, line.server): line.counters for part in parts(answer) for line in read(part)}


def test_a_server_has_had_what_it_answered_and_what_it_failed():
    assert told(ANSWER)["demo_com", "web_2"] == Counters(requests=2, errors=0, sessions=0, latency=7)


def test_connections_that_failed_are_errors_of_the_server_and_have_no_latency():
    assert told(ANSWER)["demo_com", "web_1"] == Counters(requests=2, errors=2, sessions=0, latency=None)


def test_a_backend_tells_of_the_whole_route():
    assert told(ANSWER)["demo_com", ""] == Counters(requests=4, errors=2, sessions=0, latency=4)


def test_frontends_and_broken_lines_are_passed_over():
    assert set(told(ANSWER)) == {("demo_com", ""), ("demo_com", "web_1"), ("demo_com", "web_2")}
    assert told("") == {}
    assert told("# pxname,svname,type\nhalf") == {}


def test_a_server_may_be_called_backend():
    answer = "# pxname,svname,type,req_tot\na,BACKEND,2,1\na,BACKEND,1,3\n"
    assert {server: counters.requests for (_, server), counters in told(answer).items()} == {"BACKEND": 1, "": 3}


def test_a_long_answer_comes_in_parts_that_each_name_the_columns():
    head, *_ = ANSWER.splitlines()
    answer = "\n".join((head, *(f"a,s{number},{'0,' * 30}2" for number in range(3 * LINES))))
    assert [len(part) for part in parts(answer)] == [LINES + 1] * 3
    assert all(part[0].startswith("pxname,") for part in parts(answer))
