"""One line in the log for each request that is refused, and no flood of them."""

from collections.abc import Callable

import structlog

log = structlog.get_logger()

BURST = 20
"""Lines that may come at once."""
REFILL_SECONDS = 1.0
"""Until one more may."""


class Refusals:
    """Logs what was refused; what is too much is counted, and said with the next line."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._left = float(BURST)
        self._at = clock()
        self._unsaid = 0

    def tell(self, sentence: str, **fields: str) -> None:
        """The sentence must be fit to print."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) / REFILL_SECONDS, BURST)
        self._at = now
        if self._left < 1:
            self._unsaid += 1
            return
        self._left -= 1
        more = {"refused_besides": str(self._unsaid)} if self._unsaid else {}
        self._unsaid = 0
        log.warning(sentence, **fields, **more)
