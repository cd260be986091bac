"""Recordings as text: what goes in comes out, and what is none is refused."""

import pytest

from interlock.core.events import GivenUp, Held, Lost, Probed, Recovered, Stopping, Survived, Vanished
from interlock.core.model import Maintenance
from interlock.core.overrides import Overrides
from interlock.core.problems import PermanentError
from interlock.core.recording import FORMAT, Ending, Opening, Ordered, Turn, read, written
from interlock.testing.worlds import ENGINE, changed, container, listed, placed

KEY = container().key
OPENING = Opening(format=FORMAT, version="9.9", at=1.0, engines=(ENGINE,))
LINES = [
    OPENING,
    Ordered(at=1.0, orders=Overrides(drained=frozenset({KEY}), maintenance={"a.com": Maintenance("Später")})),
    Turn(
        at=1.5,
        settled_before="2026-01-01T00:00:00Z",
        events=(
            placed(own_networks=frozenset({"n-1"})),
            listed(container(), container("web_2", number=2)),
            changed(container()),
            Stopping(KEY, "kill", 12.5),
            Survived(KEY),
            Probed(KEY, "10.0.0.1:80", "x"),
            Vanished(KEY, "destroy"),
            Lost(ENGINE, "gone"),
            GivenUp(ENGINE, 300.0),
            GivenUp(ENGINE, 300.0, ("a" * 64,)),
            Recovered(ENGINE, "Docker"),
        ),
    ),
    Ending(at=2.0, why="it has reached its size"),
]


def text(lines=LINES):
    return [written(line) for line in lines]


def test_what_was_recorded_is_what_is_read():
    assert list(read(text())) == LINES
    assert all(line.count(b"\n") == 1 for line in text())


def test_every_kind_of_event_can_be_recorded():
    told = {type(event) for event in LINES[2].events}
    assert told | {Held} == set(Turn.__annotations__["events"].__args__[0].__args__)


def test_empty_lines_say_nothing():
    assert list(read([b"\n", *text(), b"\n"])) == LINES


def test_of_a_recording_that_breaks_off_what_came_before_is_read():
    lines = text()
    assert list(read([*lines[:2], lines[2][:40]])) == LINES[:2]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([b"rubbish\n"], "line 1 is damaged"),
        ([b"rubbish"], "line 1 is damaged"),
        ([*text()[:1], b"rubbish\n", *text()[2:]], "line 2 is damaged"),
        (
            [*text()[:2], b'{"line":"orders","at":1,"orders":{"weights":[{"engine":"e","id":"1","weight":999}]}}\n'],
            "999",
        ),
        (text()[1:], "no recording"),
        ([*text(), *text()], "no recording"),
        ([written(Opening(format=FORMAT + 1, version="9.9", at=1.0, engines=()))], "Interlock 9.9, in another form"),
    ],
)
def test_what_is_no_recording_is_refused(lines, what):
    with pytest.raises(PermanentError, match=what):
        list(read(lines))
