"""The ways in which a container asks for a route, in the order of their precedence."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from interlock.core.dialects import interlock_data, interlock_labels, lb_labels
from interlock.core.dialects.draft import Draft, Reading
from interlock.core.dialects.typed import Remark
from interlock.core.model import Container, Match, RouteRequest
from interlock.core.problems import Severity, shown

__all__ = ["DIALECTS", "ENVIRONMENT_KEYS", "LABEL_PREFIXES", "Dialect", "Reading", "read"]


class Dialect(NamedTuple):
    """One way to ask. Where two ask for the same match of one container, the earlier in `DIALECTS` is heard."""

    name: str
    read: Callable[[Container], Reading]
    environment: tuple[str, ...] = ()
    """Variables that it reads."""
    label_prefixes: tuple[str, ...] = ()
    """Beginnings of the labels that it reads, in lower case."""


DIALECTS = (
    Dialect(interlock_labels.NAME, interlock_labels.read, label_prefixes=(interlock_labels.PREFIX,)),
    Dialect(lb_labels.NAME, lb_labels.read, label_prefixes=(lb_labels.PREFIX,)),
    Dialect(interlock_data.NAME, interlock_data.read, environment=(interlock_data.NAME,)),
)

ENVIRONMENT_KEYS = frozenset(key for dialect in DIALECTS for key in dialect.environment)
"""The only variables that an engine keeps: others may hold passwords."""
LABEL_PREFIXES = tuple(prefix for dialect in DIALECTS for prefix in dialect.label_prefixes)
"""An engine keeps the labels whose lower-case form starts with one of these: a miss by case deserves a hint."""


def read(container: Container) -> Reading:
    """What one container asks for in all dialects, and what of it cannot be done. Never raises."""
    if (label := interlock_labels.internal_label(container)) is not None:
        return _internal(container, label)
    readings = [dialect.read(container) for dialect in DIALECTS]
    draft = Draft(container, "")
    heard: dict[Match, RouteRequest] = {}
    requests: list[RouteRequest] = []
    for request in (request for reading in readings for request in reading.requests):
        fresh = tuple(match for match in request.matches if match not in heard)
        for match in request.matches:
            if match in heard and _asks_otherwise(request, heard[match]):
                earlier = heard[match].origin("matches")
                remark = Remark(
                    f"is asked for by {earlier} with other options, which count", "ask in one of the two ways"
                )
                draft.complain(request.origin("matches"), str(match), remark)
        if fresh:
            heard |= dict.fromkeys(fresh, request)
            requests.append(msgspec.structs.replace(request, matches=fresh))
    problems = {*draft.problems, *(problem for reading in readings for problem in reading.problems)}
    return Reading(tuple(requests), tuple(sorted(problems)))


def _asks_otherwise(request: RouteRequest, earlier: RouteRequest) -> bool:
    unlike = {"dialect": earlier.dialect, "matches": earlier.matches, "origins": earlier.origins}
    return bool(msgspec.structs.replace(request, **unlike) != earlier)


def _internal(container: Container, label: str) -> Reading:
    """Interlock's own containers and proxies are never routed to, even if they say so."""
    draft = Draft(container, interlock_labels.NAME)
    asked = interlock_labels.asks(container) or lb_labels.asks(container)
    if asked or interlock_data.NAME in container.environment:
        remark = Remark("marks a container of Interlock itself, and those are never routed to", "remove this label")
        draft.complain(f"label {shown(label)}", container.labels[label], remark, Severity.ERROR)
    return draft.nothing()
