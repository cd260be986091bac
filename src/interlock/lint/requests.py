"""What the services ask for, by the same dialects that read a running container."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from interlock.compose import containers_of
from interlock.core.dialects import Reading, interlock_data, read
from interlock.core.dialects.near import UNKNOWN
from interlock.core.model import Container, RouteRequest
from interlock.core.overrides import SERVICE_LABEL
from interlock.core.problems import Severity
from interlock.lint.finding import Finding, Rule
from interlock.lint.source import ENVIRONMENT, LABELS, Source, Written

ENGINE = "compose"
"""Name of the engine that a file stands for."""

_LABEL = re.compile(r"label (\S+)", re.DOTALL)


class Asking(NamedTuple):
    """A service that asks for a route, well or badly."""

    source: Source
    written: Written
    container: Container
    """The first of those that Compose would make of it."""
    reading: Reading

    @property
    def requests(self) -> tuple[RouteRequest, ...]:
        return self.reading.requests

    @property
    def place(self) -> str:
        """For messages: ``service web (compose.yaml:12)``."""
        return f"service {self.written.service.name} ({self.source.name}:{self.written.line()})"

    def line_of(self, key: str) -> int:
        """Where the user's own word for something stands, as a problem's key has it."""
        if (label := _LABEL.match(key)) is not None:
            return self.written.place_of(LABELS, label[1])
        if key.startswith(interlock_data.NAME):
            return self.written.place_of(ENVIRONMENT, interlock_data.NAME)
        return self.written.line(key)

    def finding(
        self, rule: Rule, *, key: str, what: str, fix: str, value: object = "", severity: Severity = Severity.ERROR
    ) -> Finding:
        """About something that it asks for."""
        line = self.line_of(key)
        return self.source.finding(
            self.written, rule, line, key=key, value=value, what=what, fix=fix, severity=severity
        )


def askings(source: Source) -> list[Asking]:
    """Every service of a file that asks for something, with what it asks for."""
    first: dict[str, Container] = {}
    for each in containers_of(source.project, engine=ENGINE):
        first.setdefault(each.labels[SERVICE_LABEL], each)
    found = []
    for written in source.services:
        if (container := first.get(written.service.name)) is None:
            continue  # it is scaled to none
        reading = read(container)
        if reading.requests or reading.problems:
            found.append(Asking(source, written, container, reading))
    return found


def findings_in_requests(asking: Asking) -> Iterator[Finding]:
    """What Interlock would say of the container itself."""
    for problem in asking.reading.problems:
        rule = Rule.UNKNOWN_KEY if problem.what == UNKNOWN else Rule.REQUEST
        yield asking.finding(
            rule, key=problem.key, value=problem.value, what=problem.what, fix=problem.fix, severity=problem.severity
        )
