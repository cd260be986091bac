"""`interlock history`, `show` and `diff`."""

import json
import re

import pytest

from interlock.core.happenings import ApplyFailed, Cause, PlanApplied, ReloadDone, RoutesChanged
from interlock.core.model import Balance, Maintenance, Match, Options, ServerState
from interlock.core.plan import AddServer, DrainServer
from interlock.testing.worlds import container, replaced, table_of

DEMO = Match("demo.interlock.com")
CAUSE = Cause(action="start", at=1_800_000_000.0, engine="docker", container="web_1")


def wanted(*containers, **options):
    route = table_of(*containers)[DEMO]
    backend = replaced(route.backend, options=replaced(route.backend.options, **options))
    return replaced(route, backend=backend)


@pytest.fixture
def past(daemon):
    """Four revisions: a site, a replica and an option, a failure, and the site gone."""
    hear = daemon.history.hear

    def pass_by(route, happening):
        daemon.wanted.clear()
        if route is not None:
            daemon.wanted[DEMO] = route
        hear(RoutesChanged(at=1.0, routes=(DEMO,)))
        hear(happening)

    one, two = container(), container("web_2", number=2)
    pass_by(wanted(one), ReloadDone(at=1.0, proxy="haproxy", causes=(CAUSE,), reason="new site", seconds=1.5))
    server = wanted(one, two).backend.servers[1]
    steps = (AddServer(DEMO, server, Options()), DrainServer(DEMO, "web_1"))
    again = replaced(CAUSE, container="web_2")
    pass_by(
        replaced(wanted(one, two, balance=Balance.LEASTCONN), maintenance=Maintenance("Later")),
        PlanApplied(
            at=1.0, proxy="haproxy", causes=(CAUSE, again, replaced(CAUSE, action="die")), steps=steps, seconds=0.0123
        ),
    )
    hear(ApplyFailed(at=1.0, proxy="haproxy", causes=(), error="no answer\x1b[31m", reason="options changed"))
    pass_by(None, PlanApplied(at=1.0, proxy="haproxy", causes=(), steps=(), seconds=0.001))
    return daemon


def test_the_history_is_a_table_with_the_newest_on_top(run, past):
    code, out, err = run("history")
    assert (code, err) == (0, "")
    lines = [re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d", "TIME", line) for line in out.splitlines()]
    assert [re.split(r" {2,}", line) for line in lines] == [
        ["REVISION", "TIME", "PROXY", "OUTCOME", "ROUTES", "TOOK", "CAUSE"],
        ["4", "TIME", "haproxy", "applied", "-1", "1 ms", "none"],
        ["3", "TIME", "haproxy", "failed", "none", "0 ms", "none"],
        ["2", "TIME", "haproxy", "applied", "~1", "12 ms", "start web_1, start web_2, +1"],
        ["1", "TIME", "haproxy", "reloaded", "+1", "1.5 s", "start web_1"],
    ]
    assert len(run("history", "-n", "2")[1].splitlines()) == 3


def test_json_has_all_of_it(run, past):
    told = json.loads(run("history", "--json")[1])
    assert [each["number"] for each in told["revisions"]] == [4, 3, 2, 1]
    assert told["revisions"][2]["causes"][0]["container"] == "web_1"
    told = json.loads(run("show", "2", "--json")[1])
    assert (told["summary"]["steps"], told["changes"][0]["now"]["maintenance"]["message"]) == (2, "Later")
    told = json.loads(run("diff", "2", "4", "--json")[1])
    assert (told["before"], told["now"], told["changes"][0]["now"]) == (2, 4, None)


def test_nothing_done_yet_is_said(run, daemon):
    assert run("history") == (0, "Nothing has been done yet.\n", "")


def test_one_revision_is_shown_with_causes_steps_and_changes(run, past):
    code, out, _ = run("show", "2")
    assert code == 0
    lines = out.splitlines()
    assert re.fullmatch(r"revision 2: haproxy applied, \d\d-\d\d \d\d:\d\d:\d\d, 12 ms", lines[0])
    assert [line for line in lines if "web_2" in line] == [
        lines[3],
        "  AddServer demo.interlock.com web_2 172.17.0.3:5000",
        "      + web_2 172.17.0.3:5000 ready",
    ]
    assert lines[-5:] == [
        "changed routes:",
        "  ~ demo.interlock.com",
        "      ~ balance: roundrobin -> leastconn",
        "      ~ closed: Later",
        "      + web_2 172.17.0.3:5000 ready",
    ]


def test_a_failure_is_shown_with_its_error_and_nothing_that_a_terminal_would_obey(run, past):
    out = run("show", "3")[1]
    assert r"no answer\x1b[31m (1 times)" in out
    assert "reason: options changed" in out
    assert "no route is wanted otherwise than before" in out


def test_two_revisions_are_compared_in_either_direction(run, past):
    assert run("diff", "1", "2")[1].splitlines()[0] == "~ demo.interlock.com"
    gone = run("diff", "2", "4")[1].splitlines()
    assert gone[0] == "- demo.interlock.com"
    assert "    - web_1 172.17.0.2:5000 ready" in gone
    back = run("diff", "4", "2")[1].splitlines()
    assert [line.replace("+", "-") for line in back] == gone
    assert run("diff", "2", "3") == (0, "no difference\n", "")


def test_a_server_that_moved_or_weighs_otherwise_is_one_line(run, past):
    before = past.wanted.setdefault(DEMO, wanted(container()))
    past.history.hear(RoutesChanged(at=1.0, routes=(DEMO,)))
    past.history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(), steps=(), seconds=0.0))
    (server,) = before.backend.servers
    moved = replaced(server, address="fd00::1", weight=5)
    past.wanted[DEMO] = replaced(before, backend=replaced(before.backend, servers=(moved,)))
    past.history.hear(RoutesChanged(at=1.0, routes=(DEMO,)))
    past.history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(), steps=(), seconds=0.0))
    assert run("diff", "5", "6")[1].splitlines() == [
        "~ demo.interlock.com",
        "    ~ web_1: weight 100 -> 5, 172.17.0.2:5000 -> [fd00::1]:5000",
    ]


def test_a_stand_by_is_shown_as_one_until_it_takes_the_requests(run, past):
    route = wanted(container(), container("web_2", number=2))
    near, far = route.backend.servers
    for state in (ServerState.READY, ServerState.DOWN):
        servers = (replaced(near, state=state), replaced(far, standby=True))
        past.wanted[DEMO] = replaced(route, backend=replaced(route.backend, servers=servers))
        past.history.hear(RoutesChanged(at=1.0, routes=(DEMO,)))
        past.history.hear(PlanApplied(at=1.0, proxy="haproxy", causes=(), steps=(), seconds=0.0))
    assert "      + web_2 172.17.0.3:5000 stand-by" in run("show", "5")[1].splitlines()
    assert run("diff", "5", "6")[1].splitlines() == [
        "~ demo.interlock.com",
        "    ~ web_1: ready -> down",
        "    ~ web_2: stand-by -> ready",
    ]


@pytest.mark.parametrize("line", ["show 9", "diff 1 9", "diff 9 1"])
def test_a_revision_that_is_not_kept_is_named(run, past, line):
    code, out, err = run(*line.split())
    assert (code, out) == (2, "")
    assert "there is no revision 9" in err
    assert "from 1 to 4" in err


@pytest.mark.parametrize("line", ["show 0", "show x", "diff 1", "history -n 0"])
def test_what_is_no_number_is_refused(run, daemon, line):
    assert run(*line.split())[0] == 2
