"""Whether this machine lets Interlock be: its folders, another Interlock, the limit on open files."""

import fcntl
import os
import resource
import shutil
import socket
import stat
import struct
from pathlib import Path

from interlock.core.problems import shown
from interlock.doctor.check import Check, problem, warning, well
from interlock.host.process import user_name
from interlock.host.procfs import title_of
from interlock.settings import Settings

SOCKET = "interlock.sock"
LOCK = "interlock.lock"
"""Of each proxy, below the run folder."""
LEAST_SPACE = 50 << 20
"""Bytes; the files of 10,000 routes take about 20 MB, twice while they are replaced."""
ANSWER_SECONDS = 1.0

_PEER = struct.Struct("3i")
"""struct ucred of unix(7): process, user and group."""


def check_folders(settings: Settings) -> list[Check]:
    """That of what is kept, and that of sockets."""
    return [
        _folder("state folder", Path(settings.state_dir), "INTERLOCK_STATE_DIR"),
        _folder("run folder", Path(settings.run_dir), "INTERLOCK_RUN_DIR"),
    ]


def _folder(about: str, path: Path, variable: str) -> Check:
    fix = f"run as root, or point {variable} to a folder of your own"
    there = path if path.exists() else _nearest(path)
    try:
        status = there.stat()
        space = shutil.disk_usage(there).free
    except OSError as error:
        return problem(about, f"{path}: {error.strerror}", fix)
    if not stat.S_ISDIR(status.st_mode):
        return problem(about, f"{there} is no folder", f"move it away, or set {variable}")
    if not os.access(there, os.W_OK | os.X_OK):
        may_not = "may not be written to" if there == path else f"is not there, and {there} may not be written to"
        return problem(about, f"{path} {may_not} by {user_name(os.geteuid())}", fix)
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return problem(about, f"anybody may write to {there}, and so take over the proxy", f"chmod o-w {there}")
    if space < LEAST_SPACE:
        return warning(about, f"{path} has only {space >> 20} MB left", "free some space")
    return well(about, f"{path}{'' if there == path else ' will be made'}")


def _nearest(path: Path) -> Path:
    """The folder above it that is there."""
    return next(parent for parent in path.parents if parent.exists())


def check_other_interlock(settings: Settings) -> Check:
    """Whether one runs in the same folders; that is as it should be, unless one is to be started."""
    about, run = "other interlock", Path(settings.run_dir)
    process = _listener(run / SOCKET)
    if process is not None:
        who = f"process {process} ({shown(title_of(process))})" if process else "a process of another namespace"
        return well(about, f"one runs in {run}: {who}")
    held = [lock for lock in sorted(run.glob(f"*/{LOCK}")) if _is_held(lock)]
    if held:
        what = f"{held[0]} is held by a process, but no Interlock answers on {run / SOCKET}"
        return problem(about, what, f"find it with `fuser {held[0]}`, and stop it")
    return well(about, f"none runs in {run}")


def _listener(path: Path) -> int | None:
    """The process that listens there, 0 for one that is out of sight; None where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(path))
            process, _, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        except PermissionError:
            return 0
        except OSError:
            return None
    return int(process)


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not ours to look into
    return False


def check_open_files(name: str, needed: int, setting: str) -> Check:
    """Whether the limit that a proxy will have is enough for the connections that it is to take."""
    about = f"{name} open files"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        what = f"at most {hard} may be open, and {setting} takes about {needed}"
        return problem(
            about, what, f"raise the limit (ulimit -Hn {needed}, or LimitNOFILE={needed}), or lower {setting}"
        )
    return well(about, f"{'any number' if hard == resource.RLIM_INFINITY else hard} may be open, {needed} are needed")
