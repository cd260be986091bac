"""The bench does not rot: its containers read as an engine's do, and every driver works on ten of them. No times."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES, read
from interlock.engines.containers import Kept, inspected_container, listed_container
from interlock.engines.documents import decode_entry, decode_inspected
from interlock.engines.notices import Meaning, read_notice

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


@pytest.mark.real
def test_every_driver_works_on_ten_containers(tmp_path):
    rows = tmp_path / "rows.json"
    argv = [sys.executable, str(BENCH / "run.py"), "--smoke", "--json", str(rows)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(rows.read_text())
    measured = {measure: figure for measure, _, figure, _ in result["rows"]}
    assert len(measured) == 17
    assert "did not come to an end" not in measured.values()
    assert measured["failed requests while 200 events/s churn"].startswith("0 of ")
    assert [(name, size) for name, size, _, _ in result["contest"]] == [("Interlock, with HAProxy", "10")]
    assert len(result["targets"]) == 9
