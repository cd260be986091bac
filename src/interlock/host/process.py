"""Programs that we run: a check that ends by itself, and a service that is to stay."""

import asyncio
import contextlib
import grp
import os
import pwd
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from interlock.core.problems import PermanentError, TemporaryError
from interlock.host.tasks import Tasks

OUTPUT_LIMIT = 1 << 20
"""Bytes of a program's output that are kept."""
LAST_WORDS_SECONDS = 0.2
"""For what a program printed before its end to arrive; without orphans that is at once."""


class Identity(msgspec.Struct, frozen=True):
    """The user that a program of ours runs as, when we are root and need not be."""

    name: str
    uid: int
    gid: int


class Ended(msgspec.Struct, frozen=True):
    """A program that ended."""

    code: int
    output: str
    """Standard output and error together, as UTF-8 with replacements."""


def unprivileged(names: Sequence[str]) -> Identity | None:
    """The first of these users that exists; None when we are not root, and so are nobody special already."""
    if os.geteuid() != 0:
        return None
    for name in names:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return Identity(name, user.pw_uid, user.pw_gid)
    raise PermanentError(f"none of the users {', '.join(names)} exists", fix=f"adduser --system --group {names[0]}")


def as_identity(argv: Sequence[str], identity: Identity | None, *, ports_below_1024: bool = False) -> list[str]:
    """`argv`, run as somebody else by util-linux's setpriv, with no capability but (if asked) that for low ports."""
    if identity is None:
        return list(argv)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PermanentError("setpriv is not installed, so the proxy cannot drop root", fix="install util-linux")
    capability = "+net_bind_service" if ports_below_1024 else "-all"
    bounded = ["-all,+net_bind_service"] if ports_below_1024 else ["-all"]
    user = [f"--reuid={identity.uid}", f"--regid={identity.gid}", "--clear-groups"]
    capabilities = [f"--inh-caps={'-all,' if ports_below_1024 else ''}{capability}", f"--bounding-set={bounded[0]}"]
    if ports_below_1024:
        capabilities.append(f"--ambient-caps=-all,{capability}")
    return [setpriv, *user, *capabilities, "--no-new-privs", "--", *argv]


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


async def run(argv: Sequence[str], *, seconds: float, folder: Path | None = None) -> Ended:
    """Run a program to its end, in an empty environment.

    Raises:
        PermanentError: it cannot be started at all.
        TemporaryError: it did not end in time (and was killed).
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={},
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise PermanentError(f"{argv[0]}: {error.strerror or error}", fix="install it or correct its path") from error
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise TemporaryError(f"{Path(argv[0]).name} did not end within {seconds:g} s") from error
    finally:
        if process.returncode is None:
            signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    return Ended(process.returncode or 0, output[:OUTPUT_LIMIT].decode(errors="replace"))


class Service:
    """A program that is to stay: started by us in its own session, or found running and adopted."""

    def __init__(self, pid: int, process: asyncio.subprocess.Process | None) -> None:
        self.pid = pid
        self._process = process
        self._gone = asyncio.Event()
        self._said_all = asyncio.Event()
        self._tasks = Tasks(f"process {pid}")
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            if process is None:
                raise
            self._gone.set()  # our child ended at once, and asyncio has taken note of it already
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, self._note_end)

    @classmethod
    async def start(cls, argv: Sequence[str], *, on_line: Callable[[str], None]) -> "Service":
        """Start it with an empty environment; each line that it prints goes to `on_line`, for as long as it lives.

        Its own session keeps a Ctrl-C for us from killing it too, and lets it outlive a crash of ours.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={},
                start_new_session=True,
                limit=OUTPUT_LIMIT,
            )
        except OSError as error:
            raise PermanentError(
                f"{argv[0]}: {error.strerror or error}", fix="install it or correct its path"
            ) from error
        service = cls(process.pid, process)
        service._tasks.start("output", service._listen(on_line))
        return service

    @classmethod
    def adopt(cls, pid: int) -> "Service":
        """Take over a running process that is not our child.

        Raises:
            TemporaryError: there is no such process.
        """
        try:
            return cls(pid, None)
        except OSError as error:
            raise TemporaryError(f"process {pid}: {error.strerror or error}") from error

    async def ended(self) -> str:
        """Wait for its end; say how it ended.

        It has ended even if children of it go on, and hold what it printed to. What it printed last has been passed on.
        """
        await self._gone.wait()
        process = self._process
        if process is None:
            return "it ended"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._said_all.wait()
        while process.returncode is None:  # noqa: ASYNC110 - asyncio tells it nowhere before its pipes have closed
            await asyncio.sleep(0.001)
        code = process.returncode
        return f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"it exited with code {code}"

    def signal(self, number: signal.Signals) -> None:
        """Signal the process; one that is gone already needs none."""
        if not self._gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill_group(self) -> None:
        """Kill it and all it started; only for one that would not stop."""
        signal_group(self.pid, signal.SIGKILL)

    def _note_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._gone.set()

    async def _listen(self, on_line: Callable[[str], None]) -> None:
        stdout = self._process.stdout if self._process is not None else None
        assert stdout is not None  # noqa: S101 - asked for in start
        while line := await _line(stdout):
            on_line(line.decode(errors="replace").rstrip())
        self._said_all.set()


def leader_of(pid: int) -> int:
    """The process that leads its group; itself when it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return pid


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process that leads a session of its own, and all it started, also those that outlived it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # a line longer than OUTPUT_LIMIT; the reader dropped it
        return b"...\n"
