"""A world from a file instead of engines: a Compose file, a recording, or documents that `docker inspect` wrote."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from interlock.compose import containers_of, read_project
from interlock.core import recording
from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES
from interlock.core.events import Listed, Placed, View
from interlock.core.model import Container
from interlock.core.problems import PermanentError, Problem, shown
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.engines.containers import Kept
from interlock.engines.paper import read_containers
from interlock.settings import SettingsError

ENGINE = "file"
"""Name of the engine that a file stands for."""
RECORDING = b'{"line":"opening"'
"""How a recording begins."""
KEPT = Kept(ENVIRONMENT_KEYS, LABEL_PREFIXES)


def routes_on_paper(file: str) -> tuple[Routes, list[Problem]]:
    """The routes that a file leads to, and what can't be read in it.

    Every container of a Compose file or of documents counts as answering; of a recording it is as it was at its end.

    Raises SettingsError.
    """
    try:
        data = _read(file)
        if data.startswith(RECORDING):
            return _recorded(data), []
        containers, problems = _containers(file, data)
    except PermanentError as error:
        raise SettingsError(f"--file={shown(file)}: {error.what}", fix=error.fix) from error
    routes = Routes(World())
    for event in (Placed(View(engine=ENGINE, on_paper=True)), Listed(ENGINE, tuple(containers))):
        routes.update(routes.world.advance(event))
    return routes, problems


def _recorded(data: bytes) -> Routes:
    """Raises PermanentError."""
    routes = Routes(World())
    for line in recording.read(data.splitlines(keepends=True)):
        match line:
            case recording.Turn(events=events, settled_before=settled):
                for event in events:
                    routes.update(routes.world.advance(event, settled_before=settled))
            case recording.Ordered(orders=orders):
                routes.update(*routes.world.order(orders))
            case recording.Opening() | recording.Ending():
                pass
    return routes


def _containers(file: str, data: bytes) -> tuple[Iterable[Container], list[Problem]]:
    if _has_documents(data):
        return read_containers(data, engine=ENGINE, kept=KEPT)
    path = Path("compose.yaml" if file == "-" else file)
    project = read_project(path, os.environ, text=data.decode("utf-8", "replace"))
    return containers_of(project, engine=ENGINE), list(project.problems)


def _has_documents(data: bytes) -> bool:
    """A list of an engine's documents, or one of them. A Compose file may be JSON too, but is never a list."""
    start = data.lstrip()[:1]
    return start == b"[" or (start == b"{" and b'"Id"' in data)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        fix = "name a Compose file, a recording, a file that `docker inspect` wrote, or - for stdin"
        raise PermanentError(f"it cannot be read: {error.strerror}", fix=fix) from None
