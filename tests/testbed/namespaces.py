"""Linux namespaces that live as long as one process: whatever runs or is mounted inside goes with it.

An engine in its own namespaces can be killed in any state without leaving a mount, a container or a firewall rule.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

from testbed.programs import ProgramError, run
from testbed.waiting import wait_for

HOSTNAME = "interlock-testbed"
SECONDS = 10.0
"""For what the kernel does at once unless the machine is very busy."""


class Keeper(msgspec.Struct, frozen=True):
    """The process that holds namespaces open; enough to find them again from another program."""

    pid: int
    born: str
    """Its start time (proc(5), field 22), by which a reused process number is recognised."""

    @classmethod
    def of(cls, pid: int) -> "Keeper":
        """A process that has just been started."""
        return cls(pid, _start_time(pid))

    @property
    def lives(self) -> bool:
        return _start_time(self.pid) == self.born


class Namespaces:
    """Mount, host name and process namespaces, and a network one if asked."""

    def __init__(self, keeper: Keeper, *, own_network: bool, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.keeper = keeper
        self._own_network = own_network
        self._process = process

    @classmethod
    def open(cls, *, own_network: bool, outlives_us: bool = False, hostname: str = HOSTNAME) -> "Namespaces":
        """Make them. They end with `close`, and (unless they are to outlive us) when this process dies."""
        # The keeper ignores SIGCHLD, so that the kernel itself reaps whatever is orphaned inside.
        keeper = ["env", "--ignore-signal=CHLD", "sleep", "infinity"]
        walls = ["unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--mount-proc"]
        walls += ["--kill-child", *(["--net"] if own_network else [])]
        leash = [] if outlives_us else ["setpriv", "--pdeathsig", "KILL"]
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                [*leash, *walls, *keeper],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
            )
            pid = wait_for(lambda: _keeper_of(process, complaints), "new namespaces", seconds=SECONDS)
        namespaces = cls(Keeper.of(pid), own_network=own_network, process=process)
        # Docker and containerd keep sockets in /run and would otherwise find those of the machine's own engine.
        for command in ("mount -t tmpfs tmpfs /run", "mkdir /run/lock", f"hostname {hostname}"):
            run(namespaces.inside(command.split()))
        return namespaces

    @property
    def network_file(self) -> Path:
        """What `nsenter --net=` and `ip link set … netns` take."""
        return Path(f"/proc/{self.keeper.pid}/ns/net")

    def inside(self, argv: Sequence[str | Path]) -> list[str]:
        """`argv`, as it runs inside."""
        network = ["--net"] if self._own_network else []
        doors = ["nsenter", "--target", str(self.keeper.pid), "--mount", "--root", "--uts", "--pid", *network]
        return [*doors, "--", *(str(word) for word in argv)]

    def on_host(self, argv: Sequence[str | Path]) -> list[str]:
        """`argv`, as it runs beside the engine: in its network, with our files and process numbers."""
        return ["nsenter", f"--net={self.network_file}", "--", *(str(word) for word in argv)]

    def start(self, argv: Sequence[str | Path], *, log: IO[bytes], env: dict[str, str], becomes: str = "") -> "Inmate":
        """Start a service inside; `becomes` is its name where another program only leads to it."""
        entrance = subprocess.Popen(
            self.inside(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
        )
        # nsenter forks, since a process cannot change its own process namespace.
        name = becomes or Path(argv[0]).name
        pid = wait_for(lambda: _child_named(entrance.pid, name), f"{name} inside", seconds=SECONDS)
        return Inmate(entrance, pid)

    def close(self) -> None:
        """Kill whatever is inside, and wait until it is gone."""
        if self.keeper.lives:
            os.kill(self.keeper.pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(SECONDS)
        wait_for(lambda: not self.keeper.lives, "the end of the namespaces", seconds=SECONDS)


class Inmate:
    """A process inside namespaces, by its process number outside."""

    def __init__(self, entrance: "subprocess.Popen[bytes]", pid: int) -> None:
        self._entrance = entrance
        self.pid = pid

    def send(self, number: signal.Signals) -> None:
        if self._entrance.poll() is None:
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop it in its tracks, until `thaw`."""
        self.send(signal.SIGSTOP)
        # nsenter stops itself when it sees its child stopped; a thaw before that would leave it asleep for ever.
        for pid in (self.pid, self._entrance.pid):
            wait_for(lambda pid=pid: _state(pid) == "T", f"process {pid} to stop", seconds=SECONDS)

    def thaw(self) -> None:
        for pid in (self.pid, self._entrance.pid):
            os.kill(pid, signal.SIGCONT)

    def wait(self, seconds: float) -> None:
        """Raises subprocess.TimeoutExpired."""
        self.let_go()
        self._entrance.wait(seconds)

    def let_go(self) -> None:
        """Wake its nsenter, so that it can reap it: until then its namespaces cannot end."""
        if self._entrance.poll() is None:
            os.kill(self._entrance.pid, signal.SIGCONT)

    @property
    def has_ended(self) -> bool:
        return self._entrance.poll() is not None


def _keeper_of(process: "subprocess.Popen[bytes]", complaints: IO[bytes]) -> int | None:
    """The process number of the keeper, once it runs. Raises ProgramError."""
    if process.poll() is None:
        return _child_named(process.pid, "sleep")
    complaints.seek(0)
    raise ProgramError(f"cannot make namespaces: {complaints.read().decode().strip()} (it takes root)")


def _child_named(pid: int, name: str) -> int | None:
    """The only child of a process, once it has become the program that was asked for."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    if len(children) != 1:
        return None
    words = Path(f"/proc/{children[0]}/cmdline").read_bytes().split(b"\0")
    return int(children[0]) if Path(words[0].decode()).name == name else None


def _start_time(pid: int) -> str:
    """ "" for a process that is gone, or dead and not yet reaped."""
    try:
        fields = _stat(pid)
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _state(pid: int) -> str:
    """One letter; ``T`` for a stopped process."""
    return _stat(pid)[0]


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) ``/proc/PID/stat`` from the third on. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
