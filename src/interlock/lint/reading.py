"""What Compose would not take as it is meant, as far as it is Interlock's business."""

import re
from collections.abc import Collection, Iterator

from interlock.compose.interpolation import NOT_SET, REFUSED
from interlock.core.dialects import LABEL_PREFIXES, interlock_data
from interlock.core.problems import Problem, Severity
from interlock.lint.finding import Finding, Rule
from interlock.lint.source import ENVIRONMENT, LABELS, Source, Written

_PLACE = re.compile(r"(?P<file>.*?)(?::(?P<line>\d+))?: (?P<path>.*)", re.DOTALL)
"""Key of a project's problem: ``compose.yaml:12: services.web.ports``."""


def findings_in_reading(source: Source, asking: Collection[str]) -> Iterator[Finding]:
    """The problems of the file, and of the services that `asking` names: those that ask for a route.

    Of others only what Compose refuses the whole file for. A variable that is not set may well be a password, which is
    none of our business: such a one is told where it is about a route.
    """
    by_path = {".".join(written.path): written for written in source.services}
    for problem in source.project.problems:
        found = _PLACE.fullmatch(problem.key)
        path, line = (found["path"], int(found["line"] or 0)) if found is not None else (problem.key, 0)
        service = next((start for start in by_path if path.startswith(f"{start}.")), "")
        if not service:
            yield _finding(source, None, problem, path, line)
            continue
        written, path = by_path[service], path.removeprefix(f"{service}.")
        section, _, name = path.partition(".")
        if section in {LABELS, ENVIRONMENT} and NOT_SET in problem.what:
            line = written.line(section, name)
            is_told = _is_ours(written, section, name)
        else:
            is_told = written.service.name in asking or REFUSED in problem.what
        if is_told:
            yield _finding(source, written, problem, path, line)


def _finding(source: Source, written: Written | None, problem: Problem, path: str, line: int) -> Finding:
    return source.finding(
        written,
        Rule.COMPOSE,
        line,
        key=path,
        value=problem.value,
        what=problem.what,
        fix=problem.fix,
        severity=Severity.ERROR if REFUSED in problem.what else problem.severity,
    )


def _is_ours(written: Written, section: str, name: str) -> bool:
    """Whether a label or variable is for Interlock; `name` is its name, or its number in a list."""
    whose = next((e.name for e in written.entries(section) if e.in_list and str(e.number) == name), name)
    return whose.lower().startswith((*LABEL_PREFIXES, interlock_data.NAME.lower()))
