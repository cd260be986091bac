"""One container of a fake engine, and the documents that describe it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from interlock.testing.flavours import Flavour

Json = dict[str, Any]

NODE_ADDRESS = "10.98.0.11"
"""Address of the nodes that a fake Swarm manager has."""

_CREATED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
_UP = frozenset({"running", "paused"})


class FakeContainer(msgspec.Struct, kw_only=True):
    """What it is and how it is; change it as you like, the engine tells the next time it is asked."""

    number: int
    """Unique in its engine; id, address and creation time come from it."""
    name: str
    image: str
    labels: dict[str, str]
    env: list[str]
    ports: dict[str, list[tuple[str, int]]]
    networks: dict[str, str]
    """Network -> address, "" while it does not run."""
    health: str
    hostname: str
    stop_signal: str
    stop_timeout: int | None
    network_mode: str
    node: str
    state: str = "created"
    runs: int = 0
    """How often it was started."""
    up: str = "Less than a second"
    """How long it has run, in the words of a list."""
    listed_until: float = 0
    """Until when (of the loop's clock) the list shows `listed`."""
    listed: Json = {}

    @property
    def id(self) -> str:
        return f"{self.number:064x}"

    @property
    def is_running(self) -> bool:
        return self.state in _UP

    @property
    def started_at(self) -> str:
        """Each run has its own."""
        if not self.runs:
            return "0001-01-01T00:00:00Z"
        return f"2026-11-24T09:{self.number // 60 % 60:02}:{self.number % 60:02}.{self.runs:09}Z"

    def next_address(self) -> str:
        place = (self.number * 16 + len([address for address in self.networks.values() if address])) % (1 << 16)
        return f"172.17.{place >> 8}.{place & 255}"

    def start(self) -> None:
        self.state = "running"
        self.runs += 1
        for network in self.networks:
            self.networks[network] = self.next_address()
        if self.health:
            self.health = "starting"

    def end(self) -> None:
        self.state = "exited"
        self.networks = dict.fromkeys(self.networks, "")

    def inspected(self, flavour: Flavour) -> Json:
        """As ``GET /containers/{id}/json`` tells it."""
        state: Json = {
            "Status": self.state,
            "Running": self.is_running,
            "Paused": self.state == "paused",
            "Restarting": False,
            "Dead": False,
            "StartedAt": self.started_at,
        }
        if self.health:
            state["Health"] = {"Status": self.health, "FailingStreak": 0, "Log": None}
        document: Json = {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": _CREATED.isoformat().replace("+00:00", f".{self.number:09}Z"),
            "State": state,
            "Image": "sha256:f00d",
            "HostConfig": {"NetworkMode": self.network_mode},
            "Config": {
                "Hostname": self.hostname or self.id[:12],
                "Domainname": "",
                "Image": self.image,
                "Env": self.env,
                "Labels": self.labels,
                "ExposedPorts": {port: {} for port in self.ports},
            },
            "NetworkSettings": {"Ports": self._published(flavour), "Networks": self._networks()},
        }
        if self.stop_signal:
            document["Config"]["StopSignal"] = self.stop_signal
        if self.stop_timeout is not None:
            document["Config"]["StopTimeout"] = self.stop_timeout
        if flavour.is_swarm:
            document["Node"] = {"Name": self.node, "IP": NODE_ADDRESS, "Addr": f"{NODE_ADDRESS}:2375"}
        return document

    def entry(self, flavour: Flavour, *, is_lost: bool = False) -> Json:
        """As an element of ``GET /containers/json``; `is_lost` when its node is out of reach."""
        name = f"/{self.node}/{self.name}" if flavour.is_swarm else f"/{self.name}"
        return {
            "Id": self.id,
            "Names": [name],
            "Image": self.image,
            "Created": int(_CREATED.timestamp()) + self.number,
            "Ports": self._listed_ports(flavour),
            "Labels": self.labels,
            "State": self.state,
            "Status": "Host Down" if is_lost else self._status(flavour),
            "HostConfig": {"NetworkMode": self.network_mode},
            "NetworkSettings": {"Networks": self._networks()},
        }

    def _status(self, flavour: Flavour) -> str:
        if self.state == "paused":
            return f"Up {self.up} (Paused)"
        if self.state == "running":
            words = {"": "", "starting": " (health: starting)"}.get(self.health, f" ({self.health})")
            return f"Up {self.up}{words if flavour.tells_health_in_list else ''}"
        return "Created" if self.state == "created" else "Exited (137) 2 seconds ago"

    def _networks(self) -> Json:
        return {
            network: {"NetworkID": network.encode().hex().ljust(64, "0"), "IPAddress": address, "GlobalIPv6Address": ""}
            for network, address in self.networks.items()
        }

    def _published(self, flavour: Flavour) -> Json:
        if not self.is_running:
            return {}
        return {
            port: [{"HostIp": self._host_ip(ip, flavour), "HostPort": str(number)} for ip, number in bindings] or None
            for port, bindings in self.ports.items()
        }

    def _listed_ports(self, flavour: Flavour) -> list[Json]:
        found: list[Json] = []
        for port, bindings in self.ports.items() if self.is_running else ():
            number, _, protocol = port.partition("/")
            private = {"PrivatePort": int(number), "Type": protocol}
            found += [
                {**private, "IP": self._host_ip(ip, flavour), "PublicPort": public} for ip, public in bindings
            ] or [private]
        return found

    def _host_ip(self, ip: str, flavour: Flavour) -> str:
        """A Swarm manager writes the node's address over "every address"."""
        return NODE_ADDRESS if flavour.is_swarm and ip in {"0.0.0.0", "::"} else ip  # noqa: S104 - compared, not bound
