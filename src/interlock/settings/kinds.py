"""The kinds of value that a setting can have: how each is called, and how it is read from text and from TOML."""

import enum
import functools
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import msgspec

from interlock.settings.option import Unit

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_GO_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
"""Go's time.ParseDuration; both signs for micro, as there."""
_UNIT_WORDS = {"s": "seconds", "ms": "milliseconds"}
_BOOLS = {
    **dict.fromkeys(("1", "t", "true", "y", "yes", "on"), True),
    **dict.fromkeys(("0", "f", "false", "n", "no", "off"), False),
}


class Kind(msgspec.Struct, frozen=True):
    """One kind of value."""

    name: str
    """In one word, for tables."""
    expected: str
    """What may be written, in words that follow "is not" and "set it to"."""
    read: Callable[[str], object]
    """Reads text. Raises ValueError; its own text, where it has one, says more than `expected`."""
    toml: tuple[type, ...]
    """The types that TOML may give."""

    def read_toml(self, value: object) -> object:
        """Read what the configuration file holds. Raises ValueError, as `read` does."""
        if type(value) not in self.toml:
            raise ValueError
        if isinstance(value, list):
            if not all(isinstance(text, str) for text in value):
                raise ValueError
            return tuple(value)
        return self.read(str(value))


def kind_of(type_: Any, unit: Unit) -> Kind | None:
    """The kind of a field's type, of a duration in `unit` where there is one; None where it cannot be a setting."""
    if unit:
        return _duration_kind(type_, unit) if type_ in {int, float} else None
    if isinstance(type_, type) and issubclass(type_, enum.StrEnum):
        return Kind(" or ".join(type_), f"one of {', '.join(type_)}", functools.partial(_choice, type_), (str,))
    return _KINDS.get(type_)


def go_seconds(text: str) -> Decimal:
    """Seconds of a Go duration: "300ms", "1.5h", "1h30m". Raises ValueError."""
    parts = _GO_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError
    return sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal(0))


def _duration_kind(type_: type, unit: Literal["s", "ms"]) -> Kind:
    words = _UNIT_WORDS[unit]

    def read(text: str) -> int | float:
        bare = text.strip()
        count = Decimal(bare) if _NUMBER.fullmatch(bare) else go_seconds(bare) / _SECONDS[unit]
        if type_ is float:
            return float(count)
        if count != count.to_integral_value():
            raise ValueError(f"is not a whole number of {words}")
        return int(count)

    return Kind("duration", f"a number of {words}, or a duration such as 500ms, 30s or 2m", read, (int, float, str))


def _int(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text.strip()):
        raise ValueError
    return int(text)


def _float(text: str) -> float:
    number = Decimal(text.strip()) if _NUMBER.fullmatch(text.strip()) else Decimal("NaN")
    if not math.isfinite(number):
        raise ValueError
    return float(number)


def _bool(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _BOOLS:
        raise ValueError
    return _BOOLS[word]


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def _choice(choices: type[enum.StrEnum], text: str) -> enum.StrEnum:
    word = text.strip().casefold()
    if word not in tuple(choices):
        raise ValueError
    return choices(word)


_KINDS: dict[Any, Kind] = {
    bool: Kind("bool", "true or false", _bool, (bool,)),
    int: Kind("int", "a whole number", _int, (int,)),
    float: Kind("number", "a number", _float, (int, float)),
    str: Kind("string", "text", str, (str,)),
    tuple[str, ...]: Kind("list", "a list of texts", _list, (list,)),
}
