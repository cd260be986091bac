"""What is wrong with the settings, all of it at once."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Self

from interlock.core.problems import PermanentError, Problem, Severity, shown


class SettingsError(PermanentError):
    """What the operator typed, exported or wrote down cannot be used. ``problems`` holds every fault that was found."""

    def __init__(self, what: str, *, fix: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, fix=fix)
        self.problems = tuple(problems)

    @classmethod
    def about(cls, problems: Sequence[Problem]) -> Self:
        """The error that reports these problems together."""
        return cls("; ".join(map(fault_text, problems)), fix="; ".join(p.fix for p in problems), problems=problems)


def fault(key: str, value: object, what: str, fix: str, *, severity: Severity = Severity.ERROR) -> Problem:
    """A problem of the operator's own; `key` is the flag, the variable, or the file and its key."""
    return Problem(
        container="",
        key=key,
        value="" if value is None else shown(value),
        what=what,
        fix=fix,
        severity=severity,
    )


def fault_text(problem: Problem) -> str:
    """Key, value and complaint as one clause, without the fix."""
    value = f"={problem.value}" if problem.value else ""
    return f"{problem.key}{value} {problem.what}"


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise SettingsError about those that are errors, if there are any."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise SettingsError.about(errors)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that a mistyped one probably means, however it is capitalised; "" when none is near."""
    folded = {name.casefold(): name for name in known}
    matches = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[matches[0]] if matches else ""


def suggestion(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """A fix for a mistyped word: the near one, or else what the caller says."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else otherwise
