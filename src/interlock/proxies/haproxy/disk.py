"""HAProxy's files: beside those of every proxy its sockets, and the state of its servers over a reload."""

from pathlib import Path

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.process import Identity
from interlock.proxies.haproxy.render import CONFIG
from interlock.proxies.serving import disk


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


class SharedDisk(Disk):
    """The files of a HAProxy in a container, which sees their folder under the same path.

    What is above that folder is another world there. What only Interlock may write is in no folder of the proxy's.
    """

    def __init__(self, state_dir: Path, run_dir: Path, identity: Identity) -> None:
        super().__init__(state_dir, run_dir, "", identity)
        self.lock = state_dir / "interlock.lock"
        self.socket_mode = "660"
        """We need not be the user that HAProxy runs as, but share a group."""
        if len(str(self.master_socket)) > disk.LONGEST_SOCKET_PATH:
            raise PermanentError(
                f"{run_dir} is too long a path for a socket",
                fix="set INTERLOCK_EXTERNAL_DIR to a shorter one, or give the proxy's container a shorter hostname",
            )

    def within_reach(self, path: str) -> str:
        """A copy beside the configuration; what we cannot read is left to the proxy's check to refuse."""
        text = files.read(Path(path)) if path else None
        if text is None:
            return path
        copy = files.folder(self.state_dir / "copies", group=self.group) / Path(path).name
        files.write(copy, text, group=self.group, lasting=False)
        return str(copy)
