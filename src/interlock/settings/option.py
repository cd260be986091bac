"""How one setting is named outside; the reader, `--help`, `interlock spec` and docs/settings.md are drawn from it."""

from typing import Literal

import msgspec

Unit = Literal["", "s", "ms"]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """How one field of a settings struct is named outside, for `typing.Annotated`.

    The field's type says what may be written: int, float, bool, str, a `StrEnum`, ``tuple[str, ...]``,
    or one of these ``| None``.
    """

    key: str
    """Name in the TOML file; compared case-insensitively, as the original did."""
    env: str = ""
    """Environment variable; "" when there is none."""
    flag: str = ""
    """Long command-line flag, dashes included; "" when there is none."""
    doc: str
    """One sentence, with the unit."""
    unit: Unit = ""
    """Marks a duration: a bare number counts seconds or milliseconds, and Go's "500ms", "30s", "1h30m" are read too."""
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    """Never printed, never logged."""
