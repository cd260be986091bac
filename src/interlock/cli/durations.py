"""Durations on the command line, written as in the settings: ``30s``, ``1m30s``, or seconds alone."""

from datetime import UTC, datetime, timedelta
from typing import cast

from interlock.core.problems import shown
from interlock.settings import SettingsError
from interlock.settings.kinds import kind_of

LONGEST = 24 * 3600.0
"""Seconds; whoever waits longer waits for something else."""


def seconds_of(option: str, text: str) -> float:
    """Read a duration. Raises SettingsError naming the option."""
    kind = kind_of(float, "s")
    assert kind is not None  # noqa: S101 - durations of float are one of the kinds
    try:
        seconds = cast("float", kind.read(text))
    except ValueError:
        raise SettingsError(f"{option}={shown(text)} is not {kind.expected}", fix=f"write {option} 30s") from None
    if not 0 <= seconds <= LONGEST:
        raise SettingsError(f"{option}={shown(text)} is out of range", fix="use 0 to 24h")
    return seconds


def moment_of(option: str, text: str) -> str:
    """A duration as the time at which it has passed, RFC 3339; anything else as it is. Raises SettingsError."""
    if not text or "-" in text or ":" in text:
        return text
    return (datetime.now(UTC) + timedelta(seconds=seconds_of(option, text))).isoformat(timespec="seconds")
