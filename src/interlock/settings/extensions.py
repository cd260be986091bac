"""Which plugins are enabled, and what each is told: `--plugin`, `[[Extensions]]`, and its variables."""

from collections.abc import Iterable, Mapping

import msgspec

from interlock.core.problems import Problem, Severity
from interlock.settings.faults import fault, suggestion
from interlock.settings.fields import fields_of
from interlock.settings.legacy import EXTENSION_KEYS
from interlock.settings.model import PluginSettings, Rule
from interlock.settings.reader import collect_options, unknown_keys

SettingsType = type[msgspec.Struct] | None
"""A plugin's settings struct; None for a plugin that has nothing to set."""

RULES = "rules"


class Known(msgspec.Struct, frozen=True):
    """The installed plugins."""

    types: Mapping[str, SettingsType] = {}
    """Those that work, by name."""
    broken: Mapping[str, str] = {}
    """Those that cannot be loaded, with the reason. They are warned of, and cost the others nothing."""


def read_plugins(
    names: Iterable[str], extensions: object, known: Known, environ: Mapping[str, str], where: str
) -> tuple[tuple[PluginSettings, ...], list[Problem]]:
    """The enabled plugins: those of `--plugin`, or else those that the file has a table for."""
    tables, problems = _tables(extensions, known, where)
    flagged, unknown = flagged_plugins(names, known)
    problems += unknown
    if flagged:
        problems += [_not_enabled(where, name) for name in tables if name not in flagged]
    plugins = []
    for name in flagged or tables:
        if name in known.broken:
            plugins.append(PluginSettings(name=name, where=where))
        if name not in known.types:
            continue
        plugin, its_problems = _read_plugin(name, tables.get(name, {}), known.types[name], environ, where)
        problems += its_problems
        plugins.append(plugin)
    return tuple(plugins), problems


def flagged_plugins(names: Iterable[str], known: Known) -> tuple[tuple[str, ...], list[Problem]]:
    """The names of `--plugin`, each once, and a problem for each that is nobody's."""
    flagged = tuple(dict.fromkeys(name.casefold() for name in names))
    return flagged, [_unknown_plugin("--plugin", name, known) for name in flagged if name not in known.types]


def takes_rules(plugin: PluginSettings) -> bool:
    """Whether its settings have a field ``rules``, for the file's ``[Rules.NAME]``."""
    return plugin.options is not None and RULES in plugin.options.__struct_fields__


def with_rules(plugin: PluginSettings, rules: Mapping[str, Rule]) -> PluginSettings:
    """The plugin with the file's rules in its settings, where these take them."""
    if plugin.options is None or not takes_rules(plugin):
        return plugin
    return msgspec.structs.replace(plugin, options=msgspec.structs.replace(plugin.options, **{RULES: rules}))


def _tables(extensions: object, known: Known, where: str) -> tuple[dict[str, Mapping[str, object]], list[Problem]]:
    """The tables by the plugin's name, without Name."""
    if not isinstance(extensions, list) or not all(isinstance(entry, dict) for entry in extensions):
        fix = 'write [[Extensions]] on a line of its own, and Name = "haproxy" below it'
        return {}, [fault(f"{where}: Extensions", None, "is not a list of tables", fix)]
    tables: dict[str, Mapping[str, object]] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(extensions, 1):
        place = f"{where}: [[Extensions]] number {number}"
        name = next((value for key, value in entry.items() if key.casefold() == "name"), None)
        if not isinstance(name, str) or not name:
            fix = f'write Name = "{min(known.types, default="haproxy")}" below it'
            problems.append(fault(f"{place}: Name", name, "names no plugin", fix))
        elif name.casefold() in tables:
            problems.append(fault(f"{place}: Name", name, "is there twice", "keep one table for each plugin"))
        elif name.casefold() not in known.types:
            problems.append(_unknown_plugin(f"{place}: Name", name, known))
            if name.casefold() in known.broken:
                tables[name.casefold()] = {}
        else:
            tables[name.casefold()] = {key: value for key, value in entry.items() if key.casefold() != "name"}
    return tables, problems


def _read_plugin(
    name: str, table: Mapping[str, object], type_: SettingsType, environ: Mapping[str, str], where: str
) -> tuple[PluginSettings, list[Problem]]:
    place = f"{where}: [[Extensions]] {name}" if table else name
    own_keys = [field.option.key for field in fields_of(type_)] if type_ else []
    kept, problems = _without_legacy_keys(name, table, own_keys, place)
    problems += unknown_keys(kept, own_keys, where=place)
    options = None
    if type_ is not None:
        values, unreadable = collect_options(type_, table=kept, environ=environ, where=place)
        problems += unreadable
        options = type_(**values)
    return PluginSettings(name=name, table=kept, where=place, options=options), problems


def _without_legacy_keys(
    name: str, table: Mapping[str, object], own_keys: Iterable[str], place: str
) -> tuple[dict[str, object], list[Problem]]:
    """The table without keys that 1.4.5 had and this plugin has not, and a warning for those that said something."""
    legacy = {key.casefold(): entry for key, entry in EXTENSION_KEYS.items()}
    own = {key.casefold() for key in own_keys}
    kept: dict[str, object] = {}
    problems: list[Problem] = []
    foreign: list[str] = []
    for key, value in table.items():
        entry = legacy.get(key.casefold())
        if entry is None or key.casefold() in own:
            kept[key] = value
        elif value in ("", 0, False):
            continue  # Go's zero value, as `spec` of 1.4.5 printed it for every key of every extension
        elif name in entry.extensions:
            text = fault(f"{place}: {key}", None, entry.instead, "remove the line", severity=Severity.WARNING)
            problems.append(text)
        else:
            foreign.append(key)
    if foreign:
        what = f"mean nothing to {name}: they are keys of another extension, ignored here as in 1.4.5"
        place = f"{place}: {', '.join(foreign)}"
        problems.append(fault(place, None, what, "remove these lines", severity=Severity.WARNING))
    return kept, problems


def _unknown_plugin(source: str, name: str, known: Known) -> Problem:
    if name.casefold() in known.broken:
        what = f"cannot be loaded: {known.broken[name.casefold()]}"
        return fault(source, name, what, "mend or reinstall that plugin", severity=Severity.WARNING)
    fix = suggestion(
        name, known.types, otherwise=f"name an installed one: {', '.join(sorted(known.types)) or 'none is'}"
    )
    return fault(source, name, "is not an installed plugin", fix)


def _not_enabled(where: str, name: str) -> Problem:
    return fault(
        f"{where}: [[Extensions]] {name}",
        None,
        "is not enabled, because --plugin names others",
        f"add --plugin {name}, or leave --plugin out",
        severity=Severity.WARNING,
    )
