"""Builds a plugin's proxy and keeps the thread in which a third party's lives."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import structlog

from interlock.core.problems import PermanentError
from interlock.host.apart import Apart
from interlock.plugins import door
from interlock.proxies.contract import Context, Plugin, Proxy

log = structlog.get_logger()

CLOSE_SECONDS = 20.0
"""For a proxy to let its requests finish and stop."""

T = TypeVar("T")


class Building:
    """One plugin's proxy, built when it is first asked for, and again after `close`."""

    def __init__(self, plugin: Plugin, context: Context, *, is_ours: bool) -> None:
        """One of ours lives in the loop of Interlock itself."""
        self._plugin = plugin
        self._is_ours = is_ours
        self._context = context if is_ours else _from_apart(context)
        self._apart: Apart | None = None
        self._proxy: Proxy | None = None
        self._is_prepared = False
        self._turn = asyncio.Lock()

    @property
    def proxy(self) -> Proxy | None:
        """None while it is not prepared."""
        return self._proxy if self._is_prepared else None

    async def prepared(self) -> Proxy:
        """The proxy, built and prepared. Raises whatever that raises; PermanentError for one of another kind."""
        async with self._turn:
            if self._proxy is None:
                if not self._is_ours and self._apart is None:
                    self._apart = Apart(f"plugin {self._plugin.name}", _stay)
                proxy = await self.there(self._build)
                if why := door.misfit(proxy, self._plugin):
                    raise PermanentError(
                        f"plugin {self._plugin.name} is refused: {why}", fix="mend it, or leave it out"
                    )
                self._proxy = proxy
            if not self._is_prepared:
                await self.there(self._proxy.prepare)
                self._is_prepared = True
            return self._proxy

    async def there(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Await something where the proxy lives."""
        return await (work() if self._apart is None else self._apart.call(work))

    async def close(self) -> None:
        """Close the proxy, whatever comes of it, in a bounded time."""
        proxy, apart = self._proxy, self._apart
        try:
            if proxy is not None:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.there(proxy.close)
        except Exception as error:
            log.error(f"[{self._plugin.name}] error closing it", exc_info=error)
        finally:
            self._proxy = self._apart = None
            self._is_prepared = False
            if apart is not None:
                await apart.stop()

    async def _build(self) -> Proxy:
        return self._plugin.build(self._context)


async def _stay() -> None:
    await asyncio.Event().wait()


def _from_apart(context: Context) -> Context:
    """The same, with calls that may come from another thread."""
    loop = asyncio.get_running_loop()
    return msgspec.structs.replace(context, look_again=lambda: loop.call_soon_threadsafe(context.look_again))
