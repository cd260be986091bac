"""Events made anew: Interlock understands the same, and nothing else is told."""

import json
from pathlib import Path

import pytest

from interlock.agent.telling import retold
from interlock.engines.notices import read_notice
from interlock.engines.stream import ObjectSplitter

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
SECRET = "pa55word"
ID = "ab" * 32


def event(kind, action, **more):
    attributes = {"image": "web:1", "name": "web", "secret": SECRET, **more.pop("attributes", {})}
    document = {"Type": kind, "Action": action, "Actor": {"ID": ID, "Attributes": attributes}, "time": 7, "timeNano": 7}
    return json.dumps(document | more).encode()


@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.glob("*/events*")), ids=lambda path: str(path.relative_to(RECORDINGS))
)
def test_interlock_understands_the_same_through_the_agent(path):
    found = ObjectSplitter().feed(path.read_bytes())
    told = ObjectSplitter().feed(b"".join(filter(None, map(retold, found))))
    direct = [notice for notice in map(read_notice, found) if notice is not None]
    assert len(direct) > 5
    assert [notice for notice in map(read_notice, told) if notice is not None] == direct


@pytest.mark.parametrize("action", ["start", "die", "kill", "health_status: healthy", "destroy", "rename"])
def test_no_attribute_is_told_that_interlock_does_not_read(action):
    told = retold(event("container", action, status=action, id=ID, node={"Name": SECRET}, labels=SECRET))
    assert SECRET.encode() not in told
    assert told.endswith(b"}\n")
    assert json.loads(told)["Action"] == action
    assert set(json.loads(told)["Actor"]["Attributes"]) == {"container", "image", "signal"}


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("container", f"exec_create: psql --password {SECRET}"),
        ("container", f"exec_start: {SECRET}"),
        ("container", "exec_die"),
        ("container", "top"),
        ("container", "attach"),
        ("container", "commit"),
        ("image", "pull"),
        ("volume", "mount"),
        ("secret", "create"),
        ("config", "create"),
        ("plugin", "enable"),
        ("daemon", "reload"),
        ("network", "create"),
        ("service", "other"),
        ("builder", "prune"),
    ],
)
def test_other_events_are_not_told(kind, action):
    assert retold(event(kind, action)) is None
    assert retold(event(kind, action, extra=1, **{"from": "x"})) is None


def test_what_follows_an_action_is_not_told_unless_it_is_a_health():
    assert json.loads(retold(event("container", f"start: {SECRET}")))["Action"] == "start"
    assert json.loads(retold(event("container", f"health_status: {SECRET}")))["Action"] == "health_status"


@pytest.mark.parametrize(("kind", "action"), [("service", "update"), ("node", "update"), ("service", "create")])
def test_a_manager_tells_that_there_is_something_new(kind, action):
    told = retold(event(kind, action, scope="swarm"))
    assert SECRET.encode() not in told
    assert json.loads(told)["Actor"]["ID"] == ID


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"Type":1}', b"{}", b"\xff"])
def test_what_is_no_event_is_not_told(data):
    assert retold(data) is None
