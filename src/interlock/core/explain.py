"""Why a container takes traffic, or does not: the decisions behind it, in the order in which they are made.

Nothing is decided here. Every value was made by what routes (`Routes`, its readings and claims), or said by a proxy.
"""

from collections.abc import Iterator, Mapping

from interlock.core.addresses import Via
from interlock.core.backends import Claim, Ground, shares_of, waiting_in
from interlock.core.decisions import Circumstances, Decision, Explanation, ProxyWord, Step, Verdict
from interlock.core.dialects import interlock_data, interlock_labels
from interlock.core.model import Backend, Container, Match, Phase, Ready, Server, ServerState
from interlock.core.overrides import service_of
from interlock.core.plan import Lead, Served
from interlock.core.problems import Problem, Severity, shown
from interlock.core.routes import Routes

_STEPS: Mapping[str, Step] = {
    "port": Step.PORT,
    "network": Step.ADDRESS,
    "hostname": Step.HOST,
    "domain": Step.HOST,
    "domainname": Step.HOST,
    "alias_domain": Step.HOST,
    "alias_domains": Step.HOST,
    "context_root": Step.HOST,
}
"""Last word of a problem's key -> what it is about; any other is about what the container asks."""

_GRANTED = "taken for granted, since nobody was asked"
_WORST = (Verdict.NO, Verdict.WAITING, Verdict.WARNING)


def explain(container: Container, routes: Routes, circumstances: Circumstances) -> Explanation:
    """The decisions behind one container of the world."""
    decisions = tuple(_decisions(container, routes, circumstances))
    reasons = [each for each in decisions if each.step is not Step.ROTATION]
    cause = next((each for verdict in _WORST for each in reasons if each.verdict is verdict), None)
    service = service_of(container)
    return Explanation(
        container=container.name,
        id=container.id,
        engine=container.engine,
        project=service.project if service is not None else "",
        service=service.name if service is not None else "",
        verdict=cause.verdict if cause is not None else Verdict.YES,
        cause=cause,
        decisions=decisions,
    )


def _decisions(container: Container, routes: Routes, circumstances: Circumstances) -> Iterator[Decision]:
    yield _seen(container, routes)
    yield from _asks(container, routes)
    for match in sorted(routes.matches_of(container.key)):
        claims = routes.claims_on(match)
        claim = next(each for each in claims if each.container.key == container.key)
        yield from _on_route(match, claim, routes, circumstances)


def _seen(container: Container, routes: Routes) -> Decision:
    name, engine = shown(container.name), container.engine
    lost = routes.world.lost_engines.get(engine, "")
    origin = "by the file" if routes.world.view(engine).on_paper else f"engine {engine}"
    origin += f", node {shown(container.node)}" if container.node else ""
    origin += f", as it said before it was lost: {shown(lost)}" if lost else ""
    unfit = {
        Phase.PAUSED: ("it is paused, so it answers nobody", f"docker unpause {name}"),
        Phase.RESTARTING: ("it ended, and waits to be restarted", f"see why it ends: docker logs {name}"),
    }
    what, fix = unfit.get(container.phase, (f"it is {container.phase}, not running", f"docker start {name}"))
    if container.service and not container.task:
        what, fix = "it is a service of which no task runs", f"see why: docker service ps {name}"
    verdict = {Phase.RUNNING: Verdict.YES, Phase.RESTARTING: Verdict.WAITING}.get(container.phase, Verdict.NO)
    if verdict is Verdict.YES:
        what = fix = ""
    return Decision(step=Step.SEEN, verdict=verdict, value=container.phase, origin=origin, what=what, fix=fix)


def _asks(container: Container, routes: Routes) -> Iterator[Decision]:
    """What it asks for, and what of that cannot be read; where nothing is left, that is why."""
    reading = routes.reading_of(container.key)
    dialects = sorted({request.dialect for request in reading.requests})
    if dialects:
        yield Decision(step=Step.ASKS, verdict=Verdict.YES, value=", ".join(dialects))
    elif not reading.problems:
        yield Decision(
            step=Step.ASKS,
            verdict=Verdict.NO,
            what="it asks for no route: it has neither a label interlock.hostname, nor the variable "
            f"{interlock_data.NAME}, nor a domain name",
            fix="recreate it with: --label interlock.hostname=www --label interlock.domain=example.com",
        )
    for problem in reading.problems:
        costs_all = not dialects or problem.severity is Severity.ERROR
        yield _of_problem(problem, Verdict.NO if costs_all else Verdict.WARNING)


def _of_problem(problem: Problem, verdict: Verdict, *, step: Step | None = None, route: str = "") -> Decision:
    value = f"={problem.value}" if problem.value else ""
    about = _STEPS.get(problem.key.replace(" ", ".").rpartition(".")[2], Step.ASKS) if step is None else step
    return Decision(
        step=about,
        verdict=verdict,
        value=problem.value,
        origin=problem.key,
        what=f"{problem.key}{value} {problem.what}",
        fix=problem.fix,
        route=route,
    )


def _on_route(match: Match, claim: Claim, routes: Routes, circumstances: Circumstances) -> Iterator[Decision]:
    yield _host(match, claim)
    if claim.ground is Ground.NOT_UP:
        comes_back = claim.container.phase is Phase.RESTARTING
        yield _out(match, Verdict.WAITING if comes_back else Verdict.NO, "it does not run")
        return
    if claim.unreachable is not None:
        about = Step.PORT if claim.unreachable.key == claim.request.origin("port") else Step.ADDRESS
        yield _of_problem(claim.unreachable, Verdict.NO, step=about, route=str(match))
        yield _out(match, Verdict.NO, f"its {about} is not known")
        return
    server = next(
        each for each in routes.table[match].backend.servers if each.container == claim.container.key
    )  # whoever has an address is one of them
    made = [
        *_where(match, claim),
        *_ready(match, claim, server, routes, circumstances),
        *_orders(match, claim, routes),
        *_shared(match, claim, routes),
        *(each for proxy in circumstances.proxies for each in _served(match, server, proxy)),
    ]
    yield from made
    worst = next((each for verdict in _WORST[:2] for each in made if each.verdict is verdict), None)
    if worst is None:
        yield Decision(
            step=Step.ROTATION, verdict=Verdict.YES, value=_share(server, routes.table[match].backend), route=str(match)
        )
    else:
        yield _out(match, worst.verdict, worst.what)


def _out(match: Match, verdict: Verdict, what: str) -> Decision:
    return Decision(step=Step.ROTATION, verdict=verdict, what=what, route=str(match))


def _host(match: Match, claim: Claim) -> Decision:
    request, labels = claim.request, claim.container.labels
    origin = request.origin("matches")
    if match.host != request.matches[0].host:
        origin = request.origin("aliases")
    elif request.dialect == interlock_labels.NAME and f"{interlock_labels.PREFIX}domain" not in labels:
        origin += f", and the default domain {interlock_labels.DEFAULT_DOMAIN}"
    if match.path != "/":
        origin += f"; {request.origin('path')}"
    return Decision(step=Step.HOST, verdict=Verdict.YES, value=str(match), origin=origin, route=str(match))


def _where(match: Match, claim: Claim) -> Iterator[Decision]:
    address, container, request = claim.address, claim.container, claim.request
    assert address is not None  # noqa: S101 - those without were sorted out
    published = address.via in {Via.PUBLISHED, Via.OVERRIDE}
    inside = next((each.port for each in container.bindings if published and each.host_port == address.port), None)
    yield Decision(
        step=Step.PORT,
        verdict=Verdict.YES,
        value=str(inside or address.port),
        origin=request.origin("port") if request.port is not None else "the only port that the container has",
        route=str(match),
    )
    yield Decision(
        step=Step.ADDRESS,
        verdict=Verdict.YES,
        value=address.endpoint,
        origin=address.why,
        route=str(match),
    )


def _ready(
    match: Match, claim: Claim, server: Server, routes: Routes, circumstances: Circumstances
) -> Iterator[Decision]:
    """What its HEALTHCHECK, or a first connection, says of it."""
    name, ground = shown(claim.container.name), claim.ground
    if ground in {Ground.STOPPING, Ground.DRAINED, Ground.PAUSED} or (
        ground is Ground.LEAVING and server.state is not ServerState.READY
    ):
        if ground in {Ground.STOPPING, Ground.LEAVING}:
            service = shown(claim.container.service)
            fix = f"see why: docker service ps {service}" if service else f"start it again: docker start {name}"
            what = f"{'it was told' if ground is Ground.STOPPING else 'it will be told'} to stop"
            yield _no(match, Step.READY, ground, f"{what}, so it takes no new request", fix)
        elif ground is Ground.PAUSED:
            yield _no(match, Step.READY, ground, "it is paused", f"docker unpause {name}")
        return
    if server.state is ServerState.READY:
        verdict, what = Verdict.YES, ""
        if claim.state is not ServerState.READY:
            verdict = Verdict.WARNING
            kept = "" if ground is Ground.LEAVING else f", and ready={Ready.PREFER} keeps the last ones"
            what = f"{ground}, but nobody else is ready{kept}"
        fix = f"see what its check says: docker inspect {name}" if what else ""
        value = claim.container.health if ground in {Ground.HEALTHY, Ground.STARTING, Ground.UNHEALTHY} else ""
        yield Decision(
            step=Step.READY,
            verdict=verdict,
            value=value or "answers",
            origin=_GRANTED if routes.world.view(claim.container.engine).on_paper else ground,
            what=what,
            fix=fix,
            route=str(match),
        )
    elif claim.given_up and claim.state is ServerState.READY:
        engine = claim.container.engine
        whom = f"engine {engine}" if engine in routes.world.engines_given_up else "its node, or a manager of the swarm,"
        what = f"{whom} has been out of reach for so long that others are asked instead"
        yield _no(match, Step.READY, "given up", what, f"have {whom} answer again: see `interlock status`")
    elif ground is Ground.UNHEALTHY:
        look = f"docker inspect --format '{{{{json .State.Health}}}}' {name}"
        fix = f"see what its HEALTHCHECK says: {look}"
        yield _no(match, Step.READY, claim.container.health, "its HEALTHCHECK fails", fix)
    elif ground is Ground.STARTING:
        what = "its HEALTHCHECK has not passed yet"
        fix = "wait, or check more often (--health-interval=1s), or do not wait (--label interlock.ready=ignore)"
        yield _waits(match, claim.container.health, what, fix)
    else:
        yield _silent(match, claim, server, circumstances)


def _silent(match: Match, claim: Claim, server: Server, circumstances: Circumstances) -> Decision:
    name = shown(claim.container.name)
    why = circumstances.silence.get(server.endpoint, "")
    if circumstances.pause and not why:
        what = f"it ends again and again by itself, so it is asked only {circumstances.pause:g} s after each start"
        return _waits(match, "", what, f"see why it ends: docker logs {name}")
    asked = f"the warm-up request {claim.request.warm}" if claim.request.warm else "a first connection"
    what = f"nobody answers {asked} at {server.endpoint}{f': {shown(why)}' if why else ' yet'}"
    fix = (
        "have the application listen on that port on 0.0.0.0, or name the port that it listens on "
        '(--label interlock.port=8080, or INTERLOCK_DATA\'s "port": 8080)'
    )
    return _waits(match, "", what, fix)


def _waits(match: Match, value: str, what: str, fix: str) -> Decision:
    return Decision(step=Step.READY, verdict=Verdict.WAITING, value=value, what=what, fix=fix, route=str(match))


def _no(match: Match, step: Step, value: str, what: str, fix: str) -> Decision:
    return Decision(step=step, verdict=Verdict.NO, value=value, what=what, fix=fix, route=str(match))


def _orders(match: Match, claim: Claim, routes: Routes) -> Iterator[Decision]:
    name = shown(claim.container.name)
    if claim.ground is Ground.DRAINED:
        yield _no(match, Step.ORDERS, "drained", "the operator drained it", f"interlock undrain {name}")
    closed = routes.world.overrides.maintenance.get(match.host)
    if closed is not None:
        until = f" until {closed.until}" if closed.until else ""
        what = f"{match.host} is under maintenance{until}: every request is answered 503"
        yield _no(match, Step.ORDERS, "maintenance", what, f"interlock maintenance off {match.host}")
    if not claim.share:
        by_order = claim.weight is not None
        origin = "the operator's order" if by_order else claim.request.origin("weight")
        fix = f"interlock weigh {name} {'default' if by_order else '100'}"
        yield _no(match, Step.ORDERS, "weight 0", f"its weight is 0 by {origin}, so it gets no request", fix)


def _shared(match: Match, claim: Claim, routes: Routes) -> Iterator[Decision]:
    """What comes of others who ask for the same route."""
    for problem in routes.problems_of((), [match]):
        if (problem.engine, problem.container_id) == claim.container.key:
            yield _of_problem(problem, Verdict.WARNING, step=Step.SHARED, route=str(match))
    own = _project_of(claim.container)
    yield from _stands_by(match, claim, routes)
    others = sorted(
        {
            shown(str(service_of(each.container) or each.container.name))
            for each in routes.claims_on(match)
            if each.address is not None and _project_of(each.container) != own
        }
    )
    if others:
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")  # noqa: PLR2004
        yield Decision(
            step=Step.SHARED,
            verdict=Verdict.WARNING,
            value=listed,
            what=f"{match} is asked for by another project too, so requests go to both in turn",
            fix=f"give one of them another host or path, or stop it; `interlock trace http://{match}` shows the shares",
            route=str(match),
        )


def _stands_by(match: Match, claim: Claim, routes: Routes) -> Iterator[Decision]:
    """A stand-by waits while a local server takes the requests."""
    backend = routes.table[match].backend
    own = next(each for each in backend.servers if each.container == claim.container.key)
    if own.name not in waiting_in(backend):
        return
    shares = shares_of(backend)
    local = [shown(each.name) for each in backend.servers if shares[each.name]]
    more = f" and {len(local) - 1} more" if len(local) > 1 else ""
    asked = next(
        (each for each in routes.claims_on(match) if each.request.wishes.locality is not None and each.container.is_up),
        None,
    )
    yield Decision(
        step=Step.SHARED,
        verdict=Verdict.WAITING,
        value="stand-by",
        origin=asked.request.origin("locality") if asked is not None else "the operator's Locality",
        what=f"it stands by: what runs on {' and '.join(map(shown, backend.options.locality))} comes first, "
        f"and {local[0]}{more} takes the requests",
        fix=f"nothing need be done; it takes over when no local one is up. To share at once, leave out Locality, or "
        f"have the oldest container of {match} say --label interlock.locality=off",
        route=str(match),
    )


def _project_of(container: Container) -> str:
    service = service_of(container)
    return service.project if service is not None else ""


def _served(match: Match, server: Server, proxy: ProxyWord) -> Iterator[Decision]:
    """What a proxy says of a server that is wanted in rotation."""
    if (why := proxy.refused.get(match)) is not None:
        what = f"{proxy.name}'s own check refused the route's configuration: {why}"
        yield _no(match, Step.PROXY, proxy.name, what, "take away the option that it names, and recreate the container")
        return
    for problem in proxy.limits.get(match, ()):
        yield _of_problem(problem, Verdict.WARNING, step=Step.PROXY, route=str(match))
    if server.state is not ServerState.READY:
        return
    route = proxy.serving.get(match)
    served = route.servers.get(server.name) if route is not None else None
    if served is None or route is None or not _is_in(served, server) or route.leads is Lead.NOWHERE:
        what = f"{proxy.name} does not serve it yet{f': {shown(proxy.error)}' if proxy.error else ''}"
        fix = "see `interlock status`, and Interlock's log"
        yield Decision(step=Step.PROXY, verdict=Verdict.WAITING, value=proxy.name, what=what, fix=fix, route=str(match))
    elif not served.passes_check:
        what = f"{proxy.name}'s health check of it fails, so it gets no request"
        fix = (
            "answer the check with 2xx or 3xx, or ask for another one "
            '(--label "interlock.health_check=httpchk GET /health", or without it a mere connection)'
        )
        yield _no(match, Step.PROXY, proxy.name, what, fix)
    else:
        origin = f"{proxy.name} says so"
        yield Decision(step=Step.PROXY, verdict=Verdict.YES, value=served.endpoint, origin=origin, route=str(match))


def _is_in(served: Served, server: Server) -> bool:
    return served.takes_traffic and served.endpoint == server.endpoint


def _share(server: Server, backend: Backend) -> str:
    return f"{shares_of(backend)[server.name]:.0%} of the requests"
