"""One Compose file, whatever its format, with what it draws in: ``.env``, ``env_file``, ``extends``.

The format of 2014 has its services at the top, those since have them under ``services``. Files are never merged: each
is a project of its own.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from interlock.compose import document
from interlock.compose.interpolation import Fault, interpolate
from interlock.compose.service import Service, typed_service, unset_names
from interlock.compose.variables import read_variables
from interlock.core.problems import PermanentError, Problem, Severity, shown

LARGEST_FILE = 1 << 20
"""Bytes."""
LONGEST_CHAIN = 10
"""Services that extend one another."""

_UNFIT = re.compile(r"[^a-z0-9_-]")
_NOT_EXTENDED = frozenset({"links", "volumes_from", "depends_on", "extends", "container_name"})
"""What a service does not take over from the one that it extends."""
_LISTS = frozenset({"environment", "labels"})
"""Keys that may be a list of pairs or a mapping, and are merged by name."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What a file describes."""

    file: Path
    name: str
    legacy: bool
    """Of the first format, without ``services``."""
    services: tuple[Service, ...]
    """In the order of the file."""
    networks: Mapping[str, str]
    """Key of a network -> the name that it has on the engine."""
    problems: tuple[Problem, ...]
    """What can't be read, or not as it is meant; the key is where: ``compose.yaml:12: services.web.ports``."""
    lines: Mapping[document.Path, int]
    """Line of every value of the file, from 1."""


def read_project(file: Path, environ: Mapping[str, str], *, text: str | None = None) -> Project:
    """Read a file with what it draws in; `text` stands for its content where that is known already.

    `environ` has the variables of the shell, which beat those of ``.env``. Raises PermanentError where the file can't
    be read or is no Compose file; whatever else is wrong becomes a problem of the project.
    """
    variables = _dotenv(file.parent) | dict(environ)
    reading = _Reading(file, variables)
    return reading.project(_read(file) if text is None else text)


class _Reading:
    """One file while it is being read."""

    def __init__(self, file: Path, variables: Mapping[str, str]) -> None:
        self._file = file
        self._variables = variables
        self._problems: dict[Problem, None] = {}
        self._documents: dict[Path, tuple[document.Document, dict[str, Any]]] = {}

    def project(self, text: str) -> Project:
        read = self._parsed(self._file, text)
        top = read.value
        raws = _services(top)
        where = () if _is_legacy(top) else ("services",)
        for path, line in read.repeated:
            what = "stands here for the second time, and only this one counts"
            self._complain(".".join(path), "", Fault(what, "keep one of the two"), line)
        services = []
        for name, raw in raws.items():
            line = read.lines.get((*where, name), 0)
            if isinstance(raw, dict):
                services.append(self._service(name, raw, where, line))
            else:
                self._complain(name, raw, Fault("is no service", "write its keys below it, indented"), line)
        project = self._name(top)
        return Project(
            file=self._file,
            name=project,
            legacy=_is_legacy(top),
            services=tuple(services),
            networks={} if _is_legacy(top) else _networks(top, project),
            problems=tuple(self._problems),
            lines=read.lines,
        )

    def _service(self, name: str, raw: dict[str, Any], where: document.Path, line: int) -> Service:
        lines = self._documents[self._file][0].lines

        def complain(key: str, value: object, fault: Fault) -> None:
            path = (*where, name, *key.split("."))
            nearest = next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), line)
            self._complain(".".join(path), value, fault, nearest)

        whole = self._extended(name, raw, self._file, LONGEST_CHAIN, complain)
        filled = self._filled(whole, "", complain)
        filled["environment"] = self._environment(filled, complain)
        return typed_service(shown(name), filled, line=line, complain=complain)

    def _extended(self, name: str, raw: dict[str, Any], file: Path, depth: int, complain: Any) -> dict[str, Any]:
        """The service with what it takes over from another one, of this file or of another."""
        wish = raw.get("extends")
        if wish is None:
            return raw
        other = wish if isinstance(wish, str) else str(wish.get("service", "")) if isinstance(wish, dict) else ""
        elsewhere = wish.get("file") if isinstance(wish, dict) else None
        source = file.parent / str(elsewhere) if elsewhere else file
        try:
            base = _services(self._parsed(source, None).value).get(other)
        except PermanentError as error:
            complain("extends", elsewhere, Fault(error.what, error.fix or "name a file that is there"))
            return raw
        if not isinstance(base, dict) or depth == 0 or (other == name and source == file):
            complain("extends", other, Fault("is no service that could be extended", "name another, or remove it"))
            return raw
        return _merged(self._extended(other, base, source, depth - 1, complain), raw)

    def _environment(self, filled: Mapping[str, Any], complain: Any) -> Any:
        """What the files of ``env_file`` say, and over it the service's own words."""
        found: dict[str, Any] = {}
        given = filled.get("env_file")
        for each in given if isinstance(given, list) else [given] if given is not None else []:
            path = each.get("path") if isinstance(each, dict) else each
            optional = isinstance(each, dict) and each.get("required") is False
            try:
                found |= read_variables(_read(self._file.parent / str(path)))
            except PermanentError as error:
                if not optional:
                    complain("env_file", path, Fault(error.what, "name a file that is there"))
        own = filled.get("environment")
        found |= {name: self._variables[name] for name in unset_names(own) if name in self._variables}
        said = {name: value for name, value in _by_name(own or {}).items() if value is not None}
        return found | said if found else own

    def _filled(self, value: Any, key: str, complain: Any) -> Any:
        """The value with variables put into every text of it."""
        if isinstance(value, str):
            return interpolate(value, self._variables, lambda fault: complain(key, value, fault))
        if isinstance(value, list):
            return [self._filled(each, f"{key}.{number}", complain) for number, each in enumerate(value)]
        if isinstance(value, dict):
            return {name: self._filled(each, f"{key}.{name}".lstrip("."), complain) for name, each in value.items()}
        return value

    def _parsed(self, file: Path, text: str | None) -> document.Document:
        """Raises PermanentError."""
        if file not in self._documents:
            read = document.read_document(_read(file) if text is None else text)
            if not isinstance(read.value, dict) or not _services(read.value):
                raise PermanentError(
                    f"{shown(str(file))} has no services, so it is no Compose file",
                    fix="write them under services:, each with an image or a build",
                )
            self._documents[file] = (read, read.value)
        return self._documents[file][0]

    def _name(self, top: Mapping[str, Any]) -> str:
        named = top.get("name") if not _is_legacy(top) else None
        text = interpolate(named, self._variables, lambda _: None) if isinstance(named, str) else ""
        text = text or self._variables.get("COMPOSE_PROJECT_NAME", "") or self._file.absolute().parent.name
        return _UNFIT.sub("", text.lower()).lstrip("_-") or "default"

    def _complain(self, key: str, value: object, fault: Fault, line: int) -> None:
        problem = Problem(
            container="",
            key=f"{shown(self._file.name)}{f':{line}' if line else ''}: {shown(key)}",
            value=shown(value) if value != "" else "",
            what=fault.what,
            fix=fault.fix,
            severity=Severity.WARNING,
        )
        self._problems[problem] = None


def _is_legacy(top: Mapping[str, Any]) -> bool:
    return not isinstance(top.get("services"), dict)


def _services(top: Any) -> dict[str, Any]:
    if not isinstance(top, dict):
        return {}
    if not _is_legacy(top):
        return dict(top["services"])
    return {
        name: raw for name, raw in top.items() if isinstance(raw, dict) and raw.keys() & {"image", "build", "extends"}
    }


def _networks(top: Mapping[str, Any], project: str) -> dict[str, str]:
    found = {"default": f"{project}_default"}
    given = top.get("networks")
    for key, raw in (given if isinstance(given, dict) else {}).items():
        settings = raw if isinstance(raw, dict) else {}
        external = settings.get("external")
        named = settings.get("name") or (external.get("name") if isinstance(external, dict) else None)
        found[key] = shown(str(named)) if named else key if external else f"{project}_{key}"
    return found


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A service over the one that it extends: pairs by name, lists one after the other, all else its own."""
    found = {key: value for key, value in base.items() if key not in _NOT_EXTENDED}
    for key, value in own.items():
        before = found.get(key)
        if key in _LISTS and before is not None and value is not None:
            found[key] = {**_by_name(before), **_by_name(value)}
        elif isinstance(before, list) and isinstance(value, list):
            found[key] = [*before, *(each for each in value if each not in before)]
        else:
            found[key] = value
    return found


def _by_name(raw: Any) -> dict[str, Any]:
    """Pairs as a mapping; an item that is none stays, so that it gets complained about."""
    if isinstance(raw, dict):
        return raw
    found: dict[str, Any] = {}
    for item in raw if isinstance(raw, list) else [raw]:
        name, equals, value = str(item).partition("=")
        found[name] = (value if equals else None) if not isinstance(item, dict | list) else item
    return found


def _dotenv(folder: Path) -> dict[str, str]:
    try:
        return read_variables(_read(folder / ".env"))
    except PermanentError:
        return {}


def _read(file: Path) -> str:
    """Raises PermanentError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise PermanentError(
            f"{shown(str(file))} cannot be read: {error.strerror}", fix="name a file that is there"
        ) from None
    if len(content) > LARGEST_FILE:
        raise PermanentError(f"{shown(str(file))} has more than {LARGEST_FILE} bytes", fix="name a Compose file")
    return content.decode("utf-8", "replace").removeprefix("\ufeff")
