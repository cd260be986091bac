"""Builds everything, runs it until a signal ends it. The only module that knows everybody."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Iterable
from functools import partial
from pathlib import Path

import msgspec
import structlog
import uvloop
from prometheus_client import CollectorRegistry

from interlock.bulletin import Bulletin
from interlock.core.happenings import Cause
from interlock.core.problems import InterlockError, PermanentError, Problem
from interlock.core.status import PluginKind, PluginState, PluginStatus
from interlock.desk import Desk
from interlock.doors import Doors
from interlock.driver import Driver
from interlock.engines.docker import DockerEngine
from interlock.engines.patience import PRODUCTION
from interlock.engines.reader import ApiReader
from interlock.engines.swarm.engine import SwarmEngine
from interlock.external import External
from interlock.history import History
from interlock.host import files, logs, memory
from interlock.host.apart import answered_here
from interlock.host.init import be_init_if_first
from interlock.host.tasks import Tasks
from interlock.plugins import registry
from interlock.plugins.contract import ObserverContext, ObserverPlugin
from interlock.plugins.door import AnyPlugin
from interlock.plugins.guard import Guarded
from interlock.plugins.metrics import PluginMetrics
from interlock.plugins.observation import Observation
from interlock.plugins.registry import Found
from interlock.plugins.starting import started
from interlock.proxies.contract import Context, Plugin
from interlock.reconciler import Reconciler
from interlock.sampler import Sampler
from interlock.settings import EngineSettings, PluginSettings, Settings
from interlock.survey import engine_of
from interlock.version import __version__
from interlock.web.metrics import Metrics
from interlock.web.news import News

log = structlog.get_logger()

SWITCH_SECONDS = 0.0005
"""For which a thread that writes files may keep the loop waiting; Python's own 5 ms are more than an event takes."""

STALE_AFTER = 3
"""Reconcile intervals without a list from every engine, after which we are not ready any more."""
ORDERS = "overrides.json"
"""The operator's orders, in the state folder."""
REVISIONS = "revisions"
"""The folder of what was done, there too."""


def main(settings: Settings) -> int:
    """Run Interlock; its exit code: 0 after a signal, 1 when something only the operator can mend is in the way."""
    be_init_if_first()
    logs.configure(debug=settings.debug, log_format=settings.log_format)
    memory.few_arenas()
    memory.grow()
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(App(settings).run())


class App:
    """One Interlock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tasks = Tasks("interlock")
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._bulletin = Bulletin()
        self._metrics = Metrics(limit=settings.metrics_limit)
        self._news = News()
        self._bulletin.subscribe(self._metrics.hear)
        self._bulletin.subscribe(self._news.hear)
        self._reconciler = Reconciler(
            [engine.name for engine in settings.engines],
            self._bulletin,
            keep_lost=settings.keep_lost,
            locality=settings.locality,
        )
        self._engines: list[DockerEngine | SwarmEngine] = []
        self._drivers: list[Driver] = []
        self._proxies: list[Guarded] = []
        self._hopeless: set[str] = set()
        """Names of proxies that cannot run until the operator changes something."""
        self._refused: list[PluginStatus] = []
        self._sampler = Sampler()
        self._external = External(
            settings.external_dir,
            lambda name: next(engine.address for engine in self._engines if engine.address.name == name),
            self._reconciler,
            self._drivers,
            self._sampler,
        )
        self._observations: list[Observation] = []
        self._history = History(
            self._reconciler.routes.table, keep=settings.keep_revisions, folder=Path(settings.state_dir) / REVISIONS
        )
        self._doors = Doors(settings, self._metrics, self._news)

    async def run(self) -> int:
        log.info(f"interlock running version={__version__}")
        for warning in self._settings.warnings:
            log.warning(warning.sentence())
        try:
            plugins = self._build()
            self._open_history()
            self._observe(plugins, self._open_desk())
            self._listen_to_signals()
            self._start()
            await self._stop.wait()
        except InterlockError as error:
            self._failure = error
        log.info("shutting down")
        await self._shut_down()
        if self._failure is not None:
            log.error(f"interlock ends: {self._failure}")
            return 1
        return 0

    def _build(self) -> list[tuple[AnyPlugin, PluginSettings]]:
        """The enabled plugins that can be used, with a driver for each proxy."""
        plugins = []
        for chosen in self._settings.plugins:
            found = registry.look_up(chosen.name)
            if found.plugin is None:
                self._refuse(found)
                continue
            log.info(f"loading plugin name={found.name} version={found.plugin.version}")
            plugins.append((found.plugin, chosen))
            if isinstance(found.plugin, Plugin) and not self._external.takes(found.plugin, chosen):
                self._add_proxy(found.plugin, chosen, is_ours=found.is_ours)
        if self._refused and not plugins:
            raise PermanentError(f"no plugin can be used: {self._refused[0].why}", fix="mend it, or name another")
        if not plugins:
            log.warning("no plugins enabled", fix="name one, as in: interlock --plugin haproxy start")
        overrides = {registry.override_of(plugin, chosen.options) for plugin, chosen in plugins} - {""}
        if len(overrides) > 1:
            raise PermanentError(
                f"the plugins name different override addresses: {', '.join(sorted(overrides))}", fix="name one"
            )
        for engine in self._settings.engines:
            self._add_engine(engine, next(iter(overrides), ""))
        return plugins

    def _refuse(self, found: Found) -> None:
        """A plugin that cannot be used is a problem that everybody sees; the others go on."""
        key, fix = f"plugin {found.name}", f"mend or reinstall {found.origin}, or leave it out"
        problem = Problem(container="", key=key, value="", what=f"it cannot be used: {found.problem}", fix=fix)
        self._reconciler.report(key, [problem])
        self._refused.append(
            PluginStatus(
                name=found.name,
                version="",
                kind=PluginKind.UNKNOWN,
                state=PluginState.REFUSED,
                since=time.time(),
                why=found.problem,
            )
        )

    def _add_proxy(self, plugin: Plugin, chosen: PluginSettings, *, is_ours: bool) -> None:
        state = files.folder(Path(self._settings.state_dir), mode=0o755)
        run = files.folder(Path(self._settings.run_dir), mode=0o755)
        context = Context(
            name=plugin.name,
            settings=chosen.options if chosen.options is not None else plugin.settings(),
            state_dir=state / plugin.name,
            run_dir=run / plugin.name,
            look_again=lambda: driver.look_at_everything(),  # noqa: PLW0108 - the driver is made two lines below
        )
        proxy = Guarded(plugin, context, self._reconciler.report, is_ours=is_ours)
        driver = Driver(
            plugin.name,
            plugin.version,
            proxy,
            self._reconciler.routes.table,
            self._reconciler.report,
            bulletin=self._bulletin,
        )
        self._proxies.append(proxy)
        self._drivers.append(driver)
        self._reconciler.attach(driver)

    def _open_history(self) -> None:
        """Go on with the revisions that were made before a restart."""
        self._history.open()
        self._bulletin.subscribe(self._history.hear)
        self._keep("history", self._history.run())

    def _observe(self, plugins: Iterable[tuple[AnyPlugin, PluginSettings]], desk: Desk) -> None:
        """Start the observers; whatever becomes of them, it is their own affair."""
        self._metrics.registry.register(PluginMetrics(self._plugins))
        for plugin, chosen in plugins:
            if isinstance(plugin, ObserverPlugin):
                context = partial(self._observer_context, plugin, chosen, desk)
                observation = Observation(plugin, context, self._bulletin, self._reconciler.report)
                self._metrics.registry.register(observation.metrics)
                self._observations.append(observation)
                self._keep(f"plugin {plugin.name}", observation.run())

    def _observer_context(
        self, plugin: ObserverPlugin, chosen: PluginSettings, desk: Desk, metrics: CollectorRegistry
    ) -> ObserverContext:
        state, run = Path(self._settings.state_dir) / plugin.name, Path(self._settings.run_dir) / plugin.name
        return ObserverContext(
            settings=chosen.options if chosen.options is not None else plugin.settings(),
            state_dir=files.folder(state),
            run_dir=files.folder(run),
            status=answered_here(desk.status),
            routes=answered_here(desk.routes),
            containers=answered_here(lambda: tuple(self._reconciler.routes.world.containers())),
            engines={engine.address.name: ApiReader(engine.address) for engine in self._engines},
            metrics=metrics,
        )

    def _plugins(self) -> tuple[PluginStatus, ...]:
        enabled = [
            *self._refused,
            *(each.status for each in self._proxies),
            *self._external.statuses,
            *(each.status for each in self._observations),
        ]
        order = [chosen.name for chosen in self._settings.plugins]
        return tuple(sorted(enabled, key=lambda plugin: (order.index(plugin.name.partition("@")[0]), plugin.name)))

    def _open_desk(self) -> Desk:
        """Put the operator's orders in force, and take new ones."""
        settings = self._settings
        state = files.folder(Path(settings.state_dir), mode=0o755)
        stale_after = STALE_AFTER * settings.reconcile_interval
        desk = Desk(
            self._reconciler,
            self._drivers,
            state / ORDERS,
            stale_after=stale_after,
            history=self._history,
            confirm=self._confirm,
            sampler=self._sampler,
            plugins=self._plugins,
            external=lambda: self._external.proxies,
        )
        doors = list(self._doors.open(desk))
        desk.open()
        self._keep("desk", desk.run())
        for name, answering in doors:
            self._keep(name, answering)
        return desk

    def _add_engine(self, settings: EngineSettings, override_address: str) -> None:
        patience = msgspec.structs.replace(
            PRODUCTION, reconcile=self._settings.reconcile_interval, hold=self._settings.hold_removals
        )
        self._engines.append(
            engine_of(
                settings, override_address=override_address, patience=patience, keep_lost=self._settings.keep_lost
            )
        )

    def _start(self) -> None:
        """Engines speak while the proxies start; a proxy serves its last good state until they have spoken."""
        self._keep("reconciler", self._reconciler.run())
        for engine in self._engines:
            self._keep(f"engine {engine.address.name}", engine.run(self._reconciler.post))
        for proxy, driver in zip(self._proxies, self._drivers, strict=True):
            self._keep(f"driver {driver.name}", self._drive(proxy, driver))
        self._keep("external proxies", self._external.run())
        self._tasks.start("settle", self._settle())

    async def _settle(self) -> None:
        """Once all is served, what is known of the fleet is there to stay; what lists and files need is not."""
        for driver in tuple(self._drivers):
            await driver.served_once.wait()
        memory.settle()
        while True:
            await asyncio.sleep(memory.GIVE_BACK_SECONDS)
            memory.give_back()

    async def _drive(self, proxy: Guarded, driver: Driver) -> None:
        """Each proxy starts for itself, so that one that cannot does not hold up another."""
        await started(proxy, driver.name, self._reconciler.report, partial(self._note_hopeless, driver.name))
        self._hopeless.discard(driver.name)
        self._sampler.add(driver.name, proxy)
        await driver.run()

    def _note_hopeless(self, name: str, error: InterlockError) -> None:
        """Interlock ends when no proxy can run until the operator changes something."""
        if not isinstance(error, PermanentError):
            return
        self._hopeless.add(name)
        if len(self._hopeless) == len(self._proxies):
            self._failure = error
            self._stop.set()

    def _keep(self, name: str, work: Awaitable[None]) -> None:
        """An eternal task; whatever ends it ends Interlock, visibly."""

        async def eternal() -> None:
            await work
            raise PermanentError(f"{name} ended by itself", fix="report this as a bug")

        def failed(error: BaseException) -> None:
            self._failure = error
            self._stop.set()

        self._tasks.start(name, eternal(), on_failure=failed)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reconcile)

    def _confirm(self) -> tuple[str, ...]:
        """Believe the lists that are held; whose they are."""
        return tuple(engine.address.name for engine in self._engines if engine.confirm())

    def _reconcile(self) -> None:
        log.info("reconciling, as SIGHUP asked")
        for engine in self._engines:
            engine.reconcile()
        for driver in self._drivers:
            driver.refresh()
            driver.look_at_everything(Cause(action="SIGHUP", at=time.time()))

    async def _shut_down(self) -> None:
        """Proxies last, and at the same time: they finish requests while nothing changes under them."""
        await self._tasks.stop()
        self._doors.close()
        await self._external.stop()
        for driver in self._drivers:
            await driver.stop()
        await self._reconciler.stop()
        await self._history.save()
        await asyncio.gather(*(proxy.close() for proxy in self._proxies), return_exceptions=True)
