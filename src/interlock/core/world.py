"""What every engine said, put together, and what the operator ordered.

Level, not edge: an event only replaces what is known of one container, an order only what was ordered before.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

from interlock.core.events import (
    Changed,
    Event,
    GivenUp,
    Held,
    Listed,
    Lost,
    Placed,
    Probed,
    Recovered,
    Stopping,
    Survived,
    Vanished,
    View,
)
from interlock.core.model import Container, ContainerKey
from interlock.core.overrides import Overrides, service_of

NOBODY: frozenset[ContainerKey] = frozenset()

K = TypeVar("K")


class World:
    """The containers of all engines, and what is known about each that no inspect tells."""

    def __init__(self, *, has_several_engines: bool = False, locality: tuple[str, ...] = ()) -> None:
        """`locality` names the engines, or the nodes of a swarm, whose containers come first."""
        self.has_several_engines = has_several_engines
        self.locality = tuple(sorted(locality))
        self.overrides = Overrides()
        """The operator's orders; change them with :meth:`order`. Those for a container end with it."""
        self._containers: dict[str, dict[str, Container]] = {}
        self._views: dict[str, View] = {}
        self._stopping: dict[ContainerKey, str] = {}
        self._leaving: dict[ContainerKey, str] = {}
        self._probed: dict[ContainerKey, tuple[str, frozenset[str]]] = {}
        self._settled: dict[ContainerKey, str] = {}
        self._lost: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._given_up: frozenset[str] = frozenset()
        self._forlorn: set[ContainerKey] = set()
        """Containers that were given up though their engine was not."""
        self._listed: set[str] = set()

    def advance(  # noqa: PLR0911 - one return for each kind of event
        self, event: Event, *, settled_before: str = ""
    ) -> frozenset[ContainerKey]:
        """Take in one event and say which containers it touched.

        `settled_before` (RFC 3339, UTC) belongs to `Listed`: a container that is seen for the first time, and has run
        since before then, is taken to be listening, so that a start of Interlock does not probe ten thousand servers
        that have served for weeks. One that was seen before and has not answered stays one that has not.
        """
        match event:
            case Placed(view=view):
                return self._place(view)
            case Listed():
                return self._list(event, settled_before)
            case Changed(container=container):
                return self._change(container)
            case Stopping():
                return self._stop(event)
            case Survived(key=key):
                ended = [memory.pop(key, None) for memory in (self._stopping, self._leaving)]
                return frozenset({key}) if any(run is not None for run in ended) else NOBODY
            case Vanished(key=key):
                return self._forget(key)
            case Probed():
                return self._probe(event)
            case GivenUp():
                return self._give_up(event)
            case Lost() | Held() | Recovered():
                self._note_state(event)
                return NOBODY

    def told(self) -> Iterator[Event]:
        """Events that make an empty world as this one is, but for the orders.

        They are meant for `advance` with a `settled_before` that lies in the future.
        """
        for engine in sorted(self._views.keys() | self._listed | self._lost.keys()):
            if engine in self._views:
                yield Placed(self._views[engine])
            known = [self._containers[engine][id_] for id_ in sorted(self._containers.get(engine, ()))]
            fresh = {one.key: one for one in known if one.is_up and self._settled.get(one.key) != one.started_at}
            if engine in self._listed:
                yield Listed(engine, tuple(one for one in known if one.key not in fresh))
            yield from (Changed(one, "list") for one in fresh.values())
            for one in known:
                if self.is_stopping(one):
                    yield Stopping(one.key)
                elif self.is_leaving(one):
                    yield Stopping(one.key, is_notice=True)
                run, endpoints = self._probed.get(one.key, ("", frozenset()))
                yield from (Probed(one.key, endpoint, run) for endpoint in sorted(endpoints))
            if engine in self._lost:
                yield Lost(engine, self._lost[engine])
            if engine in self._given_up:
                yield GivenUp(engine, 0.0)
            if forlorn := tuple(sorted(key.id for key in self._forlorn if key.engine == engine)):
                yield GivenUp(engine, 0.0, forlorn)

    def order(self, overrides: Overrides) -> tuple[frozenset[ContainerKey], frozenset[str]]:
        """Take in the operator's orders; say which containers and which hosts they change something for."""
        before, self.overrides = self.overrides, overrides
        services = _different(before.service_weights, overrides.service_weights)
        keys = (before.drained ^ overrides.drained) | _different(before.weights, overrides.weights)
        if services:
            keys |= {each.key for each in self.containers() if service_of(each) in services}
        return frozenset(keys), _different(before.maintenance, overrides.maintenance)

    def container(self, key: ContainerKey) -> Container | None:
        return self._containers.get(key.engine, {}).get(key.id)

    def containers(self) -> Iterator[Container]:
        """All of them, in the order of their keys."""
        for engine in sorted(self._containers):
            yield from (self._containers[engine][id_] for id_ in sorted(self._containers[engine]))

    def view(self, engine: str) -> View:
        return self._views.get(engine) or View(engine=engine)

    def is_stopping(self, container: Container) -> bool:
        """Whether this run of the container was told to end."""
        return self._stopping.get(container.key) == container.started_at

    def is_leaving(self, container: Container) -> bool:
        """Whether this run of the container will be told to end in a moment."""
        return self._leaving.get(container.key) == container.started_at

    def has_answered(self, container: Container, endpoint: str, *, warmed: bool) -> bool:
        """Whether this run of the container is known to answer at `endpoint`.

        A container found running for a while counts as answering, unless it wants to be `warmed` and was not.
        """
        if not warmed and self._settled.get(container.key) == container.started_at:
            return True
        run, endpoints = self._probed.get(container.key, ("", frozenset()))
        return run == container.started_at and endpoint in endpoints

    @property
    def lost_engines(self) -> Mapping[str, str]:
        """Engines out of reach, with the reason."""
        return MappingProxyType(self._lost)

    @property
    def held_engines(self) -> Mapping[str, str]:
        """Engines whose last list is not believed yet, with the reason."""
        return MappingProxyType(self._held)

    @property
    def engines_given_up(self) -> frozenset[str]:
        """Engines that have been out of reach for too long."""
        return self._given_up

    def is_given_up(self, container: Container) -> bool:
        """Whether nobody who knows of it has been in reach for too long."""
        return container.engine in self._given_up or container.key in self._forlorn

    def has_listed(self, engine: str) -> bool:
        """Whether an engine has told everything at least once."""
        return engine in self._listed

    def _note_state(self, event: Lost | Held | Recovered) -> None:
        match event:
            case Lost(engine=engine, reason=reason):
                self._lost[engine] = reason
                self._held.pop(engine, None)
            case Held(engine=engine, reason=reason):
                self._held[engine] = reason
            case Recovered(engine=engine):
                self._lost.pop(engine, None)

    def _place(self, view: View) -> frozenset[ContainerKey]:
        if self._views.get(view.engine) == view:
            return NOBODY
        self._views[view.engine] = view
        return self._all_of(view.engine)

    def _all_of(self, engine: str) -> frozenset[ContainerKey]:
        return frozenset(ContainerKey(engine, id_) for id_ in self._containers.get(engine, {}))

    def _give_up(self, event: GivenUp) -> frozenset[ContainerKey]:
        known = self._all_of(event.engine)
        if not event.containers:
            self._given_up |= {event.engine}
            return known
        touched = known & {ContainerKey(event.engine, id_) for id_ in event.containers}
        self._forlorn |= touched
        return touched

    def _list(self, event: Listed, settled_before: str) -> frozenset[ContainerKey]:
        self._held.pop(event.engine, None)
        known = self._containers.setdefault(event.engine, {})
        touched: set[ContainerKey] = set(self._all_of(event.engine)) if event.engine in self._given_up else set()
        self._given_up -= {event.engine}
        heard_again = {key for key in self._forlorn if key.engine == event.engine}
        self._forlorn -= heard_again
        touched |= heard_again
        for container in event.containers:
            before = known.get(container.id)
            is_new_run = before is None or before.started_at != container.started_at
            touched |= self._change(container)
            if is_new_run and container.is_up and container.started_at < settled_before:
                self._settled[container.key] = container.started_at
                touched.add(container.key)
        present = {container.id for container in event.containers}
        for gone in [id_ for id_ in known if id_ not in present]:
            touched |= self._forget(ContainerKey(event.engine, gone))
        ordered = self.overrides.about(event.engine)
        self.overrides = self.overrides.without({key for key in ordered if key.id not in present})
        self._listed.add(event.engine)
        return frozenset(touched)

    def _change(self, container: Container) -> frozenset[ContainerKey]:
        known = self._containers.setdefault(container.engine, {})
        before = known.get(container.id)
        if before == container:
            return NOBODY
        known[container.id] = container
        if before is not None and before.started_at != container.started_at:
            self._stopping.pop(container.key, None)
            self._leaving.pop(container.key, None)
        return frozenset({container.key})

    def _stop(self, event: Stopping) -> frozenset[ContainerKey]:
        container = self.container(event.key)
        if container is None or not container.is_up or self.is_stopping(container):
            return NOBODY
        if event.is_notice and self.is_leaving(container):
            return NOBODY
        (self._leaving if event.is_notice else self._stopping)[event.key] = container.started_at
        return frozenset({event.key})

    def _probe(self, event: Probed) -> frozenset[ContainerKey]:
        container = self.container(event.key)
        if container is None or container.started_at != event.started_at:
            return NOBODY
        run, endpoints = self._probed.get(event.key, ("", frozenset()))
        kept = endpoints if run == event.started_at else frozenset()
        self._probed[event.key] = (event.started_at, kept | {event.endpoint})
        return frozenset({event.key})

    def _forget(self, key: ContainerKey) -> frozenset[ContainerKey]:
        for memory in (self._stopping, self._leaving, self._probed, self._settled):
            memory.pop(key, None)
        self._forlorn.discard(key)
        self.overrides = self.overrides.without({key})
        gone = self._containers.get(key.engine, {}).pop(key.id, None)
        return frozenset({key}) if gone is not None else NOBODY


def _different(before: Mapping[K, object], now: Mapping[K, object]) -> frozenset[K]:
    return frozenset(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
