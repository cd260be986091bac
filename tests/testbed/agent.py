"""An agent on an engine's host, over mutual TLS, and what an Interlock needs to watch it instead of the engine."""

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


class NativeAgent:
    """`interlock agent` as a program; a context manager, which demands that it ends well."""

    def __init__(self, engine: PrivateDockerd) -> None:
        self._engine = engine
        self._folder = Path(tempfile.mkdtemp(prefix="interlock-agent-"))
        self.url = f"https://127.0.0.1:{next(_PORTS)}"
        """As Interlock on the engine's host reaches it."""
        self.options = (
            *("--swarm-tls-ca-cert", str(self._folder / "ca.pem")),
            *("--swarm-tls-cert", str(self._folder / "client.pem")),
            *("--swarm-tls-key", str(self._folder / "client-key.pem")),
        )
        """Of Interlock."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def start(self) -> None:
        """Make its certificates, start it, and wait until it listens."""
        run([PROGRAM, "agent", "keys", "--dir", self._folder], seconds=SECONDS)
        listen = ("--listen", self.url.removeprefix("https://"))
        files = ("--tls-ca", "ca.pem", "--tls-cert", "agent.pem", "--tls-key", "agent-key.pem")
        command = [PROGRAM, "agent", "--engine", self._engine.url, *listen, *files]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._engine.on_host(command), cwd=self._folder, stderr=log, env=environment()
            )
        wait_for(lambda: "agent running" in self.log, "the agent's first line", seconds=SECONDS)

    def __exit__(self, *_: object) -> None:
        assert self._process is not None, "not started"
        self._process.terminate()
        code, log = self._process.wait(SECONDS), self.log
        shutil.rmtree(self._folder)
        assert code == 0, log

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")
