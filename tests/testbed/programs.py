"""Running a program to its end, and telling what it said when it fails."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 120.0
SHOWN_LINES = 40
"""Lines of a failed program's output that its error quotes."""


class ProgramError(Exception):
    """A program failed; the text has its command line and the end of its output."""


def run(
    argv: Sequence[str | Path],
    *,
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
) -> str:
    """What a program printed (both streams). Raises ProgramError when it fails, is missing or takes too long."""
    command = [str(word) for word in argv]
    try:
        ended = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{' '.join(command)}: not done after {seconds:g} s\n{_tail(error.stdout)}") from None
    except OSError as error:
        raise ProgramError(f"{command[0]}: {error.strerror}") from None
    if ended.returncode != 0:
        raise ProgramError(f"{' '.join(command)}: exit code {ended.returncode}\n{_tail(ended.stdout)}")
    return ended.stdout.decode("utf-8", "replace")


def succeeds(argv: Sequence[str | Path], *, seconds: float = SECONDS) -> bool:
    """Whether a program ends well; for a question, or a clean-up of what may be gone already."""
    try:
        run(argv, seconds=seconds)
    except ProgramError:
        return False
    return True


def environment(**changes: str) -> dict[str, str]:
    """Our environment with changes, and without what would send Docker's tools to somebody else's engine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "COMPOSE_"))}
    return kept | changes


def _tail(output: bytes | None) -> str:
    return "\n".join((output or b"").decode("utf-8", "replace").splitlines()[-SHOWN_LINES:])
