"""A Compose file under examination: what it says, and where each of its words stands."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from interlock.compose import Project, Service, read_project
from interlock.compose.document import Path as YamlPath
from interlock.compose.document import read_document
from interlock.core.problems import Severity, shown
from interlock.lint.finding import Finding, Rule

LABELS, ENVIRONMENT = "labels", "environment"


class Entry(NamedTuple):
    """One label or variable, as it is written."""

    name: str
    value: Any
    """As YAML has it; a list's item that became a mapping is that mapping."""
    line: int
    in_list: bool
    number: int = 0
    """Of a list's item, from 0."""


class Written(NamedTuple):
    """One service, as it is written in its own file."""

    service: Service
    table: Mapping[str, Any]
    path: YamlPath
    lines: Mapping[YamlPath, int]

    def line(self, *keys: str) -> int:
        """Of the deepest of these keys that the file has: what a service takes over from another is not in it."""
        path = (*self.path, *keys)
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 0)

    def entries(self, *section: str) -> Iterator[Entry]:
        """What stands below ``labels`` (or ``deploy``, ``labels``) or ``environment``, a list or a mapping."""
        found: Any = self.table
        for key in section:
            found = found.get(key) if isinstance(found, dict) else None
        for number, item in enumerate(found if isinstance(found, list) else ()):
            name, equals, value = str(next(iter(item), "") if isinstance(item, dict) else item).partition("=")
            whole = item if isinstance(item, dict | list) else value if equals else None
            yield Entry(name, whole, self.line(*section, str(number)), in_list=True, number=number)
        for name, value in (found if isinstance(found, dict) else {}).items():
            yield Entry(name, value, self.line(*section, name), in_list=False)

    def place_of(self, section: str, name: str) -> int:
        """Line of one label or variable; the service's own where it stands elsewhere."""
        return next((entry.line for entry in self.entries(section) if entry.name.strip() == name), self.line())


class Source(msgspec.Struct, frozen=True):
    """One file."""

    name: str
    """As it was given."""
    project: Project
    services: tuple[Written, ...]

    def finding(
        self,
        written: Written | None,
        rule: Rule,
        line: int,
        *,
        key: str,
        value: object = "",
        what: str,
        fix: str,
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        return Finding(
            file=shown(self.name, length=500),
            line=line,
            rule=rule,
            severity=severity,
            service=written.service.name if written is not None else "",
            key=key,
            value=shown(value) if value != "" else "",
            what=what,
            fix=fix,
        )


def read_source(name: str, text: str, environ: Mapping[str, str]) -> Source:
    """Read a file that was given as `name`. Raises PermanentError where it is no Compose file."""
    project = read_project(Path(name), environ, text=text)
    top = read_document(text).value
    where = () if project.legacy else ("services",)
    tables = {shown(key): (key, table) for key, table in (top if project.legacy else top["services"]).items()}
    services = []
    for service in project.services:
        key, table = tables[service.name]
        services.append(Written(service, table, (*where, key), project.lines))
    return Source(name, project, tuple(services))
