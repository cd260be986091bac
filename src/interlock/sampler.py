"""Asks the proxies what they have counted: off every event's path, and only while somebody looks."""

import asyncio
import time

from interlock.core.problems import TemporaryError
from interlock.core.traffic import ProxyTraffic, Traffic, proxy_traffic
from interlock.proxies.contract import CountsTraffic, Proxy

FRESH_SECONDS = 0.5
"""How long an answer is as good as a new one, so that many who look cost no more than one."""
CANNOT_COUNT = "it does not count requests by route"


class Sampler:
    """The counters of every proxy that has started."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._turn = asyncio.Lock()
        self._asked_at = -FRESH_SECONDS
        self._last = Traffic(proxies=())

    def add(self, name: str, proxy: Proxy) -> None:
        """From now on it can be asked."""
        self._proxies[name] = proxy

    def remove(self, name: str) -> None:
        """It is gone."""
        self._proxies.pop(name, None)

    async def sample(self) -> Traffic:
        """What every proxy has counted by now; one that does not answer says so."""
        async with self._turn:
            if time.monotonic() - self._asked_at >= FRESH_SECONDS:
                counted = [await _counted(name, proxy) for name, proxy in tuple(self._proxies.items())]
                self._last, self._asked_at = Traffic(proxies=tuple(counted)), time.monotonic()
            return self._last


async def _counted(name: str, proxy: Proxy) -> ProxyTraffic:
    at = time.time()
    if not isinstance(proxy, CountsTraffic):
        return ProxyTraffic(proxy=name, at=at, error=CANNOT_COUNT)
    try:
        return proxy_traffic(name, at, await proxy.traffic())
    except TemporaryError as error:
        return ProxyTraffic(proxy=name, at=at, error=str(error))
