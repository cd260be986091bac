"""`interlock rollout`: what is typed reaches the rollout, and what comes of it the terminal."""

import contextlib
import json

import pytest

from interlock.cli import rollout as rollout_module
from interlock.cli.daemon import Daemon
from interlock.cli.rollout import LINES, _OverSocket
from interlock.core.problems import TemporaryError
from interlock.rollout.events import Event, NeverReadyError, RefusedError, Step

EVENTS = (
    Event(Step.CREATED, "shop_web_2", id="2" * 64, replaces="shop_web_1"),
    Event(Step.DRAINING, "shop_web_1\x1b[31m", id="1" * 64, sessions=3),
    Event(Step.DONE, "shop/web"),
)


@pytest.fixture
def rollouts(monkeypatch, daemon):
    """Stands in for the rollout itself: keeps what was wanted, tells EVENTS, ends as the test says."""
    seen = []

    @contextlib.asynccontextmanager
    async def connect(address):
        seen.append(address.url)
        yield "client"

    async def roll_out(client, traffic, wanted, tell):
        assert client == "client"
        assert (await traffic.look("1" * 64)).name == "web_1"
        seen.append(wanted)
        for event in EVENTS:
            tell(event)
        if len(seen) > 2:
            raise seen[0]

    monkeypatch.setattr(rollout_module.DeployClient, "connect", connect)
    monkeypatch.setattr(rollout_module, "roll_out", roll_out)
    return seen


def test_what_is_typed_is_what_is_wanted(run, rollouts):
    line = "-s unix:///d.sock rollout web --project shop --image web:2 --max-surge 3 --timeout 2m"
    assert run(*line.split())[0] == 0
    url, wanted = rollouts
    assert url == "unix:///d.sock"
    assert (wanted.service, wanted.project, wanted.image, wanted.surge, wanted.timeout) == (
        "web",
        "shop",
        "web:2",
        3,
        120,
    )


def test_without_options_it_is_one_after_the_other_within_a_minute(run, rollouts):
    assert run("rollout", "web")[0] == 0
    assert (rollouts[1].project, rollouts[1].image, rollouts[1].surge, rollouts[1].timeout) == ("", "", 1, 60)


def test_people_get_lines(run, rollouts):
    assert run("rollout", "web")[1].splitlines() == [
        "shop_web_2: created, to replace shop_web_1",
        "shop_web_1\\x1b[31m: out of rotation, 3 requests under way",
        "shop/web: done",
    ]


def test_every_step_has_its_line():
    assert LINES.keys() == set(Step)


def test_programs_get_an_event_a_line(run, rollouts):
    events = [json.loads(line) for line in run("rollout", "web", "--json")[1].splitlines()]
    assert [event["event"] for event in events] == ["created", "draining", "done"]
    assert events[0] == {"event": "created", "container": "shop_web_2", "id": "2" * 64, "replaces": "shop_web_1"}
    assert events[1]["sessions"] == 3


def test_a_new_one_that_never_got_ready_has_an_exit_code_and_its_last_lines(run, rollouts):
    rollouts.append(NeverReadyError("it exited with code 3", fix="mend that", log=("cannot open database",)))
    code, _, err = run("rollout", "web")
    assert code == 4
    assert err == "interlock: it exited with code 3\nfix: mend that\n  | cannot open database\n"
    rollouts[1:] = []
    code, out, err = run("rollout", "web", "--json")
    assert (code, err, len(out.splitlines())) == (4, "", 3)


@pytest.mark.parametrize(
    ("error", "code"),
    [(RefusedError("fixed host port", fix="publish another"), 2), (TemporaryError("fixed host port", fix="wait"), 1)],
)
def test_what_was_wrong_with_it_is_told(run, rollouts, error, code):
    rollouts.append(error)
    assert run("rollout", "web")[0] == code


def test_an_interlock_that_does_not_run_is_told_of_before_the_engine_is_asked(run, rollouts, monkeypatch):
    monkeypatch.setenv("INTERLOCK_RUN_DIR", "/nowhere")
    code, _, err = run("rollout", "web")
    assert (code, rollouts) == (1, [])
    assert "nobody answers on /nowhere/interlock.sock" in err


@pytest.mark.parametrize("line", ["rollout", "rollout web --max-surge 0", "rollout web --timeout soon"])
def test_what_makes_no_sense_is_refused(run, rollouts, line):
    assert run(*line.split())[0] == 2
    assert rollouts == []


async def test_the_running_interlock_is_asked_and_ordered_over_its_socket(daemon):
    traffic = _OverSocket(Daemon(daemon.path))
    assert (await traffic.look("1" * 64)).name == "web_1"
    daemon.under_way = [None]
    assert await traffic.look("1" * 64) is None
    await traffic.drain("1" * 64)
    await traffic.undrain("1" * 64)
    assert [order[0] for order in daemon.orders] == ["look", "look", "drain", "undrain"]
