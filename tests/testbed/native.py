"""Interlock as a program on the engine's host."""

import csv
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import IO, Protocol

from testbed.programs import environment
from testbed.visits import Site
from testbed.waiting import wait_for

PROGRAM = Path(sys.executable).with_name("interlock")
SECONDS = 60.0
END_SECONDS = 60.0
"""More than a plugin may take to close, by the bounds that Interlock gives it."""
_PORTS = itertools.count(8000)
"""The engine's network is its own, and no container publishes a port this low."""


class Host(Protocol):
    """Where Interlock runs."""

    @property
    def url(self) -> str:
        """Of the engine there; "" where there is none."""

    @property
    def address(self) -> str:
        """As this machine reaches it."""

    def on_host(self, argv: list[str | Path]) -> list[str]:
        """`argv`, as it runs there."""


class ThisMachine:
    """No engine's host, so that published ports are how containers are reached."""

    url = ""
    address = "127.0.0.1"

    @staticmethod
    def on_host(argv: list[str | Path]) -> list[str]:
        return [str(word) for word in argv]


class NativeInterlock:
    """One Interlock: its folders, its port, and its process, which may end and start again.

    Folders are open to HAProxy's unprivileged user, which pytest's own temporary folders are not.
    """

    def __init__(self, engine: Host, *, url: str = "", options: tuple[str, ...] = (), **variables: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="interlock-native-"))
        self.folder.chmod(0o755)
        self.port = int(variables.get("HAPROXY_PORT", "0")) or next(_PORTS)
        self._engine = engine
        self._options = ["--swarm-url", url or engine.url, "--debug", "--plugin", "haproxy", *options, "start"]
        self._environment = environment(
            **{
                "HAPROXY_PORT": str(self.port),
                "INTERLOCK_STATE_DIR": str(self.folder / "state"),
                "INTERLOCK_RUN_DIR": str(self.folder / "run"),
            }
            | variables
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.last_log = ""
        """What it had logged when its folders were removed."""

    def start(self) -> None:
        """Start it (again), without waiting."""
        self._log = (self.folder / "log").open("ab")
        command = self._engine.on_host([PROGRAM, *self._options])
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=self._environment
        )

    def wait_until_ready(self) -> None:
        """Until it has seen the engine's list and its proxy answers. Raises TimeoutError."""
        self.wait_for(r"engine \S+ listed \d+ containers")
        wait_for(self._answers, f"the proxy of Interlock; its log:\n{self.log}", seconds=SECONDS)

    def _answers(self) -> bool:
        assert self.runs, f"Interlock ended by itself:\n{self.log}"
        return self.site("").get("/haproxy?monitor").status == 200

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        """As `systemctl stop` does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a crash does: its proxy goes on."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "not started"
        assert self._log is not None, "not started"
        self._process.send_signal(number)
        code = self._process.wait(END_SECONDS)
        self._log.close()
        return code

    def end_well(self) -> str:
        """Stop it, remove what it left, and tell what was wrong: "" when it ran to the end and left nothing."""
        try:
            complaint = self._farewell()
        finally:
            self.last_log = self.log
            if self.runs:
                self.kill()
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder)
        return complaint

    def _farewell(self) -> str:
        if not self.runs:
            return "Interlock ended by itself"
        if code := self.stop():
            return f"Interlock ended with code {code} when it was stopped"
        if left := self.processes():
            return f"Interlock left processes behind: {left}"
        return ""

    # -- what it does ----------------------------------------------------------------------------------------------

    def site(self, host: str) -> Site:
        return Site(self._engine.address, self.port, host)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def wait_for(self, pattern: str, *, seconds: float = SECONDS) -> re.Match[str]:
        """The first match of a regular expression in its log. Raises TimeoutError."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.log)
            assert found or self.runs, f"Interlock ended by itself; its log:\n{self.log}"
            return found

        return wait_for(look, f"{pattern!r} in the log of Interlock", seconds=seconds)

    @property
    def reloads(self) -> int:
        """How often its proxy was reloaded so far."""
        return len(re.findall(r"proxy reloaded and ready", self.log))

    @property
    def steps(self) -> list[str]:
        """The lines of its log that tell what changed in the proxy, in order."""
        return re.findall(r"\[haproxy\] \S+: (?:upstream|weight|out of|removed).*", self.log)

    def statistics(self) -> list[dict[str, str]]:
        """The rows of the statistics page."""
        password = (self.folder / "state" / "haproxy" / "stats-password").read_text().strip()
        credentials = b64encode(f"stats:{password}".encode()).decode()
        page = self.site("").get("/haproxy?stats;csv", headers={"Authorization": f"Basic {credentials}"})
        assert page.status == 200, page
        return list(csv.DictReader(page.body.removeprefix("# ").splitlines()))

    def servers(self, backend: str) -> dict[str, str]:
        """The servers of a backend and their states, as the statistics page lists them."""
        summary = {"FRONTEND", "BACKEND"}
        return {
            row["svname"]: row["status"]
            for row in self.statistics()
            if row["pxname"] == backend and row["svname"] not in summary
        }

    def processes(self) -> list[int]:
        """What runs with its folders on the command line: its proxy."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if os.fsencode(self.folder) in command:
                found.append(int(entry.name))
        return found
