"""Revisions as lines of JSON: everything wanted at first, and then what each revision changed. Text in, text out."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from interlock.core.model import Match, Route
from interlock.core.revisions import Change, Revision

ROUTES_OF_A_LINE = 64


class _Base(msgspec.Struct, frozen=True, tag_field="line", tag="base"):
    """The first line: the routes that follow, in lines of their own, are all that was wanted before this revision."""

    next_number: int


class _Routes(msgspec.Struct, frozen=True, tag_field="line", tag="routes"):
    routes: tuple[Route, ...]


class _Noted(msgspec.Struct, frozen=True, tag_field="line", tag="revision"):
    """A revision; its changes are told by what is wanted now."""

    revision: Revision
    wanted: tuple[Route, ...] = ()
    gone: tuple[Match, ...] = ()


_line = msgspec.json.Decoder(_Base | _Routes | _Noted)


class Reading:
    """Puts revisions together from the lines of one log after the other, the oldest first."""

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        self.table: dict[Match, Route] = {}
        """Everything wanted at the last revision."""
        self.next_number = 1
        self._base: dict[Match, Route] | None = None
        """What the log that has begun says was wanted at first; None once its first revision was read."""

    def begin(self) -> None:
        """Another log follows."""
        self._base = None

    def read(self, line: bytes) -> None:
        """Take in one line. Raises ValueError for what is none; then the rest of its log is worth nothing."""
        match _line.decode(line):
            case _Base(next_number=number):
                self._base = {}
                self.next_number = max(self.next_number, number)
            case _Routes(routes=routes):
                if self._base is None:
                    raise ValueError("routes where none belong")
                self._base.update((route.match, route) for route in routes)
            case _Noted() as noted:
                self._note(noted)

    def _note(self, noted: _Noted) -> None:
        if self._base is not None:
            if self._base != self.table:
                self.revisions.clear()  # between them and what follows something is missing
            self.table, self._base = self._base, None
        elif not self.revisions:
            raise ValueError("a revision without what was wanted before it")
        wanted: dict[Match, Route | None] = {route.match: route for route in noted.wanted} | dict.fromkeys(noted.gone)
        changes = tuple(Change(match, self.table.get(match), wanted[match]) for match in sorted(wanted))
        self.table.update((route.match, route) for route in noted.wanted)
        for match in noted.gone:
            self.table.pop(match, None)
        self.revisions.append(msgspec.structs.replace(noted.revision, changes=changes))
        self.next_number = max(self.next_number, noted.revision.number + 1)


def base(table: Mapping[Match, Route], next_number: int) -> Iterator[bytes]:
    """The lines that begin a log."""
    yield _encoded(_Base(next_number))
    rest = iter(table.values())
    while part := tuple(islice(rest, ROUTES_OF_A_LINE)):
        yield _encoded(_Routes(part))


def lines(revisions: Iterable[Revision]) -> Iterator[bytes]:
    for revision in revisions:
        wanted = tuple(change.now for change in revision.changes if change.now is not None)
        gone = tuple(change.match for change in revision.changes if change.now is None)
        yield _encoded(_Noted(msgspec.structs.replace(revision, changes=()), wanted, gone))


def _encoded(line: msgspec.Struct) -> bytes:
    return msgspec.json.encode(line) + b"\n"
