"""`interlock record`: what comes in, in a file."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, Annotated

import typer

from interlock.cli.daemon import daemon_of
from interlock.cli.durations import seconds_of
from interlock.core.problems import PermanentError, shown
from interlock.settings import SettingsError

STDOUT = "-"
MEBIBYTE = 1 << 20


def record(
    ctx: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file, which only you may read; or - for stdout.")],
    duration: Annotated[
        str,
        typer.Option("--for", metavar="DURATION", help="End by itself after 90s, 10m or 2h, at most 10 s late."),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, metavar="MIB", help="End when the file is that large.")
    ] = 256,
) -> None:
    """Record what comes in, for `replay`, until Ctrl-C.

    First all that is known, then every event of the engines, every answer to a probe and every order, as they are taken
    in. Of a container's environment only the variables that Interlock reads are recorded, of its labels those of
    Interlock and Compose. The daemon works on as ever.

    Exit codes: 0 it was recorded; 1 Interlock does not run, or ended; 2 the file cannot be made.

    Example: interlock record monday.jsonl --for 10m
    """
    seconds = seconds_of("--for", duration) if duration else float("inf")
    daemon = daemon_of(ctx.obj)
    with _opened(file) as out:
        count = _copy(daemon.recording(limit * MEBIBYTE), out, seconds)
    typer.echo(f"recorded {count} lines", err=True)


def _copy(lines: Iterator[bytes], out: IO[bytes], seconds: float) -> int:
    """How many lines were written before the end, Ctrl-C or the recording's own."""
    count, end = 0, time.monotonic() + seconds
    try:
        for line in lines:
            if line.strip():
                out.write(line)
                out.flush()
                count += 1
            if time.monotonic() > end:
                break
    except KeyboardInterrupt:
        pass
    return count


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """Raises SettingsError where there is such a file already, PermanentError where the disk is full."""
    if path == STDOUT:
        yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{shown(path)} cannot be made: {error.strerror}", fix="name a new file") from None
    with closing(os.fdopen(descriptor, "wb")) as out:
        try:
            yield out
        except OSError as error:
            raise PermanentError(f"{shown(path)}: {error.strerror}", fix="free some space") from error
