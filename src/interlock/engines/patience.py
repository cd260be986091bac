"""How long the engine client waits for what."""

import random

import msgspec

_ENOUGH_DOUBLINGS = 30
"""Beyond these every pause is at its bound; a day of failures must not become a number that no float holds."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """All in seconds. The defaults are for production; tests shorten them."""

    connect: float = 5.0
    """For a connection to open."""
    answer: float = 10.0
    """For a small answer: one container, the version, the head of the event stream."""
    list: float = 60.0
    """For the list of all containers, which may be tens of megabytes."""
    ping: float = 5.0
    """For a sign of life, when the event stream has been silent."""

    silence: float = 30.0
    """Without any byte in the event stream, before the engine is asked whether it still lives."""
    reconcile: float = 60.0
    """Between two lists while nothing asks for one."""

    first_pause: float = 0.05
    """After the first failure; each further one doubles it."""
    eager_pause: float = 1.0
    """The longest pause at first (always, for an engine on this machine, where an attempt costs nothing)."""
    eager_for: float = 30.0
    """After this long an engine elsewhere is tried at the lazy pace."""
    lazy_pause: float = 5.0
    """The longest pause of all."""
    steady: float = 5.0
    """A connection that lasted this long was a good one; the next failure starts with the first pause again."""
    reminder: float = 60.0
    """Between two log lines about one outage."""

    slow: float = 1.0
    """An inspect under way for longer no longer holds up others (engine 20.10 may block it while a start hangs)."""
    longest_retry: float = 30.0
    """The longest pause before a container whose inspect failed is inspected again."""
    idle: float = 5.0
    """After a container was created and nothing else was heard of it, before it is looked at."""
    stale: float = 2.0
    """A list this soon after a container died may still show it as running: up to 0.7 s on engine 20.10."""
    recheck: float = 1.0
    """Before such a list is taken again."""
    hold: float = 0.5
    """Before a list that lost half of what ran is asked for again, and believed."""
    settle: float = 10.0
    """The longest wait for a classic Swarm manager that still looks for its nodes."""
    survive: float = 5.0
    """Beyond its stop timeout, before a container that was told to end is looked at again."""

    def pause(self, failures: int, *, longest: float) -> float:
        """Seconds to wait after so many failures in a row (from 1): doubled each time, bounded, a little random."""
        doublings = min(failures - 1, _ENOUGH_DOUBLINGS)
        return min(self.first_pause * 2.0**doublings, longest) * random.uniform(0.5, 1)  # noqa: S311 - no secret


PRODUCTION = Patience()
