"""Every setting, written out: as a configuration file with the defaults, and as tables for the documentation."""

import json
import textwrap
from collections.abc import Collection, Iterable, Sequence

from interlock.settings.extensions import Known, SettingsType
from interlock.settings.fields import Field, fields_of
from interlock.settings.legacy import EXTENSION_KEYS, TOP_LEVEL_KEYS
from interlock.settings.model import EngineSettings, Settings

WIDTH = 100
"""Columns of a comment line."""

HEADER = """\
# Every setting of Interlock, with its default. Read by `interlock run -c FILE`.
# A flag beats an environment variable, and that beats this file; "" means the default.
"""


def top_level_fields() -> tuple[Field, ...]:
    """The settings that belong to no plugin, without those that are only accepted for the sake of old files."""
    fields = (*fields_of(EngineSettings), *fields_of(Settings))
    return tuple(field for field in fields if field.option.key not in TOP_LEVEL_KEYS)


def toml_text(known: Known, enabled: Collection[str]) -> str:
    """A configuration file that changes nothing. Tables of plugins that are not enabled are comments."""
    names = sorted(known.types, key=lambda name: (name not in enabled, name))
    tables = (_toml_table(name, known.types[name], live=name in enabled) for name in names)
    return "\n".join([HEADER, *map(_toml_entry, top_level_fields()), *tables])


def markdown_text(known: Known) -> str:
    """A table for Interlock itself, one for each plugin, and one of the keys that are only accepted."""
    tables = [
        ("Interlock", top_level_fields()),
        *((name, fields) for name in sorted(known.types) if (fields := _plugin_fields(known.types[name]))),
    ]
    parts = [f"### {title}\n\n{_settings_table(fields)}" for title, fields in tables]
    return "\n".join([*parts, f"### Keys of 1.4.5 without effect\n\n{_legacy_table(known)}"])


def plugin_table(type_: SettingsType) -> str:
    """The table of one plugin's settings, in Markdown."""
    return _settings_table(_plugin_fields(type_))


def _toml_table(name: str, type_: SettingsType, *, live: bool) -> str:
    entries = "\n".join(map(_toml_entry, _plugin_fields(type_)))
    text = f"[[Extensions]]\nName = {_toml_value(name)}\n\n{entries}".rstrip("\n") + "\n"
    return text if live else "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _toml_entry(field: Field) -> str:
    option = field.option
    comment = textwrap.wrap(option.doc, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    names = (f"flag {option.flag}" if option.flag else "", f"env {option.env}" if option.env else "", _range(field))
    elsewhere = "; ".join(filter(None, names))
    line = f"{option.key} = {_toml_value(field.default)}"
    return "\n".join([*comment, *([f"# ({elsewhere})"] if elsewhere else []), line, ""])


def _toml_value(value: object) -> str:
    """JSON's scalars and lists are TOML's too; None is the empty text, which means the default."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps("" if value is None else value, ensure_ascii=False)


def _settings_table(fields: Iterable[Field]) -> str:
    rows = [["Key", "Type", "Default", "Environment", "Flag", "What it sets"]]
    for field in fields:
        option = field.option
        type_ = ", ".join(filter(None, (field.kind.name, _range(field))))
        default = f"`{field.default_text}`" if field.default_text else ""
        names = [f"`{name}`" if name else "" for name in (option.env, option.flag)]
        rows.append([f"`{option.key}`", type_, default, *names, option.doc])
    return _markdown_table(rows)


def _legacy_table(known: Known) -> str:
    rows = [["Key", "Where", "What happens"]]
    rows += [[f"`{key}`", "top level", what] for key, what in TOP_LEVEL_KEYS.items()]
    for name in sorted(known.types):
        own = {field.option.key for field in _plugin_fields(known.types[name])}
        keys = ((key, entry) for key, entry in EXTENSION_KEYS.items() if name in entry.extensions and key not in own)
        rows += [[f"`{key}`", f"`[[Extensions]]` {name}", entry.instead] for key, entry in keys]
    return _markdown_table(rows)


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    header, *lines = rows
    lines = [header, ["---"] * len(header), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in lines)


def _range(field: Field) -> str:
    low, high = field.option.minimum, field.option.maximum
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return "" if high is None else f"at most {high}"


def _plugin_fields(type_: SettingsType) -> tuple[Field, ...]:
    return fields_of(type_) if type_ is not None else ()
