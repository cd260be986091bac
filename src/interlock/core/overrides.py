"""The operator's orders, as state: what is out of rotation, weighed otherwise, closed or held until told otherwise.

An order lasts until it is taken back. One for a container goes with the container; one for a Compose service or a host
stays whatever runs, so that it also counts for what is started next.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import msgspec

from interlock.core.dialects import names
from interlock.core.holds import Hold, StoredHold, restored, stored
from interlock.core.model import Container, ContainerKey, Maintenance
from interlock.core.problems import PermanentError, shown

HEAVIEST = 256
"""The largest weight; HAProxy's."""
MESSAGE_LENGTH = 500
"""Characters of a maintenance message."""
DEFAULT_MESSAGE = "Down for maintenance. Please try again later."

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"


K = TypeVar("K")
V = TypeVar("V")


class Service(NamedTuple):
    """A service of a Compose project, or of a swarm; all of its containers, also those that it will have."""

    project: str
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Every order in force."""

    drained: frozenset[ContainerKey] = frozenset()
    """Take no new request, whatever their health."""
    weights: Mapping[ContainerKey, int] = {}
    """Instead of what the container asks for."""
    service_weights: Mapping[Service, int] = {}
    """The same for the containers of a service that have none of their own."""
    maintenance: Mapping[str, Maintenance] = {}
    """Host, as in a route's match, -> what its visitors are told."""
    pin: Hold | None = None
    """Routes as at a revision."""
    freeze: Hold | None = None
    """Routes as at the time of that order."""

    @property
    def hold(self) -> Hold | None:
        """What holds the routes: a pin beats a freeze."""
        return self.pin or self.freeze

    def weight_of(self, container: Container) -> int | None:
        """The operator's weight for a container; None where its own counts."""
        if (weight := self.weights.get(container.key)) is not None or not self.service_weights:
            return weight
        service = service_of(container)
        return self.service_weights.get(service) if service is not None else None

    def draining(self, keys: Iterable[ContainerKey]) -> "Overrides":
        return msgspec.structs.replace(self, drained=self.drained | set(keys))

    def undrained(self, keys: Iterable[ContainerKey]) -> "Overrides":
        return msgspec.structs.replace(self, drained=self.drained - set(keys))

    def weighed(self, keys: Collection[ContainerKey], weight: int | None) -> "Overrides":
        """The same with these containers weighed; None gives them back their own weight."""
        return msgspec.structs.replace(self, weights=_with(self.weights, keys, weight))

    def service_weighed(self, service: Service, weight: int | None) -> "Overrides":
        return msgspec.structs.replace(self, service_weights=_with(self.service_weights, [service], weight))

    def closed(self, host: str, order: Maintenance | None) -> "Overrides":
        """The same with a host under maintenance; None opens it again."""
        return msgspec.structs.replace(self, maintenance=_with(self.maintenance, [host], order))

    def without(self, gone: Collection[ContainerKey]) -> "Overrides":
        """The same without what was said about containers that no longer exist; itself where that is nothing."""
        if not gone or (self.drained.isdisjoint(gone) and self.weights.keys().isdisjoint(gone)):
            return self
        return self.undrained(gone).weighed(gone, None)

    def about(self, engine: str) -> frozenset[ContainerKey]:
        """The containers of an engine that something was said about."""
        return frozenset(key for key in (*self.drained, *self.weights) if key.engine == engine)

    def ended(self, now: datetime) -> frozenset[str]:
        """Hosts whose maintenance should be over by now."""
        return frozenset(host for host, each in self.maintenance.items() if each.until and _moment(each.until) <= now)

    def released(self, now: datetime) -> "Overrides":
        """The same without the pin and the freeze that should be over by now; itself where there is none."""
        over = {
            name: None
            for name, hold in (("pin", self.pin), ("freeze", self.freeze))
            if hold is not None and hold.until and _moment(hold.until) <= now
        }
        return msgspec.structs.replace(self, **over) if over else self

    def next_end(self) -> datetime | None:
        """When the next of these orders ends by itself."""
        ends = [each.until for each in self.maintenance.values()]
        ends += [hold.until for hold in (self.pin, self.freeze) if hold is not None]
        return min((_moment(end) for end in ends if end), default=None)


def service_of(container: Container) -> Service | None:
    """The service that a container belongs to: a swarm's, or by its labels one of Compose.

    The project of a swarm's service is the swarm, by the name of its engine.
    """
    if container.service:
        return Service(container.engine, container.service)
    project, name = container.labels.get(PROJECT_LABEL), container.labels.get(SERVICE_LABEL)
    return Service(project, name) if project and name else None


def checked_host(text: str) -> str:
    """A host as routes have it. Raises PermanentError for what can never be one."""
    typed = names.host(text)
    if typed.value is not None:
        return typed.value
    what, fix = (typed.remark.what, typed.remark.fix) if typed.remark is not None else ("is no host name", "")
    raise PermanentError(f"the host {shown(text)} {what}", fix=fix or "write one host name, like www.example.com")


def checked_maintenance(message: str, until: str, *, now: datetime) -> Maintenance:
    """A checked order to close a host; "" for the usual message, "" for no end.

    Raises PermanentError where the message is not one printable line, or the end is no time to come.
    """
    text = message.strip() or DEFAULT_MESSAGE
    if len(text) > MESSAGE_LENGTH:
        raise PermanentError(f"the message has {len(text)} characters", fix=f"use at most {MESSAGE_LENGTH}")
    if not text.isprintable():
        raise PermanentError(
            f"the message {shown(text)} has a line break or another character that cannot be printed",
            fix="write one line of plain text",
        )
    return Maintenance(text, checked_end(until, now=now))


def checked_end(until: str, *, now: datetime) -> str:
    """When an order ends by itself, in UTC; "" for never. Raises PermanentError where that is no time to come."""
    if not until:
        return ""
    fix = f"write a time to come, like {_written(now.replace(microsecond=0))}, with Z or an offset at its end"
    try:
        end = datetime.fromisoformat(until)
        if end.tzinfo is None:
            raise PermanentError(f"the end {shown(until)} does not say in which time zone", fix=fix)
        written = _written(end)
    except (ValueError, OverflowError):
        raise PermanentError(f"the end {shown(until)} is no RFC 3339 time", fix=fix) from None
    if end <= now:
        raise PermanentError(f"the end {shown(until)} has passed", fix=fix)
    return written


def checked_weight(value: int) -> int:
    """A checked weight. Raises PermanentError."""
    if not 0 <= value <= HEAVIEST:
        raise PermanentError(f"the weight {value} is out of range", fix=f"use 0 to {HEAVIEST}")
    return value


class _Weight(msgspec.Struct, frozen=True):
    engine: str
    id: str
    weight: int


class _ServiceWeight(msgspec.Struct, frozen=True):
    project: str
    service: str
    weight: int


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The file: only lists and texts, so that anybody can read it."""

    drained: list[ContainerKey] = []
    weights: list[_Weight] = []
    service_weights: list[_ServiceWeight] = []
    maintenance: dict[str, Maintenance] = {}
    pin: StoredHold | None = None
    freeze: StoredHold | None = None


def encode(overrides: Overrides) -> str:
    """The orders as JSON; equal orders give equal text."""
    file = _Stored(
        drained=sorted(overrides.drained),
        weights=[_Weight(*key, weight) for key, weight in sorted(overrides.weights.items())],
        service_weights=[_ServiceWeight(*key, weight) for key, weight in sorted(overrides.service_weights.items())],
        maintenance=dict(sorted(overrides.maintenance.items())),
        pin=stored(overrides.pin) if overrides.pin is not None else None,
        freeze=stored(overrides.freeze) if overrides.freeze is not None else None,
    )
    return msgspec.json.format(msgspec.json.encode(file)).decode() + "\n"


def decode(text: str) -> Overrides:
    """The orders of a file, checked like new ones, since anybody may have written to it.

    Raises PermanentError.
    """
    try:
        read = msgspec.json.decode(text, type=_Stored)
    except msgspec.DecodeError as error:
        raise PermanentError(f"it is damaged: {error}") from error
    always = datetime.min.replace(tzinfo=UTC)
    return Overrides(
        drained=frozenset(read.drained),
        weights={ContainerKey(each.engine, each.id): checked_weight(each.weight) for each in read.weights},
        service_weights={
            Service(each.project, each.service): checked_weight(each.weight) for each in read.service_weights
        },
        maintenance={
            checked_host(host): checked_maintenance(each.message, each.until, now=always)
            for host, each in read.maintenance.items()
        },
        pin=_hold(read.pin, now=always),
        freeze=_hold(read.freeze, now=always),
    )


def _hold(read: StoredHold | None, *, now: datetime) -> Hold | None:
    if read is None:
        return None
    return msgspec.structs.replace(restored(read), until=checked_end(read.until, now=now))


def _with(known: Mapping[K, V], keys: Collection[K], value: V | None) -> Mapping[K, V]:
    kept = {key: each for key, each in known.items() if key not in keys}
    return kept if value is None else kept | dict.fromkeys(keys, value)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
