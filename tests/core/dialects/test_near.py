import pytest

from interlock.core.dialects.draft import Draft
from interlock.core.dialects.near import REPORT_LIMIT, report_unknown
from interlock.core.problems import Severity

KNOWN = ("hostname", "port", "websocket_endpoints")


@pytest.fixture
def reported(container):
    """Reports unknown keys, and gives the problems that come of it."""

    def report(*unknown):
        draft = Draft(container(), "dialect")
        report_unknown(draft, dict.fromkeys(unknown, "value"), KNOWN, before="key ")
        return draft.problems

    return report


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("hostnam", "write hostname, or remove it"),
        ("HOSTNAME", "write hostname, or remove it"),
        ("websockets_endpoint", "write websocket_endpoints, or remove it"),
        ("xyzzy", "remove it"),
        ("", "remove it"),
    ],
)
def test_a_key_that_resembles_one_is_told_which(reported, key, fix):
    (problem,) = reported(key)

    assert problem.key == f"key {key}"
    assert problem.fix == fix
    assert problem.severity is Severity.WARNING


def test_the_key_is_shown_escaped_and_short(reported):
    (problem,) = reported("\n" + "x" * 100_000)

    assert problem.key.isprintable()
    assert len(problem.key) < 200


def test_as_many_as_the_limit_are_told_one_by_one_and_the_rest_is_counted(reported):
    at_the_limit = [f"k{number}" for number in range(REPORT_LIMIT)]

    assert len(reported(*at_the_limit)) == REPORT_LIMIT
    rest = reported(*at_the_limit, "one", "two")[-1]
    assert rest.key == "key"
    assert rest.what == "has 2 more keys that Interlock does not know"
