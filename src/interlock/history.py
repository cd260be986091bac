"""The diary: every plan that a proxy confirmed becomes a numbered revision, kept in memory and on disk.

It listens to the bulletin and writes a moment later, in a thread, so that no event waits for a disk. The folder holds
logs that are only ever appended to; each begins with everything that was wanted, so that the older ones can go.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import structlog

from interlock.core.happenings import AnyHappening, ApplyFailed, PlanApplied, ReloadDone, RoutesChanged
from interlock.core.model import Match, Route
from interlock.core.problems import InterlockError
from interlock.core.revision_log import Reading, base, lines
from interlock.core.revisions import Ledger
from interlock.host import files
from interlock.host.slices import in_thread

log = structlog.get_logger()

QUIET_SECONDS = 1.0
"""From a revision until it is written down, with those that came meanwhile."""
LARGEST_LOG = 16 << 20
LARGEST_FOLDER = 64 << 20
"""Bytes of one log after which another is begun, and of all together, beyond which the oldest goes."""
SUFFIX = ".jsonl"


class History:
    """The revisions of one Interlock."""

    def __init__(
        self,
        table: Mapping[Match, Route],
        *,
        keep: int,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`table` is what is wanted now, whenever it is looked at; without `folder` nothing is written down."""
        self.ledger = Ledger(keep=keep)
        self._keep = keep
        self._table = table
        self._folder = folder
        self._clock = clock
        self._touched: set[Match] = set()
        self._log: Path | None = None
        """The log that is appended to; None before the first writing of this run, and after one that failed."""
        self._in_log = 0
        """Revisions in it."""
        self._news = asyncio.Event()
        self._is_unkept = False

    def open(self) -> None:
        """Read what was written before a restart. What is damaged is left out, and the operator told."""
        if self._folder is None:
            return
        reading = Reading()
        try:
            for path in _logs(files.folder(self._folder, mode=0o700)):
                reading.next_number = max(reading.next_number, _number(path) + 1)
                _read(reading, path)
        except InterlockError as error:
            log.error(f"[interlock] the revisions before this start are lost: {error}")
            return
        self.ledger.restore(reading.revisions[-self._keep :], reading.table, reading.next_number)

    def hear(self, happening: AnyHappening) -> None:
        """For the bulletin."""
        match happening:
            case RoutesChanged(routes=routes):
                self._touched.update(routes)
            case PlanApplied() | ReloadDone() | ApplyFailed():
                self.ledger.note(happening, self._touched, self._table, at=self._clock())
                if not isinstance(happening, ApplyFailed):
                    self._touched.clear()
                self._news.set()
            case _:
                pass

    async def run(self) -> NoReturn:
        """Write down what is new, a moment after it came."""
        while True:
            await self._news.wait()
            await asyncio.sleep(QUIET_SECONDS)
            self._news.clear()
            await self.save()

    async def save(self) -> None:
        """Write down what is not yet."""
        ledger = self.ledger
        new = [revision for revision in ledger.revisions if revision.number > ledger.sealed]
        if self._folder is None or not new:
            return
        ledger.sealed = new[-1].number
        is_full = self._in_log >= self._keep or (self._log is not None and _size(self._log) > LARGEST_LOG)
        start: Iterable[bytes] = ()
        if self._log is None or is_full:
            self._log, self._in_log = self._folder / f"{new[0].number:012}{SUFFIX}", 0
            start = base(ledger.table_after(new[0].number - 1), new[0].number)
        try:
            await in_thread(_append, self._log, (*start, *lines(new)))
            await in_thread(_prune, self._folder, self._log, self._keep)
            self._in_log += len(new)
            self._is_unkept = False
        except OSError as error:
            ledger.sealed, self._log = new[0].number - 1, None
            if not self._is_unkept:
                log.error(f"[interlock] revisions are not written down: {self._folder}: {error.strerror or error}")
            self._is_unkept = True


def _append(path: Path, new: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        for line in new:
            file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _read(reading: Reading, path: Path) -> None:
    """Raises PermanentError where the file may not be read."""
    reading.begin()
    text = (files.read(path) or "").encode().splitlines()
    for number, line in enumerate(text, 1):
        try:
            reading.read(line)
        except ValueError as error:
            reading.next_number += len(text) - number + 1
            log.warning(
                f"[interlock] {path} is damaged at line {number}, and not read any further: {error}; "
                "its other revisions are forgotten, new ones get higher numbers"
            )
            return


def _prune(folder: Path, current: Path, keep: int) -> None:
    """Remove the oldest logs: those that nothing kept is in, and what is too much altogether."""
    logs = _logs(folder)
    while len(logs) > 1:
        beyond = _number(current) - _number(logs[1])
        if beyond < keep and sum(map(_size, logs)) <= LARGEST_FOLDER:
            return
        logs.pop(0).unlink(missing_ok=True)


def _logs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def _number(path: Path) -> int:
    """The first revision in a log."""
    return int(path.stem)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
