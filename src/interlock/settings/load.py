"""Puts all sources together into `Settings`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from interlock.core.problems import Problem, Severity
from interlock.settings.directories import with_directories
from interlock.settings.document import find_document
from interlock.settings.engines import KEY as ENGINES
from interlock.settings.engines import URL_FLAG, read_engines
from interlock.settings.extensions import Known, read_plugins, takes_rules, with_rules
from interlock.settings.faults import fault, raise_errors
from interlock.settings.fields import fields_of
from interlock.settings.legacy import TOP_LEVEL_KEYS
from interlock.settings.model import EngineSettings, PluginSettings, Rule, Settings
from interlock.settings.reader import collect_options, unknown_keys


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed on the command line."""

    values: Mapping[str, str] = {}
    """Long flag -> its value; "true" for one that takes none. Flags that were not typed are not in it."""
    swarm_urls: tuple[str, ...] = ()
    """All that were typed; each may have its engine's name before it, as in ``node1=tcp://10.0.0.5:2376``."""
    plugins: tuple[str, ...] = ()
    config: str = ""
    """Path of the configuration file."""


def load_settings(flags: Flags, *, environ: Mapping[str, str], known: Known, uid: int | None = None) -> Settings:
    """Read everything: flags over environment over file over defaults.

    `known` has the installed plugins; `uid` is the user's id, this process's own unless given.
    Raises SettingsError about everything that is wrong.
    """
    document = find_document(flags.config, environ)
    where = document.where
    table = {key.casefold(): value for key, value in document.table.items()}
    typed = {**flags.values, **({URL_FLAG: flags.swarm_urls[0]} if flags.swarm_urls else {})}

    values, problems = collect_options(Settings, table=document.table, environ=environ, where=where, flags=typed)
    engines, engine_problems = read_engines(flags.swarm_urls, typed, environ, document.table, where)
    plugins, plugin_problems = read_plugins(flags.plugins, table.get("extensions", []), known, environ, where)
    rules, rule_problems = _read_rules(table.get("rules", {}), where)
    problems = [
        *document.warnings,
        *unknown_keys(document.table, _top_level_keys(), where=where),
        *problems,
        *engine_problems,
        *_strange_places(values.get("locality", ()), engines),
        *plugin_problems,
        *rule_problems,
        *_legacy_warnings(table, where, plugins),
    ]
    raise_errors(problems)
    plugins = tuple(with_rules(plugin, rules) for plugin in plugins)
    settings = Settings(**{**values, "engines": engines, "plugins": plugins, "rules": rules})
    settings = msgspec.structs.replace(settings, warnings=tuple(problems))
    return with_directories(settings, environ, os.geteuid() if uid is None else uid)


def _strange_places(locality: Iterable[str], engines: Sequence[EngineSettings]) -> list[Problem]:
    """Names in Locality that nobody has. Those of a swarm's nodes only its managers know."""
    names = [engine.name for engine in engines]
    if any(engine.is_swarm for engine in engines):
        return []
    fix = f"name some of {', '.join(names)}; nodes count in swarm mode only"
    return [fault("Locality", place, "is not the name of an engine", fix) for place in locality if place not in names]


def _top_level_keys() -> list[str]:
    own = [field.option.key for type_ in (EngineSettings, Settings) for field in fields_of(type_)]
    return [*own, ENGINES, "Extensions", "Rules"]


def _read_rules(rules: Any, where: str) -> tuple[dict[str, Rule], list[Problem]]:
    try:
        tables = {name: {key.casefold(): value for key, value in rule.items()} for name, rule in rules.items()}
        return msgspec.convert(tables, dict[str, Rule]), []
    except (AttributeError, msgspec.ValidationError):
        fix = 'write [Rules.NAME], and below it Type = "image" and Regex = "..."'
        return {}, [fault(f"{where}: Rules", None, "is not a table of rules", fix)]


def _legacy_warnings(table: Mapping[str, object], where: str, plugins: Iterable[PluginSettings]) -> list[Problem]:
    heeded = {"Rules"} if any(map(takes_rules, plugins)) else set()
    return [
        fault(f"{where}: {key}", None, what, "remove it from the file", severity=Severity.WARNING)
        for key, what in TOP_LEVEL_KEYS.items()
        if table.get(key.casefold()) and key not in heeded
    ]
