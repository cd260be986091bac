"""Which routes are otherwise than at an earlier look, for who has all of them and wants to keep up."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from interlock.core.model import Match, RouteTable
from interlock.core.status import RouteStatus, route_status

MOST_KEPT = 4096
"""Routes whose last change is known; who missed more is told everything."""
START = "0"
"""What who knows nothing yet asks for the changes since."""


class GoneRoute(msgspec.Struct, frozen=True):
    """A route that nobody asks for any more."""

    host: str
    path: str


class RoutesSince(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the routes since an earlier look."""

    at: str
    """To be told at the next look. It has no meaning to anybody else."""
    whole: bool
    """Whether these are all routes, so that what was known before is to be forgotten."""
    routes: tuple[RouteStatus, ...]
    """Those that are new or otherwise, as they are now; sorted."""
    gone: tuple[GoneRoute, ...] = ()
    """Sorted."""


class KnownRoutes:
    """All routes, as somebody knows them who is told of the changes only."""

    def __init__(self) -> None:
        self.at = START
        """What to ask for the changes since."""
        self._known: dict[Match, RouteStatus] = {}

    def __iter__(self) -> Iterator[RouteStatus]:
        return (self._known[match] for match in sorted(self._known))

    def take(self, told: RoutesSince) -> None:
        """Take in what became of them since `at`."""
        if told.whole:
            self._known.clear()
        for gone in told.gone:
            self._known.pop(Match(gone.host, gone.path), None)
        self._known.update((Match(route.host, route.path), route) for route in told.routes)
        self.at = told.at


class RouteChanges:
    """Numbers what changes in a route table, and tells what came after a number."""

    def __init__(self, table: RouteTable, *, run: str) -> None:
        """`run` names this process, so that a number of an earlier one is not taken for ours."""
        self._table = table
        self._run = run
        self._number = 0
        self._changed: OrderedDict[Match, int] = OrderedDict()
        """Match -> the number of its last change, the oldest first."""
        self._forgotten = 0
        """Up to which number not all changes are known any more."""

    def note(self, matches: Iterable[Match]) -> None:
        """These are otherwise than they were, new, or gone."""
        self._number += 1
        for match in matches:
            self._changed[match] = self._number
            self._changed.move_to_end(match)
        while len(self._changed) > MOST_KEPT:
            _, self._forgotten = self._changed.popitem(last=False)

    def since(self, at: str) -> RoutesSince:
        """What is otherwise than when somebody was told `at`; all there is where that is not known."""
        now, number = f"{self._run}-{self._number}", self._number_of(at)
        if number is None:
            return RoutesSince(at=now, whole=True, routes=tuple(map(route_status, self._table.values())))
        matches = sorted(self._after(number))
        return RoutesSince(
            at=now,
            whole=False,
            routes=tuple(route_status(self._table[match]) for match in matches if match in self._table),
            gone=tuple(GoneRoute(match.host, match.path) for match in matches if match not in self._table),
        )

    def _after(self, number: int) -> Iterable[Match]:
        for match, changed in reversed(self._changed.items()):
            if changed <= number:
                return
            yield match

    def _number_of(self, at: str) -> int | None:
        """None for what is none of ours, or too long ago."""
        run, _, digits = at.partition("-")
        if run != self._run or not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(self._number)):
            return None
        number = int(digits)
        return number if self._forgotten <= number <= self._number else None
