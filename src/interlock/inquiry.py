"""Answers why: of a container, with all that is known of it, and of a URL. Only looks, and asks the proxies."""

from collections.abc import Collection, Sequence

from interlock.core.decisions import Circumstances, Explanation, ProxyWord
from interlock.core.explain import explain
from interlock.core.model import Container, Match
from interlock.core.problems import InterlockError
from interlock.core.targets import Target
from interlock.core.trace import Trace, find, parse, trace
from interlock.driver import Driver
from interlock.reconciler import Reconciler


class Inquiry:
    """Questions to one Interlock."""

    def __init__(self, reconciler: Reconciler, drivers: Sequence[Driver]) -> None:
        self._reconciler = reconciler
        self._drivers = drivers

    async def explain(self, target: Target) -> tuple[Explanation, ...]:
        """The decisions behind each container, of a service also those that do not run.

        A proxy that does not answer is part of the answer.
        """
        containers = target.everyone(self._reconciler.routes.world.containers())
        return tuple([await self._explain(container) for container in containers])

    async def trace(self, url: str) -> Trace:
        """What becomes of a request for a URL. Raises PermanentError for what is none."""
        table = self._reconciler.routes.table
        _, host, path = parse(url)
        match = find(table, host, path)
        words = [await self._word(driver, [match]) for driver in tuple(self._drivers)] if match is not None else []
        return trace(url, table, words)

    async def _explain(self, container: Container) -> Explanation:
        routes, key = self._reconciler.routes, container.key
        matches = routes.matches_of(key)
        words = [await self._word(driver, matches) for driver in tuple(self._drivers)] if matches else []
        circumstances = Circumstances(
            pause=self._reconciler.pause_of(key),
            silence=self._reconciler.silence_of(key),
            proxies=tuple(words),
        )
        return explain(routes.world.container(key) or container, routes, circumstances)

    async def _word(self, driver: Driver, matches: Collection[Match]) -> ProxyWord:
        try:
            serving, error = await driver.observe(matches), driver.error
        except InterlockError as failure:
            serving, error = {}, str(failure)
        return ProxyWord(
            name=driver.name,
            serving=serving,
            refused={match: refused.why for match, refused in driver.refused.items() if match in matches},
            limits={match: tuple(sorted(self._reconciler.reported_by(f"{driver.name} {match}"))) for match in matches},
            error=error,
        )
