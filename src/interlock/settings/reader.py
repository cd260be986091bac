"""Reads a settings struct from its sources: flags over environment over file over defaults."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec

from interlock.core.problems import Problem
from interlock.settings.faults import fault, raise_errors, suggestion
from interlock.settings.fields import Field, fields_of

T = TypeVar("T", bound=msgspec.Struct)

NOTHING: Mapping[str, str] = MappingProxyType({})


class _Given(NamedTuple):
    """What the strongest source says about one field."""

    source: str
    """For messages: the flag, the variable, or the file and its key."""
    name: str
    """What to set: the source without the file."""
    raw: Any
    read: Callable[[Any], object]


def read_options(
    type_: type[T],
    *,
    table: Mapping[str, object],
    environ: Mapping[str, str],
    where: str,
    flags: Mapping[str, str] = NOTHING,
) -> T:
    """Read a struct whose fields carry an `Option`.

    `table` comes from the file that `where` names in messages; `flags` maps a long flag to what was typed.
    An empty variable, and in the table "" (or a 0 that is out of range), mean the default.
    Raises SettingsError about everything that is wrong, unknown keys included.
    """
    values, problems = collect_options(type_, table=table, environ=environ, where=where, flags=flags)
    raise_errors([*unknown_keys(table, (field.option.key for field in fields_of(type_)), where=where), *problems])
    return type_(**values)


def collect_options(
    type_: type[T],
    *,
    table: Mapping[str, object],
    environ: Mapping[str, str],
    where: str,
    flags: Mapping[str, str] = NOTHING,
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the fields that somebody set, by field name, and what is wrong with the others.

    Keys of the table that are not the struct's are left to :func:`unknown_keys`.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in fields_of(type_):
        given = _given(field, table, environ, where, flags)
        if given is None:
            continue
        try:
            values[field.name] = given.read(given.raw)
        except ValueError as error:
            problems.append(_refusal(field, given, str(error)))
    return values, problems


def unknown_keys(table: Mapping[str, object], known: Iterable[str], *, where: str) -> list[Problem]:
    """A problem for each key that nobody knows, and for each that is written twice in different capitals."""
    names = {name.casefold(): name for name in known}
    problems = []
    seen: dict[str, str] = {}
    for key in table:
        folded = key.casefold()
        if folded in seen:
            fix = f"keep one of {seen[folded]} and {key}: capitals make no difference"
            problems.append(fault(f"{where}: {key}", None, "is there twice", fix))
        elif folded not in names:
            fix = suggestion(key, names.values(), otherwise="remove it; `interlock spec` prints every key")
            problems.append(fault(f"{where}: {key}", None, "is not a known key", fix))
        seen.setdefault(folded, key)
    return problems


def _given(
    field: Field, table: Mapping[str, object], environ: Mapping[str, str], where: str, flags: Mapping[str, str]
) -> _Given | None:
    option = field.option
    if option.flag in flags:
        return _Given(option.flag, option.flag, flags[option.flag], field.read_text)
    if environ.get(option.env):
        return _Given(option.env, option.env, environ[option.env], field.read_text)
    for key, raw in table.items():
        if key.casefold() == option.key.casefold() and not field.is_unset(raw):
            return _Given(f"{where}: {key}", key, raw, field.read_toml)
    return None


def _refusal(field: Field, given: _Given, reason: str) -> Problem:
    fix = f"set {given.name} to {field.expected}"
    if field.default_text:
        fix += f", or leave it out for {field.default_text}"
    if field.option.secret:
        return fault(given.source, "(secret)", reason or f"is not {field.expected}", fix)
    if given.read == field.read_toml and isinstance(given.raw, str) and _reads(field, given.raw):
        fix = f"write {given.name} = {given.raw.strip()} without quotes"
    return fault(given.source, given.raw, reason or f"is not {field.expected}", fix)


def _reads(field: Field, text: str) -> bool:
    try:
        field.read_text(text)
    except ValueError:
        return False
    return True
