"""How an engine out of reach is tried again, and how often that is worth a log line."""

from interlock.engines.patience import Patience


class Outage:
    """Counts failures to keep a connection. Times are of a monotonic clock, in seconds."""

    def __init__(self, patience: Patience, *, is_near: bool) -> None:
        """An engine on this machine is tried eagerly for ever, since an attempt costs nothing."""
        self._patience = patience
        self._is_near = is_near
        self._failures = 0
        self._began: float | None = None
        self._connected: float | None = None
        self._last_line: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether the engine is out of reach."""
        return self._began is not None

    def ended(self, now: float) -> None:
        """The engine answered."""
        self._connected = now
        self._began = None

    def failed(self, now: float) -> float:
        """Note a failure; the pause until the next attempt. One after a good connection is the first again."""
        if self._connected is not None and now - self._connected >= self._patience.steady:
            self._failures = 0
            self._last_line = None
        self._connected = None
        if self._began is None:
            self._began = now
        is_eager = self._is_near or now - self._began < self._patience.eager_for
        longest = self._patience.eager_pause if is_eager else self._patience.lazy_pause
        self._failures += 1
        return self._patience.pause(self._failures, longest=longest)

    def is_worth_a_line(self, now: float) -> bool:
        """Whether to log this failure: the first of an outage, then one a while."""
        if self._last_line is not None and now - self._last_line < self._patience.reminder:
            return False
        self._last_line = now
        return True
