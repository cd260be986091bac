"""`interlock replay`: the whole program, driven by a recording."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from interlock.cli.arguments import AsJson
from interlock.cli.receipts import counted, print_json
from interlock.cli.revision_text import revision_table
from interlock.core import recording
from interlock.core.problems import PermanentError, shown
from interlock.core.revision_status import RevisionStatus, revision_status, summary
from interlock.core.status import RouteStatus, route_status
from interlock.host import logs
from interlock.replay.player import Replay, play
from interlock.settings import LogFormat, SettingsError

STDIN = "-"
DEBUG = "--debug"
"""The global flag."""


class Replayed(msgspec.Struct, frozen=True):
    """The whole answer of `interlock replay --json`."""

    revisions: tuple[RevisionStatus, ...]
    """The oldest first."""
    routes: tuple[RouteStatus, ...]
    """What is wanted at the end."""


def replay(
    ctx: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `interlock record` wrote; or - for stdin.")],
    json: AsJson = False,
) -> None:
    """Drive the whole program by a recording, without Docker.

    Every event, probe answer and order is taken in as it was, at the time that it had, and a proxy on paper serves what
    is wanted. The same recording always gives the same revisions, byte for byte, so `--json` of two versions of
    Interlock can be compared. With --debug, what the daemon would log goes to stderr.

    Exit codes: 0 done; 1 it is no recording, or damaged; 2 the file cannot be read.

    Example: interlock replay monday.jsonl
    """
    debug = DEBUG in ctx.obj.values
    logs.configure(debug=debug, log_format=LogFormat.LOGFMT, quiet=not debug)
    lines = _read(file).splitlines(keepends=True)
    try:
        found = asyncio.run(play(recording.read(lines)))
    except PermanentError as error:
        raise PermanentError(f"{shown(file)}: {error.what}", fix=error.fix) from error
    if json:
        print_json(_whole(found))
        return
    for line in revision_table([summary(revision) for revision in found.ledger.revisions]):
        typer.echo(line)
    end = f"; the recording ended because {found.ending}" if found.ending else ""
    typer.echo(f"{counted(found.turns, 'turn')}, {counted(len(found.table), 'route')} at the end{end}")


def _whole(found: Replay) -> Replayed:
    return Replayed(
        revisions=tuple(map(revision_status, found.ledger.revisions)), routes=tuple(map(route_status, found.table))
    )


def _read(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        fix = "name a file that `interlock record` wrote, or - for stdin"
        raise SettingsError(f"{shown(path)} cannot be read: {error.strerror}", fix=fix) from None
