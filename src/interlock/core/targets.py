"""Whom the operator means: a container by name or id, a service, or what runs on a node."""

import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

import msgspec

from interlock.core.model import Container, Match
from interlock.core.overrides import Service, service_of
from interlock.core.problems import PermanentError, shown

LONGEST_TARGET = 256
"""Characters; Docker's own names end far before."""
NAMED = 5
"""Candidates that a message names."""

_IN_FULL = re.compile(r"([a-z0-9][a-z0-9_-]{0,126})/([A-Za-z0-9][A-Za-z0-9._-]{0,126})")
"""Compose's own grammar of a project and a service, bounded."""


class UnknownTargetError(PermanentError):
    """Nobody, or more than one, is called that."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What was meant."""

    containers: tuple[Container, ...]
    """One; or, of a service or a node, those that are up now, by name."""
    service: Service | None = None

    def everyone(self, known: Iterable[Container]) -> tuple[Container, ...]:
        """The same, and of a service also those that are not up; by name."""
        if self.service is None:
            return self.containers
        return tuple(sorted((each for each in known if service_of(each) == self.service), key=lambda each: each.name))


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the operator can mean, for those who offer a choice."""

    containers: tuple[str, ...]
    services: tuple[str, ...]
    """Of Compose; ``PROJECT/SERVICE`` where a bare name is that of several, or of a container."""
    hosts: tuple[str, ...]
    """Of routes."""


def names_of(containers: Iterable[Container], matches: Iterable[Match]) -> Names:
    """All of them, sorted."""
    known = list(containers)
    names = {each.name for each in known}
    services = {service for each in known if (service := service_of(each)) is not None}
    often = Counter(service.name for service in services)
    alone = (each.name if often[each.name] == 1 and each.name not in names else str(each) for each in services)
    return Names(
        containers=tuple(sorted(names)),
        services=tuple(sorted(alone)),
        hosts=tuple(sorted({match.host for match in matches})),
    )


def find(containers: Iterable[Container], who: str) -> Target:
    """The container of that name or id, or else the service, the node, or the container whose id begins so.

    A task of a swarm has an id of its own, as good as its container's. A service of several projects is named
    ``PROJECT/SERVICE``; the project of a swarm's service is the name of its engine.

    Raises UnknownTargetError.
    """
    known = sorted(containers, key=lambda each: (each.name, each.key))
    named = [each for each in known if who in {each.name, each.id, each.task} and who not in {"", each.service}]
    if named:
        return Target(containers=(_only(named, who),))
    services = sorted({service for each in known if (service := service_of(each)) is not None})
    of_name = [service for service in services if who in {service.name, str(service)}]
    if len(of_name) > 1:
        projects = ", ".join(shown(str(service)) for service in of_name[:NAMED])
        raise UnknownTargetError(f"{shown(who)} is a service of several projects: {projects}", fix="name one of these")
    if of_name:
        members = tuple(each for each in known if each.is_up and service_of(each) == of_name[0])
        return Target(containers=members, service=of_name[0])
    if on_node := tuple(each for each in known if who and each.is_up and each.node == who):
        return Target(containers=on_node)
    begun = [each for each in known if who and (each.id.startswith(who.lower()) or each.task.startswith(who))]
    if begun:
        return Target(containers=(_only(begun, who),))
    raise _nobody(who, [*(each.name for each in known), *(service.name for service in services)])


def absent_service(who: str, ordered: Iterable[Service]) -> Service | None:
    """A service that has no container now: one that something was ordered for, or any that is named in full."""
    known = [service for service in ordered if who in {service.name, str(service)}]
    if len(known) == 1:
        return known[0]
    written = _IN_FULL.fullmatch(who)
    return Service(written[1], written[2]) if written is not None else None


def _only(found: list[Container], who: str) -> Container:
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{shown(each.name)} ({each.id[:12]} on {each.engine})" for each in found[:NAMED])
    raise UnknownTargetError(
        f"{shown(who)} could be any of {len(found)} containers: {names}", fix="give the whole id of one"
    )


def _nobody(who: str, names: list[str]) -> UnknownTargetError:
    near = get_close_matches(who[:LONGEST_TARGET], names, n=3, cutoff=0.6)
    fix = f"did you mean {' or '.join(map(shown, dict.fromkeys(near)))}?" if near else "`docker ps` names them all"
    return UnknownTargetError(f"no container, id, service or node is called {shown(who)}", fix=fix)
