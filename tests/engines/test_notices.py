import json
from collections import Counter
from pathlib import Path

import pytest

from interlock.engines.notices import FILTERS, Meaning, Notice, read_notice
from interlock.engines.stream import ObjectSplitter

ID = "ab" * 32
RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"


def notices(name):
    found = ObjectSplitter().feed((RECORDINGS / name).read_bytes())
    return [notice for notice in map(read_notice, found) if notice is not None]


def read(**event):
    return read_notice(json.dumps(event).encode())


def test_an_event_of_engine_20_is_understood():
    start = next(one for one in notices("engine/events_cli_lifecycle.jsonl") if one.meaning is Meaning.STARTED)
    assert start == Notice(
        meaning=Meaning.STARTED,
        action="start",
        container="3b7c84d199f43356c1db5f84936e8889ee4e22437312c230ea2e4bdc50946562",
        image="testbed/web:1",
        time=1795508689,
        at=1795508689.4657884,
    )


@pytest.mark.parametrize(
    "name", ["events_cli_lifecycle.jsonl", "events_cli_lifecycle_api1.51.jsonl"], ids=["without legacy fields", "with"]
)
def test_events_of_engine_29_mean_the_same_with_and_without_legacy_fields(name):
    found = notices(f"engine29/{name}")
    assert Counter(one.meaning for one in found) == {
        Meaning.CREATED: 11,
        Meaning.STARTED: 15,
        Meaning.SIGNALLED: 11,
        Meaning.DIED: 15,
        Meaning.STOPPED: 2,
        Meaning.CHANGED: 7,
        Meaning.REWIRED: 36,
        Meaning.REMOVED: 11,
    }
    assert all(len(one.container) == 64 for one in found)
    assert all(one.image for one in found if one.meaning is Meaning.STARTED)


def test_a_kill_tells_its_signal():
    signals = [one.signal for one in notices("engine/events_cli_lifecycle.jsonl") if one.action == "kill"]
    assert signals[:3] == ["1", "15", "9"]


def test_classic_swarm_names_the_node_behind_the_image_and_speaks_of_its_nodes():
    found = notices("classic_swarm/events.json")
    assert {one.action for one in found if one.meaning is Meaning.NODES_CHANGED} == {
        "engine_disconnect",
        "engine_reconnect",
    }
    assert all(" node:cls-n" in one.image for one in found)


def test_podman_calls_a_removal_by_its_own_name_and_a_network_by_the_container():
    found = notices("podman/events_compat.jsonl")
    assert Counter(one.meaning for one in found)[Meaning.REMOVED] == 7
    rewired = [one.container for one in found if one.meaning is Meaning.REWIRED]
    assert rewired == ["b3e405adaf740c20dca5b3fac786a297e36a2f9162e66a5a94fcd1fefcd78045"] * 2


def test_docker_names_the_container_of_a_network_among_the_attributes():
    notice = read(Type="network", Action="connect", Actor={"ID": "net", "Attributes": {"container": ID}})
    assert (notice.meaning, notice.container) == (Meaning.REWIRED, ID)


def test_an_engine_before_1_10_tells_only_status_and_id():
    notice = read(status="die", id=ID, time=5, **{"from": "web:1"})
    assert notice == Notice(meaning=Meaning.DIED, action="die", container=ID, image="web:1", time=5, at=5)


def test_what_follows_the_colon_of_an_action_is_left_to_the_inspect():
    assert read(Type="container", Action="health_status: healthy", Actor={"ID": ID}).action == "health_status"


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "container", "Action": "exec_start: /bin/sh -c start", "Actor": {"ID": ID}},
        {"status": "exec_die", "id": ID, "Type": "container", "Action": "exec_die", "Actor": {"ID": ID}},
        {"Action": "exec_create: x", "Type": "container", "Actor": {"ID": ID}},
        {"Type": "image", "Action": "start", "Actor": {"ID": ID}},
        {"Type": "volume", "Action": "destroy", "Actor": {"ID": "v"}},
        {"Type": "container", "Action": "top", "Actor": {"ID": ID}},
        {"Type": "container", "Action": "restart", "Actor": {"ID": ID}},
        {"Type": "no such type", "Action": "no such action"},
        {"Type": "container", "Action": "start"},
        {"Type": "container", "Action": "start", "Actor": None},
        {"Type": "network", "Action": "connect", "Actor": {"Attributes": None}},
        {},
    ],
)
def test_what_does_not_matter_is_no_notice(event):
    assert read(**event) is None


@pytest.mark.parametrize(
    "data", [b"{", b"nothing", b'{"Type":5}', b'{"time":1e999}', b'{"Actor":[]}', b'{"a":' * 100000, b'{"time":NaN}']
)
def test_what_is_no_event_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        read_notice(data)


@pytest.mark.parametrize("odd", [b"\xff", b"\\ud800", b"\xc3"])
def test_text_that_is_no_unicode_does_not_hide_an_event(odd):
    data = b'{"Type":"container","Action":"start","Actor":{"ID":"%s","Attributes":{"image":"a%s"}}}'
    notice = read_notice(data % (ID.encode(), odd))
    assert (notice.meaning, notice.container) == (Meaning.STARTED, ID)


def test_the_filter_asks_for_every_event_that_means_something_and_for_no_exec():
    asked = FILTERS["event"]
    for name in ("engine/events_cli_lifecycle.jsonl", "podman/events_compat.jsonl"):
        assert {one.action for one in notices(name)} <= set(asked)
    assert not [action for action in asked if action.startswith("exec")]
    assert FILTERS["type"] == ["container", "network"]
