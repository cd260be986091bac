"""Whether a proxy could reach what asks for a route: ports, and networks shared with an Interlock of these files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from interlock.core.addresses import EVERY_ADDRESS, locate
from interlock.core.dialects import interlock_labels
from interlock.core.events import View
from interlock.core.model import Binding, RouteRequest
from interlock.core.problems import Problem, Severity
from interlock.lint.finding import Finding, Rule
from interlock.lint.requests import ENGINE, Asking
from interlock.lint.source import ENVIRONMENT, Source, Written

ON_PAPER = View(engine=ENGINE, on_paper=True)
_OVERRIDE = "BACKEND_OVERRIDE_ADDRESS"
_REMOTE = ("tcp://", "http://", "https://")
_COMMAND = ("--plugin", "-p haproxy", "-p nginx", "--swarm-url")


class Standpoint(NamedTuple):
    """An Interlock of these files, and what it reaches."""

    service: str
    networks: frozenset[str]
    """Names on the engine of those that it is on."""
    is_on_host: bool
    reaches_published: bool
    """Whether it learns an address at which published ports are."""


def standpoints(sources: Sequence[Source]) -> list[Standpoint]:
    """Every Interlock that the files have."""
    return [_standpoint(source, written) for source in sources for written in source.services if _is_interlock(written)]


def findings_in_reach(asking: Asking, proxies: Sequence[Standpoint]) -> Iterator[Finding]:
    """Ports and networks of one service."""
    for request in asking.requests:
        located = locate(request, asking.container, ON_PAPER)
        finding = _unlocated(asking, request, located) if isinstance(located, Problem) else None
        if finding is None and request.network is None and proxies:
            finding = _out_of_reach(asking, request, proxies)
        if finding is not None:
            yield finding


def findings_in_ports(sources: Sequence[Source], askings: Sequence[Asking]) -> Iterator[Finding]:
    """Ports of the host that two containers publish, where an Interlock or one that asks for a route is among them."""
    concerned = {id(asking.written) for asking in askings}
    concerned |= {id(written) for source in sources for written in source.services if _is_interlock(written)}
    published = [
        (binding, source, written)
        for source in sources
        for written in source.services
        for binding in written.service.ports
        if binding.host_port
    ]
    for binding, source, written in published:
        if written.service.replicas > 1 and id(written) in concerned:
            yield _taken(source, written, binding, f"each of its {written.service.replicas} containers")
    for (one, first, earlier), (other, source, written) in combinations(published, 2):
        if {id(earlier), id(written)} & concerned and earlier is not written and _collide(one, other):
            if _are_alternatives(earlier, written):
                continue
            yield _taken(source, written, other, f"service {earlier.service.name} ({first.name}:{earlier.line()}) too")


def _taken(source: Source, written: Written, binding: Binding, by: str) -> Finding:
    return source.finding(
        written,
        Rule.TAKEN_PORT,
        written.line("ports"),
        key="ports",
        value=f"{binding.host_port}:{binding.port}",
        what=f"is published by {by}, and only one container can have a port of the host",
        fix=f'let Docker choose the port (ports: ["{binding.port}"]), or publish none: a shared network will do',
    )


def _collide(one: Binding, other: Binding) -> bool:
    same_port = (one.host_port, one.protocol) == (other.host_port, other.protocol)
    return same_port and (one.host_ip == other.host_ip or bool({one.host_ip, other.host_ip} & EVERY_ADDRESS))


def _are_alternatives(one: Written, other: Written) -> bool:
    profiles = set(one.service.profiles), set(other.service.profiles)
    return all(profiles) and not profiles[0] & profiles[1]


def _unlocated(asking: Asking, request: RouteRequest, problem: Problem) -> Finding | None:
    """The problem that Interlock would have, as far as it can be known without the image."""
    ports = [port for port in asking.container.exposed if port.protocol == "tcp"]
    if problem.key == request.origin("network"):
        return _no_network(asking, request, problem)
    if problem.key == request.origin("port"):
        if request.port is not None:
            what = f"{problem.what} in this file, unless its image exposes it"
            return asking.finding(
                Rule.OTHER_PORT,
                key=problem.key,
                value=problem.value,
                what=what,
                fix=f'name one of them, or add expose: ["{request.port}"]',
                severity=Severity.WARNING,
            )
        if not ports and asking.container.network_mode != "host":
            return None  # its image may well expose exactly one
        return asking.finding(Rule.MISSING_PORT, key=problem.key, what=problem.what, fix=problem.fix)
    return asking.finding(Rule.NO_ADDRESS, key=problem.key, value=problem.value, what=problem.what, fix=problem.fix)


def _no_network(asking: Asking, request: RouteRequest, problem: Problem) -> Finding:
    """Docker knows ``appnet`` of a project shop as ``shop_appnet``, and that is what has to be named."""
    full: Mapping[str, str] = asking.source.project.networks
    named = request.network or ""
    if named in full and full[named] != named:
        what = f"is called {full[named]} on the engine, since Compose puts the project's name before it"
        fix = f"write {full[named]}, or give the network that name (networks: {{{named}: {{name: {named}}}}})"
    else:
        what, fix = problem.what, f"put the service on it (networks: [{named}]), or name one that it is on"
    return asking.finding(Rule.UNKNOWN_NETWORK, key=problem.key, value=problem.value, what=what, fix=fix)


def _out_of_reach(asking: Asking, request: RouteRequest, proxies: Sequence[Standpoint]) -> Finding | None:
    container = asking.container
    own = {place.network for place in container.attachments}
    is_published = bool(asking.written.service.ports) or container.network_mode == "host"
    if any(proxy.is_on_host or own & proxy.networks or (is_published and proxy.reaches_published) for proxy in proxies):
        return None
    proxy = proxies[0]
    theirs = ", ".join(sorted(proxy.networks)) or "none"
    return asking.finding(
        Rule.NO_SHARED_NETWORK,
        key="networks" if container.network_mode != "host" else "network_mode",
        value=", ".join(sorted(own)) or container.network_mode,
        what=f"leads to no network of {proxy.service}, which is on {theirs}: {request.matches[0]} would answer 503",
        fix="put both on one network, or publish a port and set HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS for Interlock",
    )


def _is_interlock(written: Written) -> bool:
    """By its labels, its image's name, or the flags of its command."""
    service = written.service
    image = service.image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    marked = any(
        label == "interlock.app" or label.startswith("interlock.ext.")
        for label in service.labels
        if label.startswith(interlock_labels.PREFIX)
    )
    return marked or image == "interlock" or any(word in _command(written) for word in _COMMAND)


def _standpoint(source: Source, written: Written) -> Standpoint:
    service, project = written.service, source.project
    keys = service.networks or ("default",)
    names = {"bridge"} if project.legacy else {project.networks.get(key, key) for key in keys}
    settings = " ".join((_command(written), *(f"{e.name}={e.value}" for e in written.entries(ENVIRONMENT))))
    remote = any(scheme in settings for scheme in _REMOTE)
    return Standpoint(
        service=f"service {service.name} ({source.name}:{written.line()})",
        networks=frozenset() if service.network_mode else frozenset(names),
        is_on_host=service.network_mode == "host",
        reaches_published=remote or _OVERRIDE in settings,
    )


def _command(written: Written) -> str:
    command = written.table.get("command")
    return " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
