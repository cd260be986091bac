"""HAProxy's files: beside those of every proxy its sockets, and the state of its servers over a reload."""

from pathlib import Path

from interlock.host import files
from interlock.host.process import Identity
from interlock.proxies.haproxy.render import CONFIG
from interlock.proxies.serving import disk
from interlock.proxies.serving.contained import SharedFiles


class Disk(disk.Disk):
    """The files of one HAProxy."""

    def __init__(self, state_dir: Path, run_dir: Path, config_path: str, identity: Identity | None) -> None:
        super().__init__(state_dir, run_dir, identity, name=CONFIG, config_path=config_path)
        self.server_state = state_dir / "server.state"
        self.admin_socket = run_dir / "admin.sock"
        self.master_socket = run_dir / "master.sock"
        self.socket_mode = "600"

    def write_server_state(self, text: str) -> None:
        files.write(self.server_state, text, group=self.group, lasting=False)


class SharedDisk(SharedFiles, Disk):
    """The files of a HAProxy in a container."""

    def __init__(self, state_dir: Path, run_dir: Path, identity: Identity) -> None:
        super().__init__(state_dir, run_dir, "", identity)
        self.lock = state_dir / "interlock.lock"
        self.socket_mode = "660"
        """We need not be the user that HAProxy runs as, but share a group."""
        self.check_length(self.master_socket)
