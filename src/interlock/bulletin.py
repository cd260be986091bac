"""The board in the corridor: what happened is posted once, and everybody who asked hears of it."""

from collections.abc import Callable

import structlog

from interlock.core.happenings import AnyHappening

log = structlog.get_logger()

Listener = Callable[[AnyHappening], None]


class Bulletin:
    """Tells listeners at once, in the caller's turn; so a listener only takes note, and never blocks.

    One that raises is a bug of ours (a plugin listens through a queue of its own): it is logged, and costs nobody else
    the news.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of everything from now on; call what is returned to hear no more."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def post(self, happening: AnyHappening) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(happening)
            except Exception:
                log.exception("[interlock] a listener failed; report this as a bug", happening=type(happening).__name__)
