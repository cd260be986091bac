"""Compose's own way to put variables into a value: ``$NAME``, ``${NAME:-default}`` and ``$$`` for a dollar."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from interlock.core.problems import shown

DEEPEST = 5
"""Defaults inside defaults that are followed."""

REFUSED, NOT_SET = "which Compose refuses", "which is not set"
"""What a fault says, for those who tell kinds of faults apart."""

_FORM = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?+])(?P<word>(?:[^{}]|\{[^{}]*\})*))?\}|)"
)


class Fault(NamedTuple):
    """What is wrong with a value that has a dollar in it."""

    what: str
    fix: str


def interpolate(text: str, variables: Mapping[str, str], complain: Callable[[Fault], None]) -> str:
    """The value as Compose passes it on. What cannot be put in is complained about, and is empty, as Compose has it."""
    return _interpolate(text, variables, complain, DEEPEST)


def _interpolate(text: str, variables: Mapping[str, str], complain: Callable[[Fault], None], depth: int) -> str:
    def value(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name, how, word = found["plain"] or found["name"], found["how"] or "", found["word"] or ""
        if not name:
            complain(Fault(f"has a dollar that begins no variable, {REFUSED}", "write $$ for a dollar"))
            return "$"
        known = variables.get(name)
        is_there = bool(known) if how.startswith(":") else known is not None
        if how.endswith("+"):
            return _default(word) if is_there else ""
        if is_there and known is not None:
            return known
        if how.endswith("-"):
            return _default(word)
        why = f" ({shown(word)})" if how.endswith("?") and word else ""
        fix = f"set it (a line {name}=… in .env beside the file), or write $${name} to have it as it stands"
        complain(Fault(f"names the variable {name}, {NOT_SET}{why}", fix))
        return ""

    def _default(word: str) -> str:
        return _interpolate(word, variables, complain, depth - 1) if depth else word

    return _FORM.sub(value, text)
