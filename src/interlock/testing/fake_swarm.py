"""The managers' side of a fake swarm: services, tasks and nodes, told by a fake engine that is one of them.

As in::

    swarm = FakeSwarm()
    manager = FakeEngine(swarm=swarm)
    service = swarm.serve("web", labels={"interlock.hostname": "www"})
    task = swarm.start(service, node="node-1", port=32768)
    ...
    swarm.retire(task)

Several engines may be managers of one swarm. It says nothing of a task in its events, as the real one.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

NO_MANAGER = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state."
"""How a worker begins its answer, with 503, to each question about the swarm."""
_TIME = "2026-11-24T08:30:40.575557896Z"


class FakeSwarm:
    """What all managers know."""

    def __init__(self, *nodes: str) -> None:
        """Nodes are ``node-1`` unless they are named."""
        self.nodes: dict[str, dict[str, Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.tell: list[Callable[[str, str, str], None]] = []
        """Managers' streams of events: each is called with type, action and id."""
        self._versions = itertools.count(1)
        self._numbers = itertools.count(1)
        for name in nodes or ("node-1",):
            self.set_node(name)

    def set_node(self, name: str, state: str = "ready") -> None:
        """A node, or its new state; with its event."""
        number = len(self.nodes) + 1 if name not in self.nodes else list(self.nodes).index(name) + 1
        self.nodes[name] = {
            "ID": name,
            "Version": self._version(),
            "Description": {"Hostname": name},
            "Status": {"State": state, "Addr": f"192.0.2.{number}"},
        }
        self._say("node", "update", name)

    def serve(self, name: str, *, labels: Mapping[str, str] | None = None) -> str:
        """A service; returns its id."""
        id_ = f"service{next(self._numbers)}{name}"
        spec = {"Name": name, "Labels": dict(labels or {})}
        self.services[id_] = {"ID": id_, "Version": self._version(), "CreatedAt": _TIME, "Spec": spec}
        self._say("service", "create", id_)
        return id_

    def start(self, service: str, *, node: str = "node-1", port: int = 0) -> str:
        """A task that runs, published at a port of its node; returns its id."""
        number = next(self._numbers)
        id_ = f"task{number:021}"
        ports = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": port, "PublishMode": "host"}
        self.tasks[id_] = {
            "ID": id_,
            "Version": self._version(),
            "CreatedAt": _TIME,
            "Spec": {"ContainerSpec": {"Image": "example/web:1"}},
            "ServiceID": service,
            "Slot": number,
            "NodeID": node,
            "DesiredState": "running",
            "Status": {
                "Timestamp": _TIME,
                "State": "running",
                "ContainerStatus": {"ContainerID": f"{number:064x}"},
                "PortStatus": {"Ports": [ports, ports] if port else []},
            },
        }
        return id_

    def retire(self, task: str) -> None:
        """It shall run no more; it does for now."""
        self.tasks[task] |= {"Version": self._version(), "DesiredState": "shutdown"}

    def end(self, task: str) -> None:
        """It runs no more, and is kept as history."""
        status = self.tasks[task]["Status"] | {"State": "shutdown", "PortStatus": {}}
        self.tasks[task] |= {"Version": self._version(), "DesiredState": "shutdown", "Status": status}

    def container_of(self, task: str) -> str:
        """Id of a task's container."""
        return str(self.tasks[task]["Status"]["ContainerStatus"]["ContainerID"])

    def answer(self, path: str, filters: str) -> list[dict[str, Any]] | None:
        """What a manager answers; None where the path is none of the swarm's."""
        match path:
            case "/services":
                return list(self.services.values())
            case "/nodes":
                return list(self.nodes.values())
            case "/tasks":
                return self._filtered(json.loads(filters or "{}"))
        return None

    def _filtered(self, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        keys = {"id": "ID", "desired-state": "DesiredState"}
        return [
            task for task in self.tasks.values() if all(task[keys[name]] in values for name, values in filters.items())
        ]

    def _version(self) -> dict[str, int]:
        return {"Index": next(self._versions)}

    def _say(self, kind: str, action: str, id_: str) -> None:
        for tell in self.tell:
            tell(kind, action, id_)
