"""A proxy is tried until it runs, and what only the operator can mend is told."""

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.plugins import starting


class Proxy:
    def __init__(self, *faults):
        self.faults = list(faults)

    async def prepare(self):
        if self.faults:
            raise self.faults.pop(0)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(starting, "FIRST_PAUSE", 0.001)


async def start(proxy):
    told, failures = [], []
    await starting.started(
        proxy, "paper", lambda source, problems: told.append((source, list(problems))), failures.append
    )
    return told, failures


async def test_what_passes_is_waited_for_and_no_problem():
    faults = [TemporaryError("busy"), TemporaryError("busy")]
    assert await start(Proxy(*faults)) == ([("start of paper", [])], faults)


async def test_what_only_the_operator_can_mend_is_a_problem_until_it_is_mended():
    fault = PermanentError("port 80 is taken", fix="choose another")
    (first, last), failures = await start(Proxy(fault))
    (problem,) = first[1]
    assert (problem.key, problem.what, problem.fix) == (
        "plugin paper",
        "it cannot run: port 80 is taken",
        "choose another",
    )
    assert last == ("start of paper", [])
    assert failures == [fault]
