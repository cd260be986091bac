"""`interlock trace`."""

import json
import re

import pytest

from interlock.core.model import ServerState
from interlock.core.trace import Loser, Outcome, Trace, TracedServer
from interlock.testing.worlds import replaced

FULL = Trace(
    url="http://www.example.com/app",
    host="www.example.com",
    path="/app",
    outcome=Outcome.SERVED,
    what="answered by web_1",
    route="www.example.com/app",
    servers=(
        TracedServer(
            name="web_1", address="10.0.0.1:80", state=ServerState.READY, weight=100, share=1.0, in_rotation=True
        ),
    ),
    losers=(Loser(route="www.example.com", why="/app is the longer path"),),
    remarks=("haproxy does not serve it yet",),
)
COMPOSE = "services: {web: {image: x, expose: ['80'], labels: {interlock.hostname: www, interlock.domain: a.com}}}"


def test_a_request_that_is_served(run, daemon):
    daemon.traced = FULL
    code, out, err = run("trace", "www.example.com/app?a&b")
    assert (code, err) == (0, "")
    assert daemon.orders == [("trace", "www.example.com/app?a&b")]
    assert out.splitlines() == [
        "http://www.example.com/app: answered by web_1",
        "route: www.example.com/app",
        "SERVER   ADDRESS       WEIGHT   SHARE   STATE   IN ROTATION",
        "web_1    10.0.0.1:80   100      100%    ready   yes",
        "but: haproxy does not serve it yet",
        "other routes that are near, and lose:",
        "  www.example.com: /app is the longer path",
    ]


def test_as_json(run, daemon):
    daemon.traced = FULL
    code, out, _ = run("trace", "a.com", "--json")
    assert code == 0
    assert json.loads(out)["servers"][0]["share"] == 1.0


@pytest.mark.parametrize(("url", "expected"), [("www.a.com", 0), ("b.com", 3), ("ftp://a.com", 2)])
def test_a_compose_file_is_traced_without_a_daemon(run, tmp_path, url, expected):
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    code, out, err = run("trace", url, "--file", str(file))
    assert code == expected
    assert {0: "answered by", 3: "404: nobody asks for b.com", 2: "is not a URL of http"}[code] in out + err


def test_a_server_that_stands_by_is_shown_as_one(run, daemon):
    (near,) = FULL.servers
    far = replaced(near, name="web_2", share=0.0, standby=True, waits=True)
    daemon.traced = replaced(FULL, servers=(near, far, replaced(far, name="web_3", weight=0, waits=False)))
    lines = run("trace", "a.com")[1].splitlines()
    assert [re.split(" {2,}", line)[4] for line in lines[2:6]] == ["STATE", "ready", "stand-by", "ready"]
