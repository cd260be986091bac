"""Containers with a proxy in them, without an engine."""

import asyncio
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from interlock.host import process
from interlock.host.process import Ended

PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"


class PaperContainer:
    """Answers to programs as it is told to, and to all others with nothing; `asked` are those that were run."""

    def __init__(self, answers: dict[str, Ended]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def run(self, argv: Sequence[str], *, seconds: float) -> Ended:  # noqa: ARG002 - it takes no time
        self.asked.append(shlex.join(argv))
        return self.answers.get(self.asked[-1], Ended(0, ""))


class MachineContainer:
    """This machine, as if it were one: a command that it is started with, and programs that are run beside that."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self, argv: Sequence[str], *, seconds: float) -> Ended:
        program = shutil.which(argv[0], path=PROGRAMS)
        assert program is not None, f"{argv[0]} is not installed"
        return await process.run([program, *argv[1:]], seconds=seconds)

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": PROGRAMS},
            cwd=Path("/"),
            start_new_session=True,
        )

    async def kill(self) -> None:
        """All of it at once, as an engine does."""
        if self._process is not None:
            process.signal_group(self._process.pid, signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)
            self._process = None
