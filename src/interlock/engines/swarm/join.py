"""What a swarm's managers and its nodes say, put together: one container for each task, whoever told of it first.

No clock and no I/O. A manager knows everything a moment late, and what shall be before it is; a node that is listened
to knows its own containers at once. So a node's word decides whether a container runs, a manager's whether it shall go
on; where a node is not listened to, the managers' word is all there is, and where no manager answers, the nodes' is.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from interlock.core.events import Changed, Event, Listed, Stopping, Survived, Vanished
from interlock.core.model import Container, ContainerKey
from interlock.engines.containers import Kept, utc
from interlock.engines.swarm.containers import (
    NODE_LABEL,
    SERVICE_LABEL,
    TASK_LABEL,
    is_virtual,
    joined_container,
    networks_of,
    service_container,
    task_container,
)
from interlock.engines.swarm.documents import Node, Service, Task, TaskStatus


class Snapshot(msgspec.Struct, frozen=True):
    """What a manager said at one time."""

    services: Mapping[str, Service] = {}
    nodes: Mapping[str, Node] = {}
    tasks: Mapping[str, Task] = {}
    """By the id of their container: those that run, shall run on or not. Others matter to nobody."""


class _Voice(msgspec.Struct):
    """What one node that is listened to has told."""

    is_live: bool = False
    containers: dict[str, Container] = {}
    ending: dict[str, str] = {}
    """Containers that were told to end -> `started_at` of that run, "" where it is not known."""
    ended: set[str] = set()
    """Containers of tasks that it told to be gone, until the managers know it too."""


class _End(enum.IntEnum):
    """Whether a container is about to end."""

    NO = 0
    SOON = 1
    """The managers want it no more: it gets SIGTERM in a moment."""
    NOW = 2
    """It got it, or may have by now, or nobody reaches it any more."""


class _Fact(msgspec.Struct, frozen=True):
    """What is to be believed of one container."""

    container: Container
    end: _End = _End.NO


class Join:
    """Takes in either side's word and tells what is otherwise because of it."""

    def __init__(self, *, engine: str, kept: Kept) -> None:
        self.has_manager = False
        """Whether a manager answers; while none does, its last word counts for nothing but names and labels."""
        self.awaited: set[str] = set()
        """Services that a node runs a task of, and no manager has told of yet: it is time to ask again."""
        self._engine = engine
        self._kept = kept
        self._snapshot = Snapshot()
        self._voices: dict[str, _Voice] = {}
        self._networks: dict[str, str] = {}
        self._known_tasks: set[str] = set()
        """Containers of tasks that a manager has told of, for as long as anybody knows them."""
        self._runs: dict[str, str] = {}
        """Container of a task -> when its run began by the first word of it."""
        self._told: dict[str, _Fact] = {}
        self._overdue: set[str] = set()
        """Containers whose notice is over."""
        self._owners: dict[str, str] = {}
        """Container that is told of -> its service."""
        self._members: dict[str, set[str]] = {}
        """Service -> its containers that are told of."""

    def everything(self, cause: str) -> list[Event]:
        """All that is known, as a list; and who of them shall take no new request."""
        containers = tuple(self._told[id_].container for id_ in sorted(self._told))
        ending = {id_: fact.end for id_, fact in sorted(self._told.items()) if fact.end}
        stops = [Stopping(self._key(id_), cause, is_notice=end is _End.SOON) for id_, end in ending.items()]
        return [Listed(self._engine, containers, cause), *stops]

    def managed(self, snapshot: Snapshot, cause: str) -> list[Event]:
        """A manager said how everything is."""
        ids = set(changed(self._snapshot.tasks, snapshot.tasks))
        touched = {self._service_id(id_) for id_ in ids}
        before, self._snapshot = self._snapshot, snapshot
        is_back, self.has_manager = not self.has_manager, True
        self.awaited.clear()
        self._networks |= networks_of(snapshot.tasks.values())
        self._known_tasks |= snapshot.tasks.keys()
        services = changed(before.services, snapshot.services)
        nodes = changed(before.nodes, snapshot.nodes)
        if is_back or services or nodes:
            ids |= {id_ for id_ in self._all() if is_back or self._is_of(id_, services, nodes)}
        self._forget_ended()
        touched |= services | {self._service_id(id_) for id_ in ids}
        return [*self._settle(ids, cause), *self._settle_services(touched, cause)]

    def notice_over(self, id_: str) -> list[Event]:
        """A task that the managers want no more may have got its SIGTERM by now."""
        if id_ not in self._told:
            return []
        self._overdue.add(id_)
        return list(self._settle([id_], "told to end"))

    def manager_lost(self) -> None:
        """No manager answers. What is told stays until a node says otherwise."""
        self.has_manager = False

    def unheard(self) -> set[str]:
        """Containers that are told of, while neither managers nor their own node say anything."""
        if self.has_manager:
            return set()
        heard = {id_ for voice in self._voices.values() if voice.is_live for id_ in voice.containers}
        return self._told.keys() - heard - self._snapshot.services.keys()

    def listed(self, name: str, containers: Iterable[Container], cause: str) -> list[Event]:
        """A node told everything that it runs."""
        voice = self._voices.setdefault(name, _Voice())
        before = voice.containers
        voice.is_live = True
        voice.containers = {container.id: container for container in containers}
        gone = before.keys() - voice.containers.keys()
        voice.ended |= {id_ for id_ in gone if TASK_LABEL in before[id_].labels}
        voice.ended -= voice.containers.keys()
        voice.ending = {id_: run for id_, run in voice.ending.items() if id_ in voice.containers}
        return self._told_of(before.keys() | voice.containers.keys(), cause)

    def heard(self, name: str, event: Changed | Stopping | Survived | Vanished) -> list[Event]:
        """A node told of one container."""
        voice = self._voices.setdefault(name, _Voice())
        id_ = event.container.id if isinstance(event, Changed) else event.key.id
        match event:
            case Changed(container=container):
                if voice.ending.get(id_, container.started_at) not in {"", container.started_at}:
                    del voice.ending[id_]
                voice.containers[id_] = container
                voice.ended.discard(id_)
            case Stopping():
                known = voice.containers.get(id_)
                voice.ending[id_] = known.started_at if known is not None else ""
            case Survived():
                voice.ending.pop(id_, None)
            case Vanished():
                gone = voice.containers.pop(id_, None)
                voice.ending.pop(id_, None)
                if gone is not None and TASK_LABEL in gone.labels:
                    voice.ended.add(id_)
        return self._told_of({id_}, event.cause, event.at)

    def voice_lost(self, name: str, cause: str) -> list[Event]:
        """A node is not listened to any more; for its tasks the managers' word counts from now on."""
        voice = self._voices.get(name)
        if voice is None or not voice.is_live:
            return []
        voice.is_live = False
        voice.ended.clear()
        return self._told_of(set(voice.containers), cause)

    def voice_dropped(self, name: str, cause: str) -> list[Event]:
        """A node is not to be listened to ever again."""
        voice = self._voices.pop(name, None)
        return self._told_of(set(voice.containers), cause) if voice is not None else []

    def _told_of(self, ids: Iterable[str], cause: str, at: float = 0.0) -> list[Event]:
        ids = set(ids)
        services = {self._service_id(id_) for id_ in ids}
        events = list(self._settle(ids, cause, at))
        return [*events, *self._settle_services(services | {self._service_id(id_) for id_ in ids}, cause)]

    def _settle(self, ids: Iterable[str], cause: str, at: float = 0.0) -> Iterator[Event]:
        """Tell what is otherwise of these containers."""
        for id_ in sorted(ids):
            yield from self._tell(id_, self._fact(id_), cause, at)

    def _settle_services(self, ids: Iterable[str], cause: str) -> Iterator[Event]:
        for id_ in sorted(set(ids) - {""}):
            yield from self._tell(id_, self._fact_of_service(id_), cause, 0.0)

    def _tell(self, id_: str, now: _Fact | None, cause: str, at: float) -> Iterator[Event]:
        before = self._told.get(id_)
        if now is None:
            if before is not None:
                del self._told[id_]
                self._overdue.discard(id_)
                self._members.get(self._owners.pop(id_, ""), set()).discard(id_)
                yield Vanished(self._key(id_), cause, at)
            if not any(id_ in voice.containers for voice in self._voices.values()):
                self._runs.pop(id_, None)
            return
        self._told[id_] = now
        if service := self._service_id(id_):
            self._owners[id_] = service
            self._members.setdefault(service, set()).add(id_)
        if before is None or before.container != now.container:
            yield Changed(now.container, cause, at)
        is_same_run = before is not None and before.container.started_at == now.container.started_at
        was_ending = before.end if before is not None and is_same_run else _End.NO
        if now.end < was_ending:
            yield Survived(self._key(id_), cause, at)
        if now.end and now.end != was_ending:
            yield Stopping(self._key(id_), cause, at, is_notice=now.end is _End.SOON)

    def _fact(self, id_: str) -> _Fact | None:
        """What is to be believed of a container; None for one that is not there, or has no route of its own."""
        service = self._snapshot.services.get(self._service_id(id_))
        if service is not None and is_virtual(service):
            return None
        task = self._snapshot.tasks.get(id_)
        if (voice := self._voice_of(id_)) is not None:
            return self._by_its_node(id_, voice, task, service)
        has_ended = any(id_ in each.ended for each in self._voices.values())
        if task is None or has_ended:
            return None if self.has_manager or has_ended else self._told.get(id_)
        node = self._snapshot.nodes.get(task.NodeID or "")
        if end := self._end_of(id_, task, node):  # its ports are taken from it before; it keeps what it was reached at
            before = self._told.get(id_)
            return _Fact(before.container, end) if before is not None else None
        started = self._runs.setdefault(id_, utc((task.Status or TaskStatus()).Timestamp or ""))
        return _Fact(task_container(task, service, node, started_at=started, engine=self._engine, kept=self._kept))

    def _by_its_node(self, id_: str, voice: _Voice, task: Task | None, service: Service | None) -> _Fact | None:
        container = voice.containers[id_]
        is_task = TASK_LABEL in container.labels
        if is_task and not self._is_there(id_, container, voice, task, service):
            return None
        node_id = (task.NodeID if task is not None else "") or container.labels.get(NODE_LABEL, "")
        node = self._snapshot.nodes.get(node_id)
        self._runs[id_] = container.started_at
        end = self._end_of(id_, task, node) if is_task and self.has_manager else _End.NO
        if voice.is_live:
            end = _End.NOW if voice.ending.get(id_) in {"", container.started_at} else min(end, _End.SOON)
        joined = joined_container(container, task, service, node, self._kept)
        return _Fact(msgspec.structs.replace(joined, engine=self._engine), end)

    def _is_there(
        self, id_: str, container: Container, voice: _Voice, task: Task | None, service: Service | None
    ) -> bool:
        """Whether a task's container runs, and enough of it is known."""
        if not container.is_up:
            return False
        if not self.has_manager:
            return True
        if not voice.is_live and (task is None or not task.is_running):
            return False
        if service is None and id_ not in self._told:
            self.awaited.add(container.labels.get(SERVICE_LABEL, ""))
            return False
        return True

    def _end_of(self, id_: str, task: Task | None, node: Node | None) -> _End:
        """What the managers want of a task: one they have never told of may just be newer than their word."""
        if task is None:
            return _End.NOW if id_ in self._known_tasks else _End.NO
        if node is not None and node.is_lost:
            return _End.NOW
        if task.is_wanted:
            return _End.NO
        return _End.NOW if id_ in self._overdue else _End.SOON

    def _fact_of_service(self, id_: str) -> _Fact | None:
        """A service stands for itself where it has an address of its own, and where nobody runs for it."""
        service = self._snapshot.services.get(id_)
        if service is None:
            return None
        nodes = self._snapshot.nodes
        if is_virtual(service):
            tasks = [task for task in self._snapshot.tasks.values() if task.ServiceID == id_]
            is_up = any(not self._end_of("", task, nodes.get(task.NodeID or "")) for task in tasks)
        elif self._members.get(id_):
            return None
        else:
            is_up = False
        return _Fact(service_container(service, self._networks, is_up=is_up, engine=self._engine, kept=self._kept))

    def _voice_of(self, id_: str) -> _Voice | None:
        """Who tells of a container: the first that is listened to now, else the first that ever did."""
        telling = [self._voices[name] for name in sorted(self._voices) if id_ in self._voices[name].containers]
        return next((voice for voice in telling if voice.is_live), telling[0] if telling else None)

    def _service_id(self, id_: str) -> str:
        """The service of a container; "" for none, or a container that is not known."""
        if (task := self._snapshot.tasks.get(id_)) is not None and task.ServiceID:
            return task.ServiceID
        voice = self._voice_of(id_)
        if voice is not None:
            return voice.containers[id_].labels.get(SERVICE_LABEL, "")
        return self._owners.get(id_, "")

    def _is_of(self, id_: str, services: frozenset[str], nodes: frozenset[str]) -> bool:
        task, voice = self._snapshot.tasks.get(id_), self._voice_of(id_)
        node = (task.NodeID or "") if task is not None else ""
        if not node and voice is not None:
            node = voice.containers[id_].labels.get(NODE_LABEL, "")
        return self._service_id(id_) in services or node in nodes

    def _all(self) -> set[str]:
        heard = {id_ for voice in self._voices.values() for id_ in voice.containers}
        return heard | self._snapshot.tasks.keys()

    def _forget_ended(self) -> None:
        """What the managers know to be gone need not be remembered as such."""
        for voice in self._voices.values():
            voice.ended &= self._snapshot.tasks.keys()
        self._known_tasks &= self._snapshot.tasks.keys() | self._all()

    def _key(self, id_: str) -> ContainerKey:
        return ContainerKey(self._engine, id_)


def changed(before: Mapping[str, Service | Node | Task], now: Mapping[str, Service | Node | Task]) -> frozenset[str]:
    """Which are new, gone or otherwise; every change of an object of a swarm gives it another version."""
    return frozenset(id_ for id_ in before.keys() | now.keys() if _version(before.get(id_)) != _version(now.get(id_)))


def _version(thing: Service | Node | Task | None) -> tuple[str, int] | None:
    return (thing.ID, thing.Version.Index) if thing is not None else None
