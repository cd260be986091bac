"""A real swarm of several nodes on this machine: an engine each, in namespaces of its own, on one network."""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import msgspec

from testbed import base_image, images
from testbed.dockerd import PrivateDockerd, cgroup_of, drop_cgroups
from testbed.lan import Cable, Lan
from testbed.namespaces import Keeper
from testbed.waiting import wait_for

PREFIX = "interlock-swarm-"
OWNER = "owner.json"
API_PORT = 2376
"""Where each engine answers the other machines, without TLS."""
USUAL_SOCKET = "/run/docker.sock"
"""Where containers of the node look for its engine; nobody else sees it there."""
SECONDS = 60.0
"""For what managers agree on, on a slow machine."""


class Node(PrivateDockerd):
    """One machine of the swarm."""

    def __init__(self, root: Path, lan: Lan, number: int, hostname: str) -> None:
        super().__init__(
            root,
            options=("--host", f"tcp://0.0.0.0:{API_PORT}", "--host", f"unix://{USUAL_SOCKET}"),
            hostname=hostname,
            plug=functools.partial(lan.plug, number=number),
            in_memory=True,
        )

    @property
    def api_url(self) -> str:
        """For whoever is not on this machine, but on the swarm's network."""
        return f"tcp://{self.address}:{API_PORT}"

    def cut(self) -> None:
        """Pull its network cable: containers go on, nobody reaches them, and nobody is told."""
        assert isinstance(self.cable, Cable)
        self.cable.cut()

    def mend(self) -> None:
        assert isinstance(self.cable, Cable)
        self.cable.mend()


class Swarm:
    """Managers and workers; a context manager that leaves nothing behind, and clears what a killed one left.

    A folder and a network are its own, so several swarms may be on one machine.
    """

    def __init__(self, *, managers: int = 1, workers: int = 2) -> None:
        self.managers: list[Node] = []
        self.workers: list[Node] = []
        self.lan = Lan()
        self._hostnames = [f"manager{number}" for number in range(1, managers + 1)]
        self._hostnames += [f"worker{number}" for number in range(1, workers + 1)]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        clear_debris()
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
            (folder / OWNER).write_bytes(msgspec.json.encode(Keeper.of(os.getpid())))
            self._stack.enter_context(self.lan)
            token = folder.name.removeprefix(PREFIX)
            for number, hostname in enumerate(self._hostnames, 1):
                # The folder's name is that of the node's control group too, which must be nobody else's.
                node = Node(folder / f"{token}-{hostname}", self.lan, number, hostname)
                self._stack.callback(node.close)
                node.make_host()
                (self.managers if hostname.startswith("manager") else self.workers).append(node)
            self.on_each(Node.start)
            self._join()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _join(self) -> None:
        first = self.manager
        first.docker("swarm", "init", "--advertise-addr", first.address, "--listen-addr", first.address)
        for role, nodes in (("manager", self.managers[1:]), ("worker", self.workers)):
            token = first.docker("swarm", "join-token", "--quiet", role)
            for node in nodes:
                own = ("--advertise-addr", node.address, "--listen-addr", node.address)
                node.docker("swarm", "join", "--token", token, *own, f"{first.address}:2377")
        wait_for(lambda: set(self.states().values()) == {"ready"}, "all nodes to be ready", seconds=SECONDS)

    @property
    def nodes(self) -> list[Node]:
        return [*self.managers, *self.workers]

    def bring_images(self) -> None:
        """The tests' web application on every node, since there is no registry to pull it from."""
        self.on_each(_bring_images)

    def on_each(self, do: Callable[[Node], object]) -> None:
        """The same on all nodes, at the same time."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(do, self.nodes))

    @property
    def manager(self) -> Node:
        """The first of them, which began the swarm."""
        return self.managers[0]

    # -- what a manager says -----------------------------------------------------------------------------------------

    def states(self, *, asked: Node | None = None) -> dict[str, str]:
        """Host names of nodes, and whether a manager thinks that they are ``ready`` or ``down``. Raises OSError."""
        answer = (asked or self.manager).api("/nodes")
        return {node["Description"]["Hostname"]: node["Status"]["State"] for node in answer if "Description" in node}

    def leader(self, *, asked: Node | None = None) -> Node | None:
        """Who leads, as a manager says; None while nobody does. Raises OSError."""
        for node in (asked or self.manager).api("/nodes"):
            if node.get("ManagerStatus", {}).get("Leader"):
                return self.node_named(node["Description"]["Hostname"])
        return None

    def node_named(self, hostname: str) -> Node:
        return next(node for node in self.nodes if node.hostname == hostname)

    def tasks(self, service: str, *, asked: Node | None = None) -> list[dict[str, Any]]:
        """All tasks of a service, past ones too. Raises OSError."""
        filters = quote(msgspec.json.encode({"service": [service]}).decode())
        answer: list[dict[str, Any]] = (asked or self.manager).api(f"/tasks?filters={filters}")
        return answer

    def running(self, service: str, *, asked: Node | None = None) -> dict[str, str]:
        """Short container ids of what runs and shall run, and the host names of their nodes. Raises OSError."""
        answer = (asked or self.manager).api("/nodes")
        hostnames = {node["ID"]: node["Description"]["Hostname"] for node in answer}
        return {
            task["Status"]["ContainerStatus"]["ContainerID"][:12]: hostnames[task["NodeID"]]
            for task in self.tasks(service, asked=asked)
            if task["DesiredState"] == "running" and task["Status"]["State"] == "running"
        }

    def wait_for_running(self, service: str, count: int, *, asked: Node | None = None) -> dict[str, str]:
        """Until so many tasks run, and no other is under way. Raises TimeoutError."""

        def look() -> dict[str, str] | None:
            found = self.running(service, asked=asked)
            shall = [task for task in self.tasks(service, asked=asked) if task["DesiredState"] == "running"]
            return found if len(found) == len(shall) == count else None

        return wait_for(look, f"{count} running tasks of {service}", seconds=SECONDS)

    def remove_everything(self) -> None:
        """All services, their containers, and networks, secrets and configurations; nodes and images stay."""
        docker = self.manager.docker
        for kind in ("service", "secret", "config"):
            if found := docker(kind, "ls", "--quiet").split():
                docker(kind, "rm", *found)
        self.on_each(_empty)


def _bring_images(node: Node) -> None:
    images.import_base(node, base_image.cache_folder())
    images.build_web(node)


def _empty(node: Node) -> None:
    """Once its tasks have ended by themselves."""
    tasks = ("ps", "--all", "--quiet", "--filter", "label=com.docker.swarm.task.id")
    wait_for(lambda: not node.docker(*tasks), f"the end of the tasks on {node.hostname}", seconds=SECONDS)
    node.remove_everything()


def clear_debris() -> None:
    """Remove folders and control groups of swarms whose programs were killed; their processes died with them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            owner = msgspec.json.decode((folder / OWNER).read_bytes(), type=Keeper)
        except (FileNotFoundError, msgspec.DecodeError):
            continue  # somebody is just making it
        if owner.lives:
            continue
        for root in folder.iterdir():
            drop_cgroups(cgroup_of(root, owner.pid))
        shutil.rmtree(folder, ignore_errors=True)
