"""The bench does not rot: its containers read as an engine's do, and every driver works on ten of them. No times."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES, read
from interlock.engines.containers import Kept, inspected_container, listed_container
from interlock.engines.documents import decode_entry, decode_inspected
from interlock.engines.notices import Meaning, read_notice
from testbed.waiting import wait_for

BENCH = Path(__file__).parents[2] / "bench"
KEPT = Kept(ENVIRONMENT_KEYS, LABEL_PREFIXES)


@pytest.fixture
def fleet(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("fleet")


@pytest.mark.parametrize("host", ["h1", "h2", "h3", "h4"])
def test_a_container_asks_for_its_host_in_one_dialect_and_has_an_address(fleet, host):
    replica = fleet.Replica(number=70_000, host=host)
    container = inspected_container(decode_inspected(replica.inspected()), engine="bench", kept=KEPT)
    reading = read(container)
    assert [str(request.matches[0]) for request in reading.requests] == [f"{host}.bench.test"]
    assert reading.problems == ()
    assert container.attachments[0].ipv4 == "127.17.17.113"


def test_list_and_inspect_tell_the_same(fleet):
    replica = fleet.Replica(number=1, host="h1")
    inspected = inspected_container(decode_inspected(replica.inspected()), engine="bench", kept=KEPT)
    listed = listed_container(decode_entry(replica.entry()), engine="bench", kept=KEPT)
    assert (listed.id, listed.name, listed.labels, listed.attachments) == (
        inspected.id,
        inspected.name,
        inspected.labels,
        inspected.attachments,
    )


def test_events_are_understood(fleet):
    replica = fleet.Replica(number=1, host="h1")
    assert read_notice(replica.event("start")).meaning is Meaning.STARTED
    assert read_notice(replica.event("kill", signal="15")).signal == "15"
    assert read_notice(replica.network_event("disconnect")).container == replica.id


def test_the_engine_knows_a_container_by_id_and_by_name_and_a_network_likewise(module):
    engine = module("fake_engine").Engine(2, proxy_port=8080)
    replica = module("fleet").Replica(number=2, host="h2", proxy_port=8080)
    _, by_id = engine.answer("GET", f"/v1.41/containers/{replica.id}/json")
    _, by_name = engine.answer("GET", "/containers/h2_2/json")
    assert by_id == by_name
    assert by_id.endswith(replica.inspected())
    assert b'"easyhaproxy.http.port":"8080"' in by_id
    assert b'"Name": "bench"' in engine.answer("GET", "/networks/bench")[1]
    assert engine.answer("GET", "/networks/other")[1].startswith(b"HTTP/1.1 404 ")


@pytest.fixture
def contest(module, monkeypatch):
    """Answers of a proxy that serves each new container when it has been asked for it so often."""
    found = module("contest")
    monkeypatch.setattr(found, "SPACING", 0)
    monkeypatch.setattr(found, "COARSER", 0)
    asked = {}

    def answering(made, host):
        asked[host] = asked.get(host, 0) + 1
        waiting = [one for one in made.addresses if asked.get(one, 0) < made.patience]
        made.most_at_once = max(made.most_at_once, len(waiting))
        return made.addresses[host] if asked[host] == made.patience else ""

    monkeypatch.setattr(found, "_answering", answering)
    return found


def started(made, op, *, host):
    assert op == "start"
    number = made.addresses[host] = len(made.addresses) + 1
    made.addresses[host] = f"127.16.0.{number + 1}"
    return {"name": f"{host}_{number}", "at": time.monotonic_ns()}


def stack_whose_proxy_needs(requests):
    made = SimpleNamespace(addresses={}, patience=requests, most_at_once=0)
    made.control = SimpleNamespace(ask=lambda op, **arguments: started(made, op, **arguments))
    return made


def test_known_and_new_hosts_start_in_turn_and_each_is_asked_until_it_answers(contest):
    made = stack_whose_proxy_needs(3)
    reactions = contest._reactions(made, 2, listens=True)
    assert list(made.addresses) == ["h1", "new0", "h2", "new1"]
    assert all(0 < reaction.median <= reaction.worst < float("inf") for reaction in reactions)


@pytest.mark.parametrize(("listens", "at_once"), [(True, 1), (False, 4)])
def test_a_program_that_listens_has_each_start_for_itself_and_one_that_polls_does_not(contest, listens, at_once):
    made = stack_whose_proxy_needs(50)
    contest._reactions(made, 2, listens=listens)
    assert made.most_at_once == at_once


def test_after_a_while_nothing_more_is_started(contest, module, monkeypatch):
    monkeypatch.setattr(contest, "SLOWER", -1)
    known, new = contest._reactions(stack_whose_proxy_needs(1), 5, listens=True)
    assert (known.count, new.count) == (0, 0)
    assert module("report")._of(known) == "no time left"


def test_what_does_not_answer_in_time_is_never_taken_for_an_answer(contest, monkeypatch):
    monkeypatch.setattr(contest, "PATIENCE", 0)
    known, new = contest._reactions(stack_whose_proxy_needs(10**9), 1, listens=False)
    assert known.median == known.worst == new.worst == float("inf")


@pytest.mark.real
def test_the_family_of_a_process_is_all_that_it_started(module):
    gauges = module("gauges")
    script = "exec 3<&0; (read line <&3) & wait"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE) as parent:
        wait_for(lambda: len(gauges.family(parent.pid)) == 2, "the child")
        parent.communicate(b"go\n")
    assert gauges.family(parent.pid) == [parent.pid]


@pytest.mark.real
def test_every_driver_works_on_ten_containers(tmp_path):
    rows = tmp_path / "rows.json"
    argv = [sys.executable, str(BENCH / "run.py"), "--smoke", "--json", str(rows)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(rows.read_text())
    measured = {measure: figure for measure, _, figure, _ in result["rows"]}
    assert len(measured) == 25
    assert "did not come to an end" not in measured.values()
    assert measured["failed requests while 200 events/s churn"].startswith("0 of ")
    for table in ("contest", "traffic"):
        assert [(name, size) for name, size, _, _ in result[table]] == [("Interlock, with HAProxy", "10")]
    assert "failed" not in str(result["traffic"])
    assert len(result["targets"]) == 11
