"""Spare backends: loaded without servers, so that a new host is served at once, by a map entry and servers of its own.

There is a pool of them for each class of backends that are alike but for their servers, and for what their checks ask:
the usual ones, and the most used of the others. A match that sits in a spare gets a backend of its own name with the
next configuration that is loaded. What sits where is told by the routes map of the running HAProxy alone; the files on
disk know only backends of their own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

from interlock.core.model import CheckKind, Match, Options
from interlock.proxies.haproxy.names import backend_name, match_of

SPARES = 64
"""In the usual pool, loaded with each configuration; HAProxy takes 8 to 11 kB for each (measured)."""
SMALLER = 8
"""How many times smaller the other pools are."""
MOST_POOLS = 8
"""Beside the usual one."""
REMEMBERED = 1024
"""Matches whose former seats are known."""
SHORT = 4
"""With less than this part of a pool left, new ones are loaded at once."""


class Spare(NamedTuple):
    """One of them."""

    match: Match
    rules: str
    """Its lines in the configuration."""
    options: Options
    """Those of its class."""


def spare(rules: str, number: int) -> Match:
    """What a spare is named by: no container can ask for a host in upper case.

    Its rules are part of it. A HAProxy that came up from other files than we think has other names, too, and refuses
    commands, rather than that a site sits where something else is done than it asks for.
    """
    return Match(f"SPARE.{sha256(rules.encode()).hexdigest()[:8]}.{number}")


class Spares:
    """Which match sits in which spare."""

    def __init__(self) -> None:
        self.options: dict[Match, Options] = {}
        """What each match that sits in a spare asks for."""
        self._loaded: dict[Match, Spare] = {}
        self._sizes: Counter[str] = Counter()
        """Rules -> how many spares there are with them."""
        self._seats: dict[Match, Match] = {}
        self._free: dict[str, list[Match]] = {}
        """Rules -> the spares with them that nobody sits in; the next one last."""
        self._checked: set[Match] = set()
        """Matches in spares of which HAProxy was told what their checks ask for."""
        self._former: dict[Match, set[Match]] = {}
        """Where matches sat in earlier configurations, which old workers may still serve."""

    def load(self, spares: Iterable[Spare]) -> None:
        """A configuration with these was loaded: all are free."""
        self._loaded = {each.match: each for each in spares}
        self._sizes = Counter(each.rules for each in self._loaded.values())
        self.renew()

    def renew(self) -> None:
        """The same configuration was loaded once more: all are free."""
        for match, seat in self._seats.items():
            self._former.setdefault(match, set()).add(seat)
        for match in list(self._former)[:-REMEMBERED]:
            del self._former[match]
        self.options.clear()
        self._seats.clear()
        self._checked.clear()
        self._free = {rules: [] for rules in self._sizes}
        for each in reversed(self._loaded.values()):
            self._free[each.rules].append(each.match)

    def seat_of(self, match: Match) -> Match:
        """Whose backend serves a match: a spare's, or its own."""
        return self._seats.get(match, match)

    def all_seats_of(self, match: Match) -> set[Match]:
        """Every backend that serves a match or did so lately; another match may sit in one of them by now."""
        return {match, self.seat_of(match)} | self._former.get(match, set())

    def take(self, match: Match, options: Options, rules: str) -> bool:
        """Give a match a spare with these rules, or leave it in its own; False when there is none."""
        seat = self._seats.get(match)
        if seat is None:
            if not self._free.get(rules):
                return False
            seat = self._seats[match] = self._free[rules].pop()
        elif self._loaded[seat].rules != rules:
            return False
        if self.options.get(match) != options:
            self._checked.discard(match)
        self.options[match] = options
        return True

    def unchecked(self, matches: Iterable[Match]) -> set[Match]:
        """Which of these sit in a spare and want an HTTP check of which HAProxy does not know yet what it asks for."""
        return {
            match
            for match in matches
            if match in self.options and match not in self._checked and self.options[match].check.kind is CheckKind.HTTP
        }

    def note_checked(self, matches: Collection[Match]) -> None:
        """HAProxy was told."""
        self._checked.update(matches)

    def recognise(self, entries: Mapping[str, str]) -> None:
        """Find out from the routes map who sits where, in a HAProxy that runs already.

        What the checks of its seat ask for is not told there: a match that asks for more than its class is a change.
        """
        free = {
            backend_name(each.match): each for each in self._loaded.values() if each.match in self._free[each.rules]
        }
        for key, entry in entries.items():
            if (seat := free.pop(entry, None)) is not None:
                match = match_of(key)
                self._free[seat.rules].remove(seat.match)
                self._seats[match], self.options[match] = seat.match, seat.options
                self._checked.add(match)

    @property
    def is_short(self) -> bool:
        return any(len(free) * SHORT < self._sizes[rules] for rules, free in self._free.items())
