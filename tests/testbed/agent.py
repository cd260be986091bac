"""Agents on engines' hosts, over mutual TLS, and what an Interlock needs to watch them instead of the engines."""

import itertools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from testbed.dockerd import PrivateDockerd
from testbed.programs import environment, run
from testbed.waiting import wait_for

PROGRAM = Path(sys.executable).with_name("interlock")
SECONDS = 60.0
_PORTS = itertools.count(7700)
"""The engine's network is its own."""


class AgentKeys:
    """The certificates of some agents and of the Interlocks that they let in; a context manager."""

    def __init__(self, *names: str) -> None:
        """`names` are those of agents that are reached from elsewhere."""
        self.folder = Path(tempfile.mkdtemp(prefix="interlock-agent-keys-"))
        self.options = (
            *("--swarm-tls-ca-cert", str(self.folder / "ca.pem")),
            *("--swarm-tls-cert", str(self.folder / "client.pem")),
            *("--swarm-tls-key", str(self.folder / "client-key.pem")),
        )
        """Of Interlock."""
        self._names = names

    def __enter__(self) -> Self:
        try:
            names = [word for name in self._names for word in ("--name", name)]
            run([PROGRAM, "agent", "keys", "--dir", self.folder, *names], seconds=SECONDS)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)


class NativeAgent:
    """`interlock agent` as a program on an engine's host; a context manager, which demands that it ends well."""

    def __init__(self, engine: PrivateDockerd, keys: AgentKeys, *, address: str = "127.0.0.1") -> None:
        """`address` is where it listens, and is reached by Interlock."""
        self._engine = engine
        self._keys = keys
        self._listens = f"{address}:{next(_PORTS)}"
        self.url = f"https://{self._listens}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file = Path()

    def __enter__(self) -> Self:
        """Start it, and wait until it listens."""
        self._log_file = Path(tempfile.mkstemp(prefix="interlock-agent-", suffix=".log")[1])
        files = ("--tls-ca", "ca.pem", "--tls-cert", "agent.pem", "--tls-key", "agent-key.pem")
        command = [PROGRAM, "agent", "--engine", self._engine.url, "--listen", self._listens, *files]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._engine.on_host(command), cwd=self._keys.folder, stderr=log, env=environment()
            )
        try:
            wait_for(lambda: "agent running" in self.log, "the agent's first line", seconds=SECONDS)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        code, log = self._end()
        assert code == 0, log

    def _end(self) -> tuple[int, str]:
        """Its exit code and its log."""
        assert self._process is not None, "not started"
        self._process.terminate()
        code, log = self._process.wait(SECONDS), self.log
        self._log_file.unlink()
        return code, log

    @property
    def log(self) -> str:
        return self._log_file.read_text("utf-8", "replace")
