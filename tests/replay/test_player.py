"""A recording drives the whole program, and gives the same revisions each time."""

import msgspec

from interlock.core.events import Probed, Recovered, Stopping, Vanished
from interlock.core.holds import frozen
from interlock.core.model import Maintenance, Match, ServerState
from interlock.core.overrides import Overrides
from interlock.core.recording import FORMAT, Ending, Opening, Ordered, Turn
from interlock.core.revision_status import revision_status
from interlock.core.revisions import Outcome
from interlock.replay.player import play
from interlock.testing.worlds import ENGINE, changed, container, listed, placed, table_of

OPENING = Opening(format=FORMAT, version="9.9", at=100.0, engines=(ENGINE,))
DEMO = Match("demo.interlock.com")
LATE = {"started_at": "2026-07-01T00:00:00Z"}
OTHER = '{"hostname":"other","domain":"interlock.com"}'


def turn(at, *events):
    return Turn(at=at, settled_before="2026-06-01T00:00:00Z", events=events)


def orders(at, **given):
    return Ordered(at=at, orders=Overrides(**given))


ONE, TWO = container("web_1"), container("web_2", number=2, **LATE)
WALK = [
    OPENING,
    orders(100.0),
    turn(100.0, Recovered(ENGINE, "Docker"), placed(), listed(ONE)),
    turn(101.0, changed(TWO)),
    turn(102.0, Probed(TWO.key, "172.17.0.3:5000", TWO.started_at)),
    turn(103.0, Stopping(ONE.key, "kill", 102.75)),
    turn(104.0, Vanished(ONE.key, "destroy", 104.0), changed(container("o", OTHER, number=3))),
    orders(105.0, maintenance={DEMO.host: Maintenance("Later")}),
    orders(106.0),
]


def told(replay):
    return [
        (each.at, each.outcome.value, [cause.action for cause in each.causes], [step.step for step in each.steps])
        for each in replay.ledger.revisions
    ]


async def test_every_turn_and_order_becomes_what_it_became():
    replay = await play(WALK)
    assert told(replay) == [
        (100.0, "reloaded", ["list", "list"], ["Reload"]),
        (102.0, "applied", ["probe"], ["AddServer"]),
        (103.0, "applied", ["kill"], ["DrainServer"]),
        (104.0, "applied", ["destroy", ""], ["RemoveServer"]),
        (104.0, "reloaded", ["destroy", ""], ["Reload"]),
        (105.0, "applied", ["order"], ["CloseRoute"]),
        (106.0, "applied", ["order"], ["AddRoute"]),
    ]
    assert (replay.turns, replay.ending) == (5, "")
    assert [route.match.host for route in replay.table] == ["demo.interlock.com", "other.interlock.com"]


async def test_the_same_recording_gives_the_same_revisions_byte_for_byte():
    first, second = [
        b"\n".join(msgspec.json.encode(revision_status(each)) for each in (await play(WALK)).ledger.revisions)
        for _ in range(2)
    ]
    assert first == second
    assert b'"seconds":0.0' in first, "nothing is measured"


async def test_causes_have_the_time_of_the_engine_or_of_the_recording():
    replay = await play(WALK)
    assert [cause.at for cause in replay.ledger.get(1).causes] == [100.0, 100.0]
    assert [cause.at for cause in replay.ledger.get(3).causes] == [102.75]


async def test_nobody_is_probed_and_a_server_waits_for_the_answer_that_was_recorded():
    replay = await play(WALK[:4])
    (route,) = replay.table
    assert [server.state for server in route.backend.servers] == [ServerState.READY, ServerState.PROBING]


async def test_orders_that_hold_routes_are_played_too():
    freeze = frozen(table_of(ONE), "")
    replay = await play([*WALK[:3], orders(101.0, freeze=freeze), *WALK[3:7], orders(105.0)])
    assert [(len(each.changes), each.causes[0].action) for each in replay.ledger.revisions][-1] == (1, "order")
    assert replay.ledger.revisions[-1].outcome is Outcome.RELOADED
    assert len(replay.table) == 2


async def test_an_engine_that_was_not_waited_for_any_more_is_not_waited_for():
    two = Opening(format=FORMAT, version="9.9", at=100.0, engines=(ENGINE, "late"))
    assert len((await play([two, *WALK[1:3]])).ledger.revisions) == 1
    waiting = Opening(format=FORMAT, version="9.9", at=100.0, engines=(ENGINE, "late"), awaited=("late",))
    assert len((await play([waiting, *WALK[1:3]])).ledger.revisions) == 0


async def test_why_it_ended_by_itself_is_told():
    assert (await play([*WALK, Ending(at=107.0, why="it has reached its size")])).ending == "it has reached its size"
