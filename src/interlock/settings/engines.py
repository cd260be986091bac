"""Which engines to watch: `--swarm-url` (repeated), else DOCKER_HOST, else the file's [[Engines]] or DockerURL."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from interlock.core.problems import Problem, Severity
from interlock.settings.engine import read_engine
from interlock.settings.faults import fault
from interlock.settings.fields import fields_of
from interlock.settings.model import EngineSettings
from interlock.settings.reader import unknown_keys

URL_FLAG = "--swarm-url"
KEY, NAME, URL = "Engines", "Name", "DockerURL"
ONLY = "docker"
"""Name of an engine that has no other beside it, and none given."""
NAME_GRAMMAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
"""No dot: it ends the engine's name in the name of a server."""
_SWARM_FLAGS = ("--swarm-mode", "--swarm-node")
_NAMED_URL = re.compile(rf"({NAME_GRAMMAR.pattern})=(.*)", re.DOTALL)


class _Draft(msgspec.Struct, frozen=True):
    """One engine before all have names."""

    engine: EngineSettings
    place: str
    name: str = ""
    """As the operator gave it."""


def read_engines(
    urls: Sequence[str], flags: Mapping[str, str], environ: Mapping[str, str], table: Mapping[str, Any], where: str
) -> tuple[tuple[EngineSettings, ...], list[Problem]]:
    """All of them, each with a name of its own. The TLS files of the flags and variables are for all of theirs."""
    tables = next((value for key, value in table.items() if key.casefold() == KEY.casefold()), None)
    if urls:
        drafts, problems = _of_flags(urls, flags, environ, table, where)
    elif tables and not environ.get("DOCKER_HOST"):
        drafts, problems = _of_tables(tables, where)
    else:
        engine, problems = read_engine(flags, environ, table, where)
        drafts = [_Draft(engine, where)]
    if tables and (urls or environ.get("DOCKER_HOST")):
        problems.append(_replaced(where, URL_FLAG if urls else "DOCKER_HOST"))
    return _named(drafts), [*problems, *_name_faults(drafts)]


def _of_flags(
    urls: Sequence[str], flags: Mapping[str, str], environ: Mapping[str, str], table: Mapping[str, Any], where: str
) -> tuple[list[_Draft], list[Problem]]:
    drafts: list[_Draft] = []
    problems = [_of_one_swarm(flag) for flag in _SWARM_FLAGS if len(urls) > 1 and flag in flags]
    for text in urls:
        named = _NAMED_URL.fullmatch(text)
        name, url = named.groups() if named else ("", text)
        is_bare_socket = len(urls) > 1 and url.startswith("unix:")
        typed = {key: value for key, value in flags.items() if not (is_bare_socket and "-tls-" in key)}
        engine, found = read_engine({**typed, URL_FLAG: url}, environ, table, where)
        drafts.append(_Draft(engine, f"{URL_FLAG} {url}", name))
        problems += [problem for problem in found if problem not in problems]
    return drafts, problems


def _of_one_swarm(flag: str) -> Problem:
    fix = f"write [[{KEY}]] tables, with SwarmMode or SwarmNodes in that of the swarm"
    return fault(flag, None, f"does not say which of several {URL_FLAG} it belongs to", fix)


def _of_tables(tables: object, where: str) -> tuple[list[_Draft], list[Problem]]:
    """Nothing in the environment is meant for one engine among several."""
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        fix = 'write [[Engines]] on a line of its own, and DockerURL = "tcp://10.0.0.5:2376" below it'
        return [], [fault(f"{where}: {KEY}", None, "is not a list of tables", fix)]
    known = [NAME, *(field.option.key for field in fields_of(EngineSettings))]
    drafts: list[_Draft] = []
    problems: list[Problem] = []
    for number, entry in enumerate(tables, 1):
        place = f"{where}: [[{KEY}]] number {number}"
        keys = {key.casefold(): value for key, value in entry.items()}
        name = keys.get(NAME.casefold(), "")
        problems += unknown_keys(entry, known, where=place)
        if not isinstance(name, str):
            problems.append(fault(f"{place}: {NAME}", name, "is not a text", 'write Name = "node1"'))
            name = ""
        if not keys.get(URL.casefold()):
            problems.append(fault(f"{place}: {URL}", None, "is missing", 'write DockerURL = "tcp://10.0.0.5:2376"'))
        engine, found = read_engine({}, {}, entry, place)
        problems += found
        drafts.append(_Draft(engine, place, name))
    return drafts, problems


def _named(drafts: Sequence[_Draft]) -> tuple[EngineSettings, ...]:
    """Names that nobody gave come from the URLs; those that would be the same are numbered."""
    taken = Counter(draft.name for draft in drafts if draft.name)
    engines = []
    for draft in drafts:
        name = draft.name or _free(_name_of(draft.engine.url) if len(drafts) > 1 else ONLY, taken)
        taken[name] += 1
        engines.append(msgspec.structs.replace(draft.engine, name=name))
    return tuple(engines)


def _free(name: str, taken: Mapping[str, int]) -> str:
    number = 1
    while (candidate := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return candidate


def _name_of(url: str) -> str:
    """``docker`` for its usual socket, ``podman`` for that of Podman, ``10-0-0-5`` for a host."""
    parts = urlsplit(url)
    text = PurePosixPath(parts.path).stem if parts.scheme == "unix" else parts.hostname or ""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text).strip("-")[:32].rstrip("-") or ONLY


def _name_faults(drafts: Sequence[_Draft]) -> list[Problem]:
    counts = Counter(draft.name for draft in drafts if draft.name)
    problems = [
        fault(f"{draft.place}: {NAME}", draft.name, "is no name for an engine", "use letters, digits, - and _")
        for draft in drafts
        if draft.name and not NAME_GRAMMAR.fullmatch(draft.name)
    ]
    twice = [name for name, count in counts.items() if count > 1]
    return problems + [fault(KEY, name, "is the name of two engines", "give each a name of its own") for name in twice]


def _replaced(where: str, source: str) -> Problem:
    return fault(
        f"{where}: {KEY}",
        None,
        f"is ignored, because {source} names what to watch",
        f"leave {source} out, or the tables",
        severity=Severity.WARNING,
    )
