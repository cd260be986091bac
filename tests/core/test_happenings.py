"""What happened, as values and as JSON."""

import msgspec

from interlock.core.happenings import AnyHappening, Cause, PlanApplied, ReloadDone
from interlock.core.model import Match, Options
from interlock.core.plan import AddServer, DrainServer
from interlock.testing.worlds import container, table_of

CAUSE = Cause(action="start", at=1.5, engine="docker", container="web_1", container_id="1" * 64)
MATCH = Match("demo.interlock.com")


def test_every_happening_survives_its_json():
    server = next(iter(table_of(container()).values())).backend.servers[0]
    steps = (AddServer(MATCH, server, Options()), DrainServer(MATCH, "web_2"))
    applied = PlanApplied(at=2.0, proxy="haproxy", causes=(CAUSE,), steps=steps, seconds=0.001)
    reloaded = ReloadDone(
        at=2.0, proxy="nginx", causes=(CAUSE,), reason="new site", seconds=0.1, refused=((MATCH, "no"),)
    )
    for happening in (applied, reloaded):
        text = msgspec.json.encode(happening)
        assert msgspec.json.decode(text)["kind"] == type(happening).__name__
        assert msgspec.json.decode(text, type=AnyHappening) == happening


def test_a_step_says_which_one_it_is():
    assert msgspec.to_builtins(DrainServer(MATCH, "web_2"))["step"] == "DrainServer"
