"""How labels and variables are written: what YAML or Compose makes something else of than is meant."""

import json
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES, interlock_labels
from interlock.core.problems import Severity, shown
from interlock.lint.finding import Finding, Rule
from interlock.lint.source import ENVIRONMENT, LABELS, Entry, Source, Written

KNOWN_LABELS = tuple(f"{interlock_labels.PREFIX}{name}" for name in interlock_labels.KEYS)
COMPARED_LENGTH = 64
"""Characters of a foreign name that are compared."""
ALIKE = 0.85
"""How alike a name has to be to count as misspelt: ``interlock_data`` and ``INTERLOCK-DATA`` are."""

_WORD = re.compile(r"(?P<word>interlocks?|inter[-_]?lock)[._-](?P<key>.+)", re.IGNORECASE | re.DOTALL)


class Fault(NamedTuple):
    """What is wrong with an entry."""

    rule: Rule
    what: str
    fix: str
    severity: Severity = Severity.ERROR


Check = Callable[[Entry], Fault | None]


def findings_in_writing(source: Source) -> Iterator[Finding]:
    """What is wrong with the labels and variables that are for Interlock, or nearly are."""
    for written in source.services:
        for section in (LABELS, ENVIRONMENT):
            yield from _of_section(source, written, section)
        for entry in written.entries("deploy", LABELS):
            if _is_ours(LABELS, entry.name.strip()):
                what = "is a label of the swarm service, which its containers do not get"
                fix = "move it to the labels of the service itself, beside deploy"
                yield _finding(source, written, "deploy.labels", entry, Fault(Rule.DEPLOY_LABELS, what, fix))


def _of_section(source: Source, written: Written, section: str) -> Iterator[Finding]:
    raw = written.table.get(section)
    if isinstance(raw, str):
        what = f"is one text, where a list or a mapping of {section} has to be"
        fix = f"write it as an item of a list: - {shown(raw)}"
        fault = Fault(Rule.NOT_A_TEXT, what, fix)
        yield _finding(source, written, section, Entry(section, raw, written.line(section), in_list=False), fault)
    for entry in written.entries(section):
        checks = _CHECKS if _is_ours(section, entry.name.strip()) else (_misspelt_in(section),)
        faults = (found for check in checks if (found := check(entry)) is not None)
        yield from (_finding(source, written, section, entry, fault) for fault in islice(faults, 1))


def _finding(source: Source, written: Written, section: str, entry: Entry, fault: Fault) -> Finding:
    key = shown(entry.name) if section == ENVIRONMENT else f"label {shown(entry.name)}"
    rule, what, fix, severity = fault
    value = _text(entry.value)
    return source.finding(written, rule, entry.line, key=key, value=value, what=what, fix=fix, severity=severity)


def _text(value: object) -> str:
    """A value as a person would write it."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _is_ours(section: str, name: str) -> bool:
    return name.lower().startswith(LABEL_PREFIXES) if section == LABELS else name in ENVIRONMENT_KEYS


def _mapping(entry: Entry) -> Fault | None:
    """``- interlock.port: 80``, and INTERLOCK_DATA as JSON that nothing keeps YAML from reading."""
    if not isinstance(entry.value, dict | list):
        return None
    if entry.in_list and isinstance(entry.value, dict):
        value = next(iter(entry.value.values()), "")
        simple = f"write - {shown(entry.name)}={shown(_text(value))}"
        fix = simple if isinstance(value, str | int | float) else "put single quotes around the whole item"
        what = "is a mapping, since a colon and a space follow the name"
        return Fault(Rule.ITEM_IS_MAPPING, what, fix)
    kind = "a mapping" if isinstance(entry.value, dict) else "a list"
    fix = f'put single quotes around the value: {shown(entry.name)}: \'{{"hostname": "www"}}\''
    return Fault(Rule.NOT_A_TEXT, f"is {kind}, and has to be one text", fix)


def _spaces(entry: Entry) -> Fault | None:
    if not entry.in_list or not isinstance(entry.value, str):
        return None
    if entry.name == entry.name.strip() and entry.value == entry.value.strip():
        return None
    what = "has a space beside its =, which becomes part of the name or of the value"
    bare = entry.value.strip().strip("'\"")
    return Fault(Rule.STRAY_SPACE, what, f"write - {shown(entry.name.strip())}={shown(bare)}")


def _quotes(entry: Entry) -> Fault | None:
    text = entry.value
    if not isinstance(text, str) or len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:  # noqa: PLR2004 - a pair
        return None
    bare, name = shown(text[1:-1]), shown(entry.name)
    if entry.in_list:
        what = "has quotes inside, which become part of the value: YAML takes off only those around the whole item"
        fix = f"write - {name}={bare}" if "'" in bare or ": " not in bare else f"write - '{name}={bare}'"
        return Fault(Rule.QUOTES_INSIDE, what, fix)
    what = "has quotes inside its quotes, which become part of the value"
    return Fault(Rule.QUOTES_INSIDE, what, f"keep one pair: {name}: '{bare}'")


def _boolean(entry: Entry) -> Fault | None:
    if not isinstance(entry.value, bool):
        return None
    what = "has no quotes, and docker-compose 1.x and `docker stack deploy` refuse a boolean here"
    return Fault(Rule.BOOLEAN, what, f'write {shown(entry.name)}: "{_text(entry.value)}"', Severity.WARNING)


def _equals(entry: Entry) -> Fault | None:
    name, equals, value = entry.name.partition("=")
    if entry.in_list or not equals:
        return None
    what = "is the key of a mapping as a whole, without a value"
    return Fault(Rule.EQUALS_IN_NAME, what, f"write {shown(name.strip())}: {shown(value.strip())}")


_CHECKS: tuple[Check, ...] = (_equals, _mapping, _spaces, _quotes, _boolean)
"""Of an entry that is ours; the first that finds something is heard."""


def _misspelt_in(section: str) -> Check:
    return _label if section == LABELS else _variable


def _label(entry: Entry) -> Fault | None:
    found = _WORD.fullmatch(entry.name.strip()[:COMPARED_LENGTH])
    if found is None:
        return None
    similar = get_close_matches(f"{interlock_labels.PREFIX}{found['key'].lower()}", KNOWN_LABELS, n=1, cutoff=0.5)
    fix = f"write {similar[0]}" if similar else f"begin it with {interlock_labels.PREFIX}"
    return Fault(Rule.UNKNOWN_KEY, "is not a label that Interlock reads", fix, Severity.WARNING)


def _variable(entry: Entry) -> Fault | None:
    name = entry.name.strip()[:COMPARED_LENGTH].upper()
    similar = get_close_matches(name, ENVIRONMENT_KEYS, n=1, cutoff=ALIKE)
    if not similar:
        return None
    return Fault(Rule.UNKNOWN_KEY, "is not a variable that Interlock reads", f"write {similar[0]}", Severity.WARNING)
