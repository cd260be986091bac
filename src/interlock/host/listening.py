"""Sockets to listen on: a unix one that is nobody else's and never stolen from a process that lives, or TCP."""

import os
import re
import socket
import stat
from pathlib import Path

from interlock.core.problems import PermanentError, shown

BACKLOG = 64
LONGEST_PATH = 107
"""Bytes of a unix socket's path (sun_path, less its final zero)."""
ANSWER_SECONDS = 1.0

_ADDRESS = re.compile(r"(?:\[([^\[\]]+)\]|([^:]*)):([0-9]{1,5})")
"""``:8080``, ``127.0.0.1:8080``, ``[::1]:8080``."""
LARGEST_PORT = 65535


class Listener:
    """A socket file of mode 600, with somebody listening behind it."""

    def __init__(self, path: Path) -> None:
        """Raises PermanentError where it cannot be, or where another process listens already."""
        self.path = path
        _make_room(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(self.socket.fileno(), 0o600)  # so that the file has this mode from its first moment
            self.socket.bind(str(path))
            self.socket.listen(BACKLOG)
            self._identity = _identity(path)
        except OSError as error:
            self.socket.close()
            raise PermanentError(
                f"{path} cannot be listened on: {error.strerror or error}",
                fix="set INTERLOCK_RUN_DIR (or --run-dir) to a folder of your own",
            ) from error
        self.socket.setblocking(False)  # noqa: FBT003 - the standard library's own signature

    def close(self) -> None:
        """Stop listening, and remove the file if it is still ours."""
        self.socket.close()
        if _identity(self.path) == self._identity:
            self.path.unlink(missing_ok=True)


def listen_on(address: str, *, setting: str) -> socket.socket:
    """A TCP socket that listens on ``HOST:PORT``, or on every address for ``:PORT``; 0 is any free port.

    Raises PermanentError, which names the setting, where it cannot be.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found[3]) > LARGEST_PORT:
        raise PermanentError(f"{setting} is {shown(address)}, which is no address", fix="write it as 127.0.0.1:8080")
    host, port = found[1] or found[2], int(found[3])
    try:
        (family, _, _, _, where), *_ = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        if host:
            listener = socket.create_server(where[:2], family=family, backlog=BACKLOG)
        elif socket.has_dualstack_ipv6():
            listener = socket.create_server(("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
        else:
            listener = socket.create_server(("", port), backlog=BACKLOG)
    except OSError as error:
        raise PermanentError(
            f"{setting} = {address} cannot be listened on: {error.strerror or error}",
            fix=f"set {setting} to a free address of this machine",
        ) from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return listener


def _make_room(path: Path) -> None:
    """Remove what a dead process left. Raises PermanentError for anything that is not just that."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise PermanentError(
            f"{path} is longer than the {LONGEST_PATH} bytes of a socket's path",
            fix="set INTERLOCK_RUN_DIR (or --run-dir) to a shorter one",
        )
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise PermanentError(
            f"{path}: {error.strerror or error}", fix="run as root, or set INTERLOCK_RUN_DIR"
        ) from error
    if not stat.S_ISSOCK(found.st_mode):
        raise PermanentError(f"{path} is there, and is no socket", fix="move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise PermanentError(f"{path} cannot be reused: {error.strerror or error}", fix="remove it") from error
    raise PermanentError(
        f"another Interlock listens on {path}",
        fix="stop it, or give this one its own INTERLOCK_STATE_DIR and INTERLOCK_RUN_DIR",
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
