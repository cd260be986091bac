"""Whether the engine can be spoken with, stands at the same time, and runs what can be routed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from interlock.core.dialects import interlock_data, interlock_labels, lb_labels
from interlock.core.events import View
from interlock.core.model import Container
from interlock.core.problems import InterlockError, Problem, Severity, shown
from interlock.doctor.check import Check, failed, problem, warning, well
from interlock.engines.client import EngineClient
from interlock.engines.patience import PRODUCTION
from interlock.settings import EngineSettings
from interlock.survey import Survey, address_of, survey

SKEW_SECONDS = 5.0
"""By which two clocks may differ: what an engine has told since a time would else be asked for from another one."""
MOST_PROBLEMS = 10
"""Containers' problems that are told one by one."""


async def check_engine(engine: EngineSettings, *, override_address: str) -> tuple[list[Check], Survey | None]:
    """What is found of it, and what it runs; None where it cannot be asked."""
    about = f"engine {engine.name}"
    try:
        seen = await survey(engine, override_address=override_address)
    except InterlockError as error:
        return [failed(about, error)], None
    url = shown(address_of(engine).endpoint)
    checks = [well(about, f"{seen.description} at {url}, {len(seen.containers)} containers")]
    if engine.allow_insecure:
        what = "the engine's certificate is not verified, so anybody in between can take over"
        checks.append(warning(about, what, "remove --swarm-allow-insecure, and give the CA (--swarm-tls-ca-cert)"))
    checks += await _speaking(engine)
    checks.append(_standpoint(seen.view, seen.containers))
    return [*checks, *_routes(seen)], seen


async def _speaking(engine: EngineSettings) -> list[Check]:
    """What it says of itself."""
    about = f"clock of engine {engine.name}"
    try:
        async with EngineClient.connect(address_of(engine), PRODUCTION) as client:
            theirs, manages = await client.system_time(), await client.manages_swarm()
    except InterlockError as error:
        return [warning(about, f"it cannot be asked for: {error.what}", error.fix)]
    checks = [check_clock(about, theirs, datetime.now(UTC))]
    if manages and not engine.is_swarm:
        what = "it manages a swarm, of which only what runs on this very node is routed, by the labels of containers"
        checks.append(warning(f"swarm of engine {engine.name}", what, "start Interlock with --swarm-mode"))
    return checks


def check_clock(about: str, theirs: datetime | None, ours: datetime) -> Check:
    """How far two clocks differ."""
    if theirs is None:
        return well(about, "the engine does not tell its time")
    ahead = (theirs - ours).total_seconds()
    if abs(ahead) < SKEW_SECONDS:
        return well(about, f"it differs from ours by less than {SKEW_SECONDS:g} s")
    direction = "ahead of" if ahead > 0 else "behind"
    what = f"it is {abs(ahead):.0f} s {direction} ours, so events may be taken for older or newer than they are"
    return warning(about, what, "let both machines follow NTP (timedatectl set-ntp true)")


def _standpoint(view: View, containers: Sequence[Container]) -> Check:
    about = "network"
    own = next((each for each in containers if each.id == view.own_container), None)
    if own is not None:
        networks = ", ".join(shown(place.network) for place in own.attachments)
        return well(about, f"we run in the container {shown(own.name)}, on the networks {networks or 'none'}")
    if view.local:
        return well(about, "we run on the engine's own host, and reach every container's own address")
    where = f"at {shown(view.override_address or view.node_address)}"
    if view.override_address or view.node_address:
        return well(about, f"we run elsewhere, and reach only published ports, {where}")
    if any(each.node_address for each in containers):
        return well(about, "we run elsewhere, and reach only published ports, at the addresses of the nodes")
    what = "we run elsewhere, and do not know an address at which published ports are"
    return warning(about, what, "set the backend override address, or run Interlock beside the engine")


def _routes(seen: Survey) -> list[Check]:
    """What is routed; each container that asks for a route and gets none, with the reason."""
    asking = [each for each in seen.containers if each.is_up and _asks(each)]
    servers = {server.container for route in seen.routes.table.values() for server in route.backend.servers}
    costly = [each for each in seen.routes.problems if each.severity is Severity.ERROR]
    checks = [_unrouted(each) for each in costly[:MOST_PROBLEMS]]
    if len(costly) > MOST_PROBLEMS:
        what = f"{len(costly) - MOST_PROBLEMS} more containers get no route"
        checks.append(problem("containers", what, "run `interlock routes`"))
    routed = f"{len(seen.routes.table)} routes to {len(servers)} containers; {len(asking)} that run ask for one"
    return [well("routes", routed), *checks]


def _unrouted(found: Problem) -> Check:
    value = f"={found.value}" if found.value else ""
    return problem(f"container {found.container}", f"{found.key}{value}: {found.what}", found.fix)


def _asks(container: Container) -> bool:
    asked = interlock_labels.asks(container) or lb_labels.asks(container)
    return asked or interlock_data.NAME in container.environment
