"""What reading one foreign value comes to: a typed value, a remark, or both."""

from typing import Any, Generic, TypeVar

import msgspec

T_co = TypeVar("T_co", covariant=True)


class Remark(msgspec.Struct, frozen=True):
    """What is wrong with a value, and what to type instead."""

    what: str
    """One clause without a full stop; foreign text in it has gone through `shown`."""
    fix: str = ""
    """One imperative clause; "" when the example of the key says it all."""


class Typed(msgspec.Struct, Generic[T_co], frozen=True):
    """The answer of a grammar.

    A value alone is accepted, a value with a remark is accepted but not as written, a remark alone is refused, and
    neither means that the text says nothing (an empty value, where the original took it for "not given").
    """

    value: T_co | None = None
    remark: Remark | None = None


def refused(what: str, fix: str = "") -> Typed[Any]:
    """The answer to a value that its grammar has no place for."""
    return Typed(None, Remark(what, fix))
