"""Files that are either the old ones or the new ones, whatever happens while they are written."""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
from pathlib import Path
from typing import IO

from interlock.core.problems import PermanentError, TemporaryError

PIECE = 1 << 17
"""Characters that are encoded and written at once: some tens of microseconds."""

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE}


def write(path: Path, content: str | bytes, *, mode: int = 0o640, group: int = -1, lasting: bool = True) -> None:
    """Replace a file atomically: temporary file, fsync, rename, fsync of the folder.

    It goes out in pieces, between which an event loop beside this thread gets its turn.

    One that need not survive a power cut (`lasting` false) is not synced: that takes milliseconds a file.

    A target that cannot be renamed over (a bind-mounted file: EBUSY) is overwritten in place, as the only way left.

    Raises:
        TemporaryError: no space, too many open files; the old content is untouched.
        PermanentError: no permission, read-only file system; the old content is untouched.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.new")
    try:
        with _created(temporary, mode) as file:
            _put(file, content)
            if lasting:
                os.fsync(file.fileno())
            if group >= 0:
                os.fchown(file.fileno(), -1, group)
        _move(temporary, path, content)
        if lasting:
            _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):  # nothing can be removed from a read-only disk either
            temporary.unlink(missing_ok=True)
        raise _told(error, path) from error


def read(path: Path) -> str | None:
    """Content of a text file; None when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _told(error, path) from error


def folder(path: Path, *, mode: int = 0o750, group: int = -1) -> Path:
    """Make a folder (and those above it) of ours, with exactly this mode."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if group >= 0:
            os.chown(path, -1, group)
    except OSError as error:
        raise _told(error, path) from error
    return path


def secret(path: Path) -> str:
    """A password kept in a file of mode 600, made at the first call: 24 random characters."""
    known = read(path)
    if known is not None and known.strip():
        return known.strip()
    made = secrets.token_urlsafe(18)
    write(path, f"{made}\n", mode=0o600)
    return made


class Lock:
    """An exclusive lock on a file, held until the process ends: two Interlocks must not drive one proxy."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a")
        except OSError as error:
            raise _told(error, path) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise PermanentError(
                f"another Interlock holds {path}",
                fix="stop the other one, or give this one its own INTERLOCK_STATE_DIR and INTERLOCK_RUN_DIR",
            ) from error

    def release(self) -> None:
        self._file.close()


def _put(file: IO[bytes], content: str | bytes) -> None:
    for start in range(0, len(content), PIECE):
        piece = content[start : start + PIECE]
        file.write(piece.encode() if isinstance(piece, str) else piece)
    file.flush()


def _created(path: Path, mode: int) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    os.fchmod(descriptor, mode)
    return os.fdopen(descriptor, "wb")


def _move(temporary: Path, path: Path, content: str | bytes) -> None:
    try:
        temporary.replace(path.resolve())
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.EXDEV}:
            raise
        with path.open("wb") as file:
            _put(file, content)
            os.fsync(file.fileno())
        temporary.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some file systems do not sync folders; the rename itself is done
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(error: OSError, path: Path) -> TemporaryError | PermanentError:
    what = f"{path}: {error.strerror or error}"
    if error.errno in _PASSING:
        return TemporaryError(what, fix="free some space or raise the limit")
    return PermanentError(
        what, fix="run as root, or point INTERLOCK_STATE_DIR and INTERLOCK_RUN_DIR to your own folders"
    )
