"""What would keep Interlock from starting here, or from serving well."""

from interlock.core.model import Container, RouteTable
from interlock.doctor.check import Check, Verdict
from interlock.doctor.engine import check_engine
from interlock.doctor.machine import check_folders, check_other_interlock
from interlock.doctor.proxies import check_proxy
from interlock.settings import Settings

__all__ = ["Check", "Verdict", "examine"]


async def examine(settings: Settings, *, override_address: str) -> list[Check]:
    """Look at everything once, and change nothing. What is in the way of one look is its result."""
    checks = [*check_folders(settings), check_other_interlock(settings)]
    containers: tuple[Container, ...] = ()
    table = RouteTable()
    for engine in settings.engines:
        found, seen = await check_engine(engine, override_address=override_address)
        checks += found
        if seen is not None:
            containers, table = seen.containers, seen.routes.table
    for plugin in settings.plugins:
        checks += await check_proxy(plugin, settings, containers=containers, table=table)
    return checks
