import msgspec
import pytest

from interlock.core.model import Phase
from interlock.engines.census import Census, Record, Verdict, least_uptime
from interlock.engines.containers import inspected_container
from interlock.engines.documents import decode_entries, decode_inspected

UP = "3b7c84d199f43356c1db5f84936e8889ee4e22437312c230ea2e4bdc50946562"


@pytest.fixture
def census(kept):
    return Census(engine="e", kept=kept)


@pytest.fixture
def known(census, recording, kept):
    """Puts an inspected container into the census, and gives the list entry that goes with it."""

    def know(inspected, listed):
        container = inspected_container(decode_inspected(recording(inspected)), engine="e", kept=kept)
        census.record(container.id).container = container
        return next(one for one in decode_entries(recording(listed)) if one.Id == container.id)

    return know


@pytest.mark.parametrize("engine", ["engine", "engine29"])
@pytest.mark.parametrize("state", ["healthy", "unhealthy", "multi_ports", "paused", "shared_netns"])
def test_a_list_that_tells_what_an_inspect_told_asks_for_nothing(census, known, engine, state):
    entry = known(f"{engine}/inspect_{state}.json", f"{engine}/list_{state}.json")
    assert census.compare(entry, gap=None) is Verdict.SAME


@pytest.mark.parametrize(
    ("inspected", "listed"),
    [
        ("engine/inspect_stopped.json", "engine/list_all_stopped.json"),
        ("engine29/inspect_stopped.json", "engine29/list_all_stopped.json"),
        ("podman/inspect.json", "podman/list.json"),
        ("classic_swarm/inspect_dockchat_web_1.json", "classic_swarm/containers_json_all_v1.41.json"),
        ("classic_swarm/inspect_dockchat_db_1.json", "classic_swarm/containers_json_all_v1.41.json"),
    ],
)
def test_nor_does_the_list_of_another_engine_or_of_one_that_stopped(census, known, inspected, listed):
    assert census.compare(known(inspected, listed), gap=None) is Verdict.SAME


@pytest.mark.parametrize(
    "changed",
    [
        {"Names": ["/other"]},
        {"State": "exited", "Status": "Exited (0) 1 second ago"},
        {"State": "paused", "Status": "Up 3 seconds (Paused)"},
        {"Status": "Up 3 seconds (unhealthy)"},
        {"Labels": {"interlock.hostname": "another"}},
        {"NetworkSettings": None},
        {"Ports": []},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_matters_to_routing_asks_for_an_inspect(census, known, changed):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    assert census.compare(msgspec.structs.replace(entry, **changed), gap=None) is Verdict.LOOK


def test_the_order_of_ports_and_the_passing_of_time_do_not(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    entry = msgspec.structs.replace(entry, Ports=entry.Ports[::-1], Status="Up 3 weeks (healthy)")
    assert census.compare(entry, gap=None) is Verdict.SAME


def test_who_is_new_or_in_doubt_is_looked_at(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    census.record(entry.Id).is_in_doubt = True
    assert census.compare(entry, gap=None) is Verdict.LOOK
    census.forget(entry.Id)
    assert census.compare(entry, gap=None) is Verdict.LOOK
    census.record(entry.Id)
    assert census.compare(entry, gap=None) is Verdict.LOOK


def test_a_difference_that_an_inspect_has_looked_into_is_no_news(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    odd = msgspec.structs.replace(entry, Ports=[])
    assert census.compare(odd, gap=None) is Verdict.LOOK
    census.agree(odd)
    assert census.compare(odd, gap=None) is Verdict.SAME
    assert census.compare(msgspec.structs.replace(entry, Names=["/new"]), gap=None) is Verdict.LOOK


def test_agreeing_on_somebody_unknown_does_nothing(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    census.forget(entry.Id)
    census.agree(entry)
    assert len(census) == 0


def test_after_a_gap_only_who_ran_through_it_is_the_same(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    young = msgspec.structs.replace(entry, Status="Up 5 seconds (healthy)")
    old = msgspec.structs.replace(entry, Status="Up 5 minutes (healthy)")
    assert census.compare(young, gap=10) is Verdict.LOOK
    assert census.compare(old, gap=10) is Verdict.SAME
    assert census.compare(old, gap=1000) is Verdict.LOOK


def test_who_does_not_run_cannot_have_been_restarted(census, known):
    entry = known("engine/inspect_stopped.json", "engine/list_all_stopped.json")
    assert census.compare(entry, gap=1000) is Verdict.SAME


def test_whose_node_is_lost_cannot_be_asked(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    assert census.compare(msgspec.structs.replace(entry, Status="Host Down"), gap=None) is Verdict.LOST


@pytest.mark.parametrize(
    ("status", "at_least"),
    [
        ("Up Less than a second", 0),
        ("Up 1 second", 1),
        ("Up 59 seconds (health: starting)", 59),
        ("Up About a minute", 42),
        ("Up 2 minutes", 84),
        ("Up About an hour", 2520),
        ("Up 2 hours (Paused)", 5040),
        ("Up 3 days", 181440),
        ("Up 2 weeks", 846720),
        ("Up 5 months", 9072000),
        ("Up 2 years", 44150400),
        ("Exited (0) 2 years ago", 0),
        ("Up somehow", 0),
        ("", 0),
    ],
)
def test_a_status_tells_how_long_a_container_has_run_at_least(status, at_least):
    assert least_uptime(status) == pytest.approx(at_least)


def test_counting_who_runs_leaves_out_who_was_told_to_end(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    assert census.running == 1
    census.record(entry.Id).is_ending = True
    assert census.running == 0
    assert len(census.containers()) == 1


def test_the_end_of_a_run_does_not_concern_the_next_one(census, known):
    entry = known("engine/inspect_healthy.json", "engine/list_healthy.json")
    container = census.record(entry.Id).container
    record = Record(container=container, is_ending=True, ending_run=container.started_at)
    assert record.ends_with(container)
    assert not record.ends_with(msgspec.structs.replace(container, started_at="2027-01-01T00:00:00.000000000Z"))
    assert not record.ends_with(msgspec.structs.replace(container, phase=Phase.EXITED))
    assert Record(is_ending=True).ends_with(container)


def test_containers_are_told_in_the_order_of_their_ids(census, known):
    known("engine/inspect_multi_ports.json", "engine/list_multi_ports.json")
    known("engine/inspect_healthy.json", "engine/list_healthy.json")
    census.record("ffff")
    assert [one.id[:4] for one in census.containers()] == ["00f5", "3b7c"]
