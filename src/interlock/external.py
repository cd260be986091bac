"""Proxies in containers of the operator's, labelled `interlock.ext.name`: a driver for each, as they come and go.

Each run of such a container is a proxy of its own. It is given all that is wanted before it counts as serving, and
whatever becomes of it costs none of the others anything.
"""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import structlog

from interlock.core.happenings import AnyHappening, EventSeen
from interlock.core.model import Container, ContainerKey
from interlock.core.problems import InterlockError, PermanentError, Problem, Severity, shown
from interlock.core.status import PluginStatus, ProxyStatus
from interlock.driver import Driver
from interlock.engines.address import EngineAddress
from interlock.host import clock, files
from interlock.host.tasks import Tasks
from interlock.plugins.guard import Guarded
from interlock.plugins.starting import started
from interlock.proxies.contract import Context, Plugin, Proxy, ProxyContainer
from interlock.readiness import proxy_status
from interlock.reconciler import Reconciler
from interlock.rollout.proxy_container import LABEL, LabelledContainer
from interlock.sampler import Sampler
from interlock.settings import PluginSettings

log = structlog.get_logger()

SETTING = "INTERLOCK_EXTERNAL_DIR"
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
"""Hostnames that are safe as the name of a folder."""


PATIENCE_SECONDS = 60.0
"""How long Interlock is not ready for the sake of one of those that it finds when it starts."""
PAUSE_SECONDS = 1.0
"""After a fault of ours, before that proxy is begun anew."""
ANEW = "anew"
"""In place of the time of a run: a proxy that must be begun anew."""


class _Member:
    """One run of one labelled container."""

    def __init__(self, container: Container, name: str, proxy: Guarded, driver: Driver) -> None:
        self.run = container.started_at
        self.folder = container.hostname
        self.name = name
        self.proxy = proxy
        self.driver = driver
        self.error = ""
        """Why it does not start; "" when it has, or was not tried yet."""
        self.tasks = Tasks(name)


class External:
    """All proxies that run in labelled containers."""

    def __init__(
        self,
        folder: str,
        address_of: Callable[[str], EngineAddress],
        reconciler: Reconciler,
        drivers: list[Driver],
        sampler: Sampler,
    ) -> None:
        """`folder` is shared with the containers, "" for none; those that serve are among the `drivers`.

        `address_of` knows the engines by their names.
        """
        self._folder = folder
        self._address_of = address_of
        self._reconciler = reconciler
        self._drivers = drivers
        self._sampler = sampler
        self._plugins: dict[str, tuple[Plugin, PluginSettings]] = {}
        self._members: dict[ContainerKey, _Member] = {}
        self._refused: set[ContainerKey] = set()
        self._asked: set[ContainerKey] = set()
        self._awaited: dict[ContainerKey, float] = {}
        """Those that Interlock is not ready without, and until when, by the monotonic clock."""
        self._all_told = False
        """Whether each engine has told what it runs; who comes later is not awaited."""
        self._wake = asyncio.Event()
        reconciler.bulletin.subscribe(self._hear)

    @property
    def statuses(self) -> tuple[PluginStatus, ...]:
        return tuple(member.proxy.status for member in self._members.values())

    @property
    def proxies(self) -> tuple[ProxyStatus, ...]:
        """How each proxy is, also one that does not run yet; an awaited one from the moment that its engine tells."""
        found = {}
        for key in self._awaited.keys() - self._members.keys():
            container = self._reconciler.routes.world.container(key)
            if container is not None and container.is_up and self._why_not(container) is None:
                plugin, _ = self._plugins[container.labels[LABEL]]
                name = _name_of(container)
                found[name] = ProxyStatus(name=name, version=plugin.version, ready=False, reloads=0, error="")
        for key, member in self._members.items():
            status = proxy_status(member.driver)
            found[member.name] = msgspec.structs.replace(
                status, error=member.error or status.error, waited_for=key in self._awaited
            )
        return tuple(found[name] for name in sorted(found))

    def takes(self, plugin: Plugin, chosen: PluginSettings) -> bool:
        """Whether a plugin's proxies run in containers, so that none is run here; if so it is driven from now on.

        Raises:
            PermanentError: the folder cannot be made, or is not ours.
        """
        if not self._folder or plugin.build_in is None:
            return False
        try:
            files.folder(Path(self._folder), mode=0o755)
        except InterlockError as error:
            raise PermanentError(error.what, fix=f"give {SETTING} a folder that Interlock's user owns") from error
        self._plugins[plugin.name] = (plugin, chosen)
        log.info(f"[{plugin.name}] proxies run in containers labelled {LABEL}={plugin.name}; none is run here")
        return True

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, set()
            for key in sorted(asked):
                await self._look_at(key)

    async def stop(self) -> None:
        """Drive none any more; all of them serve on."""
        for key in list(self._members):
            await self._drop(key)

    def _hear(self, happening: AnyHappening) -> None:
        """A fact about one container, or about all of an engine's."""
        if not isinstance(happening, EventSeen):
            return
        if happening.touched:
            self._look_for(happening)
        self._all_told = self._all_told or self._reconciler.listed_at.keys() >= set(self._reconciler.engines)

    def _look_for(self, happening: EventSeen) -> None:
        cause = happening.cause
        if cause.container_id:
            self._ask_for(ContainerKey(cause.engine, cause.container_id))
            return
        known = {key for key in (*self._members, *self._refused) if key.engine == cause.engine}
        labelled = (one.key for one in self._reconciler.routes.world.containers() if LABEL in one.labels)
        for key in (*known, *labelled):
            self._ask_for(key)

    def _ask_for(self, key: ContainerKey) -> None:
        container = self._reconciler.routes.world.container(key)
        if key in self._members or key in self._refused or (container is not None and LABEL in container.labels):
            self._asked.add(key)
            self._wake.set()
            if not self._all_told:
                self._awaited.setdefault(key, clock.monotonic() + PATIENCE_SECONDS)

    async def _look_at(self, key: ContainerKey) -> None:
        container = self._reconciler.routes.world.container(key)
        member = self._members.get(key)
        is_up = container is not None and container.is_up
        if member is not None and not (container is not None and is_up and container.started_at == member.run):
            await self._drop(key)
        self._refused.discard(key)
        problem = None
        if container is not None and is_up and key not in self._members:
            problem = self._why_not(container)
            if problem is None:
                self._add(container)
            else:
                self._refused.add(key)
        if key not in self._members:
            self._awaited.pop(key, None)
        self._reconciler.report(_source(key), [problem] if problem is not None else ())

    def _why_not(self, container: Container) -> Problem | None:
        """Why a container is not driven, if so."""
        kind = container.labels[LABEL]
        if not self._folder:
            what = "it is not configured from outside, which is not switched on"
            fix = f"set {SETTING} to a folder that both it and Interlock see"
            return _problem(container, what, fix, Severity.WARNING)
        if kind not in self._plugins:
            kinds = " or ".join(sorted(self._plugins)) or "nothing yet"
            what = f"no plugin of that name drives proxies in containers; {kinds} can be named"
            return _problem(container, what, "correct the label, or name the plugin with --plugin")
        if not FOLDER_NAME.fullmatch(container.hostname):
            what = f"its hostname {shown(container.hostname)} cannot be the name of a folder"
            return _problem(container, what, "give it a hostname of letters, digits, - and _")
        if container.hostname in {member.folder for member in self._members.values()}:
            what = f"another labelled container has the hostname {container.hostname} too, and its folder"
            return _problem(container, what, "give each a hostname of its own")
        return None

    def _add(self, container: Container) -> None:
        kind = container.labels[LABEL]
        plugin, chosen = self._plugins[kind]
        name = _name_of(container)
        log.info(f"[{name}] found container={shown(container.name)}")
        place = LabelledContainer(self._address_of(container.engine), container.id, kind)
        base = Path(self._folder) / container.hostname
        report = self._reconciler.report
        context = Context(
            name=name,
            settings=chosen.options if chosen.options is not None else plugin.settings(),
            state_dir=base,
            run_dir=base / "run",
            look_again=lambda: driver.look_at_everything(),  # noqa: PLW0108 - the driver is made below
        )
        assert plugin.build_in is not None  # noqa: S101 - seen in `takes`
        here = msgspec.structs.replace(plugin, name=name, build=_built_in(plugin.build_in, place))
        proxy = Guarded(here, context, report, is_ours=True)
        table = self._reconciler.routes.table
        driver = Driver(name, plugin.version, proxy, table, report, bulletin=self._reconciler.bulletin)
        member = self._members[container.key] = _Member(container, name, proxy, driver)
        member.tasks.start("drive", self._drive(member), on_failure=partial(self._failed, container.key))
        if container.key in self._awaited:
            member.tasks.start("await", self._await(container.key, member))

    async def _drive(self, member: _Member) -> None:
        """It is one of the drivers once it runs; before that it is a problem at most."""

        def note(error: InterlockError) -> None:
            member.error = error.what

        await started(member.proxy, member.name, self._reconciler.report, note)
        member.error = ""
        self._drivers.append(member.driver)
        self._reconciler.attach(member.driver)
        self._sampler.add(member.name, member.proxy)
        if not self._reconciler.waiting_for:
            member.driver.look_at_everything()
        await member.driver.run()

    async def _await(self, key: ContainerKey, member: _Member) -> None:
        """Until it serves, or has been waited for long enough."""
        try:
            async with asyncio.timeout(self._awaited[key] - clock.monotonic()):
                await member.driver.served_once.wait()
        except TimeoutError:
            log.warning(
                f"[{member.name}] it does not serve yet, and Interlock waits for it no longer to be ready",
                reason=member.error or member.driver.error,
            )
        self._awaited.pop(key, None)

    def _failed(self, key: ContainerKey, _error: BaseException) -> None:
        """A fault of ours, which is in the log: begin with this one anew, after a pause."""
        self._members[key].run = ANEW
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._ask_for, key)

    async def _drop(self, key: ContainerKey) -> None:
        member = self._members.pop(key)
        await member.tasks.stop()
        if member.driver in self._drivers:
            self._drivers.remove(member.driver)
            self._reconciler.detach(member.driver)
            self._sampler.remove(member.name)
            await member.driver.stop()
            await member.proxy.close()
        self._reconciler.report(f"start of {member.name}", ())
        self._reconciler.report(f"plugin {member.name}", ())
        self._reconciler.report(member.name, ())
        log.info(f"[{member.name}] gone")
        for waiting in self._refused:
            self._ask_for(waiting)


def _built_in(build: Callable[[Context, ProxyContainer], Proxy], place: ProxyContainer) -> Callable[[Context], Proxy]:
    return lambda context: build(context, place)


def _name_of(container: Container) -> str:
    return f"{container.labels[LABEL]}@{container.hostname}"


def _source(key: ContainerKey) -> str:
    return f"external {key.engine} {key.id}"


def _problem(container: Container, what: str, fix: str, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(
        container=container.name,
        key=f"label {LABEL}",
        value=shown(container.labels[LABEL]),
        what=what,
        fix=fix,
        severity=severity,
    )
