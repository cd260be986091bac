"""What may be asked for, as a table: methods, paths, tricks."""

from pathlib import Path

import pytest

from interlock.agent.allowed import RESOURCES, Call, Kind, Refusal, examine

ID = "3f" * 32


def judged(target, method="GET", **headers):
    return examine(method, target, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("version", ["", "/v1.24", "/v1.56"])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)
def test_each_line_of_the_table_may_be_asked_for_in_any_version(resource, version):
    path = version + resource.path.replace("{id}", ID)
    assert judged(path) == Call(resource.kind, path)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "get", "X"]
)
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)
def test_nothing_but_get_is_passed_on(resource, method):
    if resource.kind is Kind.PING and method == "HEAD":
        assert isinstance(judged("/_ping", method), Call)
    else:
        assert isinstance(judged(resource.path.replace("{id}", ID), method), Refusal)


OTHERS = (Path(__file__).parents[1] / "data" / "agent" / "refused_targets.txt").read_text().splitlines()


@pytest.mark.parametrize("target", [*OTHERS, ""])
def test_other_paths_are_refused(target):
    assert isinstance(judged(target), Refusal)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/info?", "/info"),
        ("/containers/json?all=1", "/containers/json?all=1"),
        ("/containers/json?%61ll=true", "/containers/json?all=true"),
        ("/events?since=1795508689.000000001&until=1795508690", "/events?since=1795508689.000000001&until=1795508690"),
        ('/events?filters={"type":["container"]}', "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"),
        ('/events?filters={"type":{"container":true}}', "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"),
        ('/networks?filters={"name":["a%26all=1"]}', "/networks?filters=%7B%22name%22%3A%5B%22a%26all%3D1%22%5D%7D"),
    ],
)
def test_a_query_is_written_anew_from_what_was_understood(target, asked):
    assert judged(target).target == asked


@pytest.mark.parametrize(
    "target",
    [
        "/info?all=1",
        "/_ping?x",
        "/containers/json?size=1",
        "/containers/json?limit=1",
        "/containers/json?all=1&all=0",
        "/containers/json?all=1&size=1",
        "/containers/json?all",
        "/containers/json?all=2",
        "/containers/json?all=1%0d%0aX:y",
        "/containers/json?ALL=1",
        "/containers/json?&",
        "/containers/json?filters=",
        "/containers/json?filters=[]",
        "/containers/json?filters={",
        '/containers/json?filters={"label":["secret=1"]}',
        '/containers/json?filters={"volume":["x"]}',
        '/containers/json?filters={"name":"x"}',
        "/containers/json?filters=" + "[" * 4000,
        "/containers/json?filters=%ff",
        f"/containers/{ID}/json?size=1",
        "/events?since=now",
        "/events?since=-1",
        '/events?filters={"label":["secret=1"]}',
        '/events?filters={"container":["x"]}',
    ],
)
def test_other_queries_are_refused(target):
    assert isinstance(judged(target), Refusal)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Length": "1"},
        {"Content_Length": "00"},
        {"Transfer_Encoding": "chunked"},
        {"Upgrade": "tcp"},
        {"Upgrade": "h2c"},
        {"Expect": "100-continue"},
    ],
    ids=str,
)
def test_who_sends_more_than_a_question_is_refused(headers):
    assert isinstance(judged("/info", **headers), Refusal)


def test_a_refusal_names_the_fix_and_shows_no_control_character():
    refusal = judged("/x\x1b[31m")
    assert "\x1b" not in refusal.message
    assert "/containers/{id}/json" in refusal.message
