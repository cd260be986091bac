"""NGINX's files: beside those of every proxy its control socket, and where it puts its pid and bodies."""

from pathlib import Path

from interlock.host import files
from interlock.host.process import Identity
from interlock.proxies.nginx.frame import CONFIG
from interlock.proxies.serving import disk
from interlock.proxies.serving.contained import SharedFiles


class Disk(disk.Disk):
    """The files of one NGINX."""

    def __init__(
        self, state_dir: Path, run_dir: Path, config_path: str, identity: Identity | None, *, pid_path: str = ""
    ) -> None:
        super().__init__(state_dir, run_dir, identity, name=CONFIG, config_path=config_path)
        self.control_socket = run_dir / "control.sock"
        self.pid_file = Path(pid_path) if pid_path else run_dir / "nginx.pid"
        self.temp_dir = self._make_temp_dir()

    def _make_temp_dir(self) -> Path:
        """For bodies that are buffered; NGINX makes folders in it."""
        return files.folder(self.state_dir / "temp", mode=0o770, group=self.group)


class SharedDisk(SharedFiles, Disk):
    """The files of an NGINX in a container."""

    def __init__(self, state_dir: Path, run_dir: Path, identity: Identity) -> None:
        super().__init__(state_dir, run_dir, "", identity)
        self.lock = state_dir / "interlock.lock"
        self.check_length(self.control_socket)

    def _make_temp_dir(self) -> Path:
        """The container's own: workers of a master that is root are somebody whom we do not know."""
        return Path("/tmp")  # noqa: S108 - nobody else is in the container
