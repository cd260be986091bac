"""What one look at one thing came to."""

import enum

import msgspec

from interlock.core.problems import InterlockError


class Verdict(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as well as it should, or not for long."""
    PROBLEM = "problem"
    """Interlock cannot start, or cannot serve."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    about: str
    """``engine``, ``port 80``, ``certificate www.pem``."""
    verdict: Verdict
    what: str
    """What was found, as one clause without a full stop."""
    fix: str = ""
    """What to do, as one imperative clause; "" where all is well."""


def well(about: str, what: str) -> Check:
    return Check(about=about, verdict=Verdict.OK, what=what)


def warning(about: str, what: str, fix: str) -> Check:
    return Check(about=about, verdict=Verdict.WARNING, what=what, fix=fix)


def problem(about: str, what: str, fix: str) -> Check:
    return Check(about=about, verdict=Verdict.PROBLEM, what=what, fix=fix)


def failed(about: str, error: InterlockError) -> Check:
    """What our own code met on its way."""
    return problem(about, error.what, error.fix)
