"""What goes wrong, in two kinds.

What a *user* wrote wrongly is a :class:`Problem`: a value, never an exception. It names the container, the key, the
value and the fix, and it costs only the route of the one that has it.

What a *program* met on its way is an exception, and its class answers the only question the loop has:
:class:`TemporaryError` (try again later) or :class:`PermanentError` (never try again; tell the operator).
"""

import enum
from typing import Self

import msgspec

SHOWN_VALUE_LENGTH = 80
"""Characters of a foreign value that a message quotes; a label may hold a megabyte."""


class Severity(enum.StrEnum):
    """What a problem costs."""

    WARNING = "warning"
    """One key: the rest of what the container asks for is served."""
    ERROR = "error"
    """The route: this container takes no traffic until it is mended."""


class Problem(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """Something a container (or the operator) asked for that cannot be done."""

    container: str
    """Name of the container, as `docker ps` shows it; "" when it is nobody's in particular."""
    key: str
    """Where it was asked for, in the user's own words: ``INTERLOCK_DATA.port``, ``label interlock.port``."""
    value: str
    """The offending value, made printable and cut by :func:`shown`; "" when a value is missing."""
    what: str
    """What is wrong with it, as one clause without a full stop."""
    fix: str
    """What to type to mend it, as one imperative clause without a full stop."""
    severity: Severity = Severity.ERROR
    container_id: str = ""
    engine: str = ""

    def sentence(self) -> str:
        """The whole problem as one line for a log or a terminal."""
        value = f"={self.value}" if self.value else ""
        return f"{self.container or 'interlock'}: {self.key}{value}: {self.what}; fix: {self.fix}"


def shown(value: object, *, length: int = SHOWN_VALUE_LENGTH) -> str:
    r"""Make a foreign value safe to print: control and other unprintable characters escaped, length bounded.

    >>> shown("a\x1b[31m" + "b" * 100)[:12]
    'a\\x1b[31mbbb'
    """
    text = value if isinstance(value, str) else repr(value)
    head = text[:length]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in head)
    return safe if len(text) <= length else f"{safe}... ({len(text)} characters)"


class InterlockError(Exception):
    """Base of both kinds. ``what`` says what happened, ``fix`` what the operator can do about it."""

    def __init__(self, what: str, *, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} (fix: {self.fix})" if self.fix else self.what

    @classmethod
    def of(cls, error: BaseException, *, fix: str = "") -> Self:
        """Wrap a foreign exception; its class name stands in where it has no text of its own."""
        return cls(str(error) or type(error).__name__, fix=fix)


class TemporaryError(InterlockError):
    """The same call may succeed later: an engine that restarts, a proxy that is being started."""


class PermanentError(InterlockError):
    """The same call will fail again until somebody changes something: a missing binary, a refused certificate."""
