"""`interlock status`."""

import json

from interlock.core.model import Maintenance, ServerState
from interlock.core.problems import Problem
from interlock.core.status import (
    EngineStatus,
    OrdersStatus,
    PluginKind,
    PluginState,
    PluginStatus,
    ProxyStatus,
    Status,
    WeightOrder,
)

FULL = Status(
    version="9.9",
    ready=False,
    not_ready_because=("engine docker has told nothing for 200 s: connection\x1b refused",),
    seconds_since_reconcile=200.0,
    routes=2,
    servers={ServerState.DRAINING: 1, ServerState.READY: 3},
    engines=(
        EngineStatus(name="docker", description="Docker 20.10", containers=7, seconds_since_list=200.4, lost="refused"),
        EngineStatus(name="other", description="", containers=0, seconds_since_list=None, lost=""),
    ),
    proxies=(
        ProxyStatus(name="haproxy", version="1", ready=True, reloads=3, error=""),
        ProxyStatus(name="nginx", version="1", ready=False, reloads=0, error="no port"),
        ProxyStatus(name="nginx@e", version="1", ready=False, reloads=0, error="no port", waited_for=False),
    ),
    orders=OrdersStatus(
        drained=("web_1",),
        weights=(WeightOrder("shop/web", 20),),
        maintenance={"a.com": Maintenance("Later", "2026-11-24T18:00:00Z"), "b.com": Maintenance("Never")},
    ),
    revision=12,
    problems=(Problem(container="bad", key="label interlock.port", value="x", what="is no port", fix="write 80"),),
    plugins=(
        PluginStatus(name="nginx", version="1", kind=PluginKind.PROXY, state=PluginState.RUNNING, since=0.0),
        PluginStatus(
            name="webhook",
            version="1",
            kind=PluginKind.OBSERVER,
            state=PluginState.RESTARTING,
            since=0.0,
            why="ValueError: no\x1b luck",
            restarts=2,
            dropped=7,
        ),
    ),
)


def test_a_ready_one_is_told_in_a_few_lines(run, daemon):
    code, out, err = run("status")
    assert (code, err) == (0, "")
    assert out.startswith("interlock 9.9 is ready\n")
    assert "1 routes, 0 servers\n" in out
    assert "orders in force" not in out
    assert "problems" not in out


def test_one_that_is_not_says_why_and_has_an_exit_code_of_its_own(run, daemon):
    daemon.picture = FULL
    code, out, _ = run("status")
    assert code == 3
    assert out.splitlines() == [
        "interlock 9.9 is not ready",
        "  engine docker has told nothing for 200 s: connection\\x1b refused",
        "",
        "ENGINE   CONTAINERS   LISTED      STATE",
        "docker   7            200 s ago   lost: refused",
        "other    0            never       not heard of yet",
        "",
        "PROXY     RELOADS   STATE",
        "haproxy   3         serves",
        "nginx     0         in trouble: no port",
        "nginx@e   0         not waited for; in trouble: no port",
        "",
        "OBSERVER   RESTARTS   MISSED   STATE",
        "webhook    2          7        restarting: ValueError: no\\x1b luck",
        "",
        "2 routes, 4 servers (1 draining, 3 ready); revision 12",
        "orders in force:",
        "  drained: web_1",
        "  weight 20: shop/web",
        "  closed until 2026-11-24T18:00:00Z: a.com: Later",
        "  closed until further notice: b.com: Never",
        "1 problems:",
        "  bad: label interlock.port=x: is no port; fix: write 80",
    ]


def test_json_is_the_whole_picture(run, daemon):
    daemon.picture = FULL
    code, out, _ = run("status", "--json")
    told = json.loads(out)
    assert (code, told["ready"], told["servers"]) == (3, False, {"draining": 1, "ready": 3})
    assert told["orders"]["maintenance"]["a.com"]["message"] == "Later"
