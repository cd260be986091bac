"""The fields of a settings struct: each with its kind, its default, and its names outside."""

import functools
import types
import typing
from typing import Any

import msgspec

from interlock.settings.kinds import Kind, kind_of
from interlock.settings.option import Option


class Field(msgspec.Struct, frozen=True):
    """One setting."""

    name: str
    """In the struct."""
    kind: Kind
    default: object
    option: Option

    @property
    def expected(self) -> str:
        """What may be written, with its range, in words that follow "is not" and "set it to"."""
        low, high = self.option.minimum, self.option.maximum
        if low is not None and high is not None:
            return f"{self.kind.expected} between {low} and {high}"
        if low is not None:
            return f"{self.kind.expected}, at least {low}"
        return self.kind.expected if high is None else f"{self.kind.expected}, at most {high}"

    @property
    def default_text(self) -> str:
        """The default as somebody would type it; "" where it is nothing, or is found out at the start."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return "" if self.default in (None, ()) else str(self.default)

    def read_text(self, text: str) -> object:
        """Read what an environment variable or a flag holds. Raises ValueError, as `Kind.read` does."""
        return self._checked(self.kind.read(text))

    def read_toml(self, value: object) -> object:
        """Read what the configuration file holds. Raises ValueError, as `Kind.read` does."""
        return self._checked(self.kind.read_toml(value))

    def is_unset(self, value: object) -> bool:
        """Whether a TOML value is Go's zero value, with which 1.4.5 (and its `spec`) meant "not set"."""
        if value == "":
            return True
        return type(value) is int and value == 0 and (self.option.minimum or 0) > 0

    def _checked(self, value: object) -> object:
        low, high = self.option.minimum, self.option.maximum
        if isinstance(value, int | float) and (
            (low is not None and value < low) or (high is not None and value > high)
        ):
            raise ValueError
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and any(c < " " or c == "\x7f" for c in text):
                raise ValueError("holds a control character, such as a line break")
        return value


@functools.cache
def fields_of(type_: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The settings of a struct, in its order; fields without an `Option` are none.

    Raises TypeError for a field whose type no setting can have.
    """
    hints = typing.get_type_hints(type_, include_extras=True)
    fields = []
    for info in msgspec.structs.fields(type_):
        base, *extras = typing.get_args(hints[info.name]) or (hints[info.name],)
        option = next((extra for extra in extras if isinstance(extra, Option)), None)
        if option is not None:
            kind = kind_of(_without_none(base), option.unit)
            if kind is None:
                raise TypeError(f"{type_.__name__}.{info.name}: no setting can be of type {base}")
            fields.append(Field(info.name, kind, _default(info), option))
    return tuple(fields)


def _without_none(base: Any) -> Any:
    if isinstance(base, types.UnionType):
        others = [alternative for alternative in typing.get_args(base) if alternative is not types.NoneType]
        return others[0] if len(others) == 1 else base
    return base


def _default(info: msgspec.structs.FieldInfo) -> Any:
    return info.default_factory() if callable(info.default_factory) else info.default
