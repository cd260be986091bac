"""A real Podman of our own: its Docker-compatible API on a socket, in namespaces that leave nothing behind."""

import contextlib
import os
from pathlib import Path
from typing import Any

from testbed.dockerd import CGROUP_ROOTS, PrivateDockerd
from testbed.namespaces import Namespaces
from testbed.programs import environment, run
from testbed.waiting import wait_for

SECONDS = 60.0
STORAGE = Path("/var/lib/containers")
"""Images and containers; the addresses that were given away are in /run, which is the namespaces' own anyhow."""
CONFIGURATION = """\
[containers]
cgroups = "no-conmon"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "netavark"
network_config_dir = "/run/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""Without systemd, and within the limits that the machine may set us; see containers.conf(5)."""
PARENT = "libpod_parent"
"""The control group in which every Podman of a machine keeps its containers'."""


class PrivatePodman(PrivateDockerd):
    """`podman system service`, to be used with Docker's commands, as a `PrivateDockerd` is.

    Podman has no daemon: when the service ends, containers go on, until the namespaces end.
    """

    def __init__(self, root: Path, **more: Any) -> None:
        super().__init__(root, **more)
        self.socket = root / "podman.sock"

    def _prepare(self, namespaces: Namespaces) -> None:
        (self.root / "cli").mkdir(exist_ok=True)
        (self.root / "containers.conf").write_text(CONFIGURATION, "utf-8")
        STORAGE.mkdir(exist_ok=True)
        run(namespaces.inside(["mount", "-t", "tmpfs", "tmpfs", STORAGE]))

    def start(self) -> None:
        """Start the service (again); returns when it answers."""
        assert self._namespaces is not None, "used outside `with`"
        assert self._log is not None, "used outside `with`"
        self.socket.unlink(missing_ok=True)
        env = environment(**self._variables())
        self._daemon = self._namespaces.start(self._command(), log=self._log, env=env, becomes="podman")
        wait_for(self._answers, f"podman (see {self.root}/dockerd.log)", seconds=SECONDS)

    def _command(self) -> list[str]:
        return ["podman", "system", "service", "--time=0", self.url]

    def _variables(self) -> dict[str, str]:
        return {"CONTAINERS_CONF": str(self.root / "containers.conf")}

    def close(self) -> None:
        """Kill everything at once, in whatever state it is."""
        groups = self._groups()
        super().close()
        with contextlib.suppress(OSError):  # the parent stays where the machine's own Podman uses it
            for group in groups:
                group.rmdir()

    def _groups(self) -> list[Path]:
        """The control groups of our containers, and their parents last."""
        if self._namespaces is None or not self._namespaces.keeper.lives:
            return []
        containers = Path(f"/proc/{self._namespaces.keeper.pid}/root{STORAGE}/storage/overlay-containers")
        names = [f"libpod-{entry.name}" for entry in containers.glob("*/")]
        parents = [Path(root, PARENT) for root in CGROUP_ROOTS]
        ours = [parent / name for parent in parents for name in names]
        return [group for group in (*ours, *parents) if group.is_dir()]


class RootlessPodman(PrivatePodman):
    """The same, run by a user like any other, who has no network of the machine's: slirp4netns and rootlessport."""

    USER, SUBORDINATES = 4242, "4242:200000:65536\n"

    def __init__(self, root: Path, **more: Any) -> None:
        super().__init__(root, **more)
        self._home, self._runtime = root / "home", root / "runtime"
        self.socket = self._runtime / "podman" / "podman.sock"

    def _prepare(self, namespaces: Namespaces) -> None:
        super()._prepare(namespaces)
        self.root.chmod(0o755)
        for folder in (self._home, self._runtime, self.socket.parent):
            folder.mkdir()
            os.chown(folder, self.USER, self.USER)
        files = {"subuid": self.SUBORDINATES, "subgid": self.SUBORDINATES}
        files["passwd"] = f"{Path('/etc/passwd').read_text()}rootless:x:{self.USER}:{self.USER}::{self._home}:/bin/sh\n"
        for name, text in files.items():
            (self.root / name).write_text(text, "utf-8")
            run(namespaces.inside(["mount", "--bind", self.root / name, f"/etc/{name}"]))
        # Images in memory, as those of the others; and the device by which a user makes a network, open to users.
        storage = self._home / ".local"
        for command in (
            f"mkdir {storage}",
            f"mount -t tmpfs tmpfs {storage}",
            f"chown {self.USER}:{self.USER} {storage}",
            "mknod /run/tun c 10 200",
            "chmod 666 /run/tun",
            "mount --bind /run/tun /dev/net/tun",
        ):
            run(namespaces.inside(command.split()))

    def _command(self) -> list[str]:
        identity = [f"--reuid={self.USER}", f"--regid={self.USER}", "--clear-groups"]
        return ["setpriv", *identity, *super()._command()]

    def _variables(self) -> dict[str, str]:
        own = {"HOME": str(self._home), "XDG_RUNTIME_DIR": str(self._runtime), "STORAGE_DRIVER": "vfs"}
        return super()._variables() | own
