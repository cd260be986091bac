import pytest

from interlock.core.dialects import read
from interlock.core.model import Container, RouteRequest
from interlock.core.problems import Problem, Severity

ID = "0123456789abcdef" * 4


@pytest.fixture
def container():
    """Makes a container out of the text of INTERLOCK_DATA (None for no such variable) and labels."""

    def make(data: str | None = None, **fields: object) -> Container:
        environment = {} if data is None else {"INTERLOCK_DATA": data}
        return Container(**{"engine": "local", "id": ID, "name": "web_1", "environment": environment} | fields)

    return make


@pytest.fixture
def routed(container):
    """Reads a container that must get exactly one request and, unless asked for, no problem."""

    def one(data: str | None = None, *, problems: int = 0, **fields: object) -> RouteRequest:
        reading = read(container(data, **fields))
        assert len(reading.requests) == 1, reading.problems
        assert len(reading.problems) == problems, reading.problems
        assert all(problem.severity is Severity.WARNING for problem in reading.problems)
        return reading.requests[0]

    return one


@pytest.fixture
def refused(container):
    """Reads a container that must get no request and exactly one problem."""

    def one(data: str | None = None, **fields: object) -> Problem:
        reading = read(container(data, **fields))
        assert reading.requests == ()
        assert len(reading.problems) == 1, reading.problems
        return reading.problems[0]

    return one


@pytest.fixture
def warned(container):
    """Reads a container that must get one request and exactly one problem, a warning."""

    def one(data: str | None = None, **fields: object) -> Problem:
        reading = read(container(data, **fields))
        assert len(reading.requests) == 1
        assert [problem.severity for problem in reading.problems] == [Severity.WARNING], reading.problems
        return reading.problems[0]

    return one
