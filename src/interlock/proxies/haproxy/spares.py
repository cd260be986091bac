"""Spare backends: loaded without servers, so that a new host is served at once, by a map entry and servers of its own.

A match that sits in a spare gets a backend of its own name with the next configuration that is loaded. What sits where
is told by the routes map of the running HAProxy alone; the files on disk know only backends of their own.
"""

from collections.abc import Mapping

from interlock.core.model import Match, Options
from interlock.proxies.haproxy.names import backend_name, match_of

SPARES = 64
"""Loaded with each configuration; HAProxy takes 8 to 11 kB for each (measured)."""
REMEMBERED = 1024
"""Matches whose former seats are known."""
SHORT = SPARES // 4
"""With fewer left than this, new ones are loaded at once."""


def spare(number: int) -> Match:
    """What a spare is named by: no container can ask for a host in upper case."""
    return Match(f"SPARE.{number}")


class Spares:
    """Which match sits in which spare."""

    def __init__(self, count: int) -> None:
        self.options: dict[Match, Options] = {}
        """What each match that sits in a spare asks for."""
        self.loaded_with = Options()
        """The options of every spare."""
        self._count = count
        self._seats: dict[Match, Match] = {}
        self._free: list[Match] = []
        self._former: dict[Match, set[Match]] = {}
        """Where matches sat in earlier configurations, which old workers may still serve."""
        self.renew()

    def renew(self) -> None:
        """A new configuration was loaded: all are free."""
        for match, seat in self._seats.items():
            self._former.setdefault(match, set()).add(seat)
        for match in list(self._former)[:-REMEMBERED]:
            del self._former[match]
        self.options.clear()
        self._seats.clear()
        self._free = [spare(number) for number in reversed(range(self._count))]

    def seat_of(self, match: Match) -> Match:
        """Whose backend serves a match: a spare's, or its own."""
        return self._seats.get(match, match)

    def all_seats_of(self, match: Match) -> set[Match]:
        """Every backend that serves a match or did so lately; another match may sit in one of them by now."""
        return {match, self.seat_of(match)} | self._former.get(match, set())

    def take(self, match: Match, options: Options) -> bool:
        """Give a match a spare; False when there is none left."""
        if not self._free:
            return False
        self._seats[match], self.options[match] = self._free.pop(), options
        return True

    def recognise(self, entries: Mapping[str, str]) -> None:
        """Find out from the routes map who sits where, in a HAProxy that runs already."""
        by_name = {backend_name(free): free for free in self._free}
        for key, entry in entries.items():
            if entry in by_name:
                self._free.remove(seat := by_name.pop(entry))
                self._seats[match_of(key)], self.options[match_of(key)] = seat, self.loaded_with

    @property
    def is_short(self) -> bool:
        return len(self._free) < min(SHORT, self._count)
