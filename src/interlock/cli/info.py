"""`interlock info`: which versions are at work."""

import asyncio
import os
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from interlock.core.problems import InterlockError, shown
from interlock.host import process
from interlock.proxies.haproxy.binary import PROGRAM as HAPROXY
from interlock.proxies.nginx.binary import PROGRAM as NGINX
from interlock.proxies.serving.program import candidates
from interlock.version import __version__

SECONDS = 5.0
"""How long a proxy may take to say its version."""


class Program(msgspec.Struct, frozen=True):
    """A proxy's program on this machine."""

    name: str
    path: str | None = None
    version: str | None = None
    """First line of what it says about its version."""
    problem: str | None = None
    """Why there is no version."""

    def line(self) -> str:
        """For people: what it says of itself, and where it is."""
        if self.version is not None:
            return f"{self.version} ({self.path})"
        return f"{self.name}: {self.problem}" + (f" ({self.path})" if self.path else "")


class Info(msgspec.Struct, frozen=True):
    """What `info` says."""

    interlock: str
    programs: list[Program]


def info(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the versions of Interlock and of the proxies.

    A proxy that is not installed is said to be so; that is no error.

    Example: interlock info --json
    """
    answer = Info(__version__, asyncio.run(_programs()))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return
    typer.echo(f"interlock {answer.interlock}")
    for program in answer.programs:
        typer.echo(f" {program.line()}")


async def _programs() -> list[Program]:
    return [
        await _ask(program.name, candidates(program, os.environ.get(program.variable, "")))
        for program in (HAPROXY, NGINX)
    ]


async def _ask(name: str, paths: Sequence[str]) -> Program:
    path = next(iter(paths), None)
    if path is None:
        return Program(name, problem="not found")
    try:
        ended = await process.run([path, "-v"], seconds=SECONDS)
    except InterlockError as error:
        return Program(name, path, problem=error.what)
    first = ended.output.partition("\n")[0].strip()
    return Program(name, path, shown(first)) if first else Program(name, path, problem="says nothing")
