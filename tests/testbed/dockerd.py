"""A real Docker engine of our own, beside whatever else runs on the machine."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, Self

import msgspec

from testbed import engine_api
from testbed.links import Link
from testbed.namespaces import HOSTNAME, Inmate, Keeper, Namespaces
from testbed.programs import ProgramError, environment, run
from testbed.waiting import wait_for

BRIDGE = "docker0"
BRIDGE_ADDRESS = "172.31.250.1"
"""The engine's address as its containers see it; every engine may have the same, since each has its own network."""
BRIDGE_MAC = "02:42:ac:1f:fa:01"
"""Given to the bridge as dockerd gives its own one. A bridge without takes the lowest of its ports' addresses, another
one as containers come and go; the kernel then forgets its neighbours, and what they send is lost for seconds."""
API_PORT = 2375
PUBLIC_API_PORT = 2376
"""Where engines listen that a test reaches from outside."""
SECONDS = 60.0
CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", *(f"/sys/fs/cgroup/{name}" for name in (
    "blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "systemd"
)))  # fmt: skip
"""Where a control group may have left its folder, in version 2 or 1."""


class Traces(msgspec.Struct, frozen=True):
    """What an engine that outlives its program leaves to be closed by another: see `PrivateDockerd.close_left`."""

    keeper: Keeper
    link: str
    cgroup: str


class Cable(Protocol):
    """What an engine's network hangs on: a `Link`, or a cable to a `Lan`."""

    name: str
    far: str

    def close(self) -> None: ...


class PrivateDockerd:
    """dockerd in namespaces of its own, its network included; a context manager that leaves nothing behind.

    Containers' published ports are reached at `address`. From the engine's own host (see `on_host`) it is `socket`
    and the containers' addresses, from inside a container `tcp_url`.
    """

    def __init__(
        self,
        root: Path,
        *,
        options: tuple[str, ...] = (),
        outlives_us: bool = False,
        hostname: str = HOSTNAME,
        plug: Callable[[Namespaces], Cable] = Link.plug,
        in_memory: bool = False,
    ) -> None:
        """`plug` connects its network: to this machine and nobody else, unless told otherwise.

        Images and containers `in_memory` take some 200 MB, and no time to remove; they go when its namespaces do.
        """
        self.root = root
        self.hostname = hostname
        self._outlives_us = outlives_us
        self._plug = plug
        self._in_memory = in_memory
        self.socket = root / "docker.sock"
        self.tcp_url = f"tcp://{BRIDGE_ADDRESS}:{API_PORT}"
        self._options = options
        self._cgroup = cgroup_of(root, os.getpid())
        self._namespaces: Namespaces | None = None
        self._cable: Cable | None = None
        self._daemon: Inmate | None = None
        self._log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def cgroup(self) -> str:
        """Name of the control group of its containers."""
        return self._cgroup

    @property
    def address(self) -> str:
        """IP address of the engine's host, as this machine reaches it."""
        return self.cable.far

    @property
    def cable(self) -> Cable:
        assert self._cable is not None, "not started"
        return self._cable

    @property
    def machine(self) -> str:
        """IP address of this machine, as the engine's host reaches it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((self.address, API_PORT))  # sends nothing: the kernel looks up the way
            return str(asked.getsockname()[0])

    @property
    def pid(self) -> int:
        assert self._daemon is not None, "not started"
        return self._daemon.pid

    def __enter__(self) -> Self:
        try:
            self.make_host()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def make_host(self) -> None:
        """The machine around it: namespaces, network, folders. By the thread that stays, since they end with it."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._log = (self.root / "dockerd.log").open("ab")
        self._namespaces = Namespaces.open(own_network=True, outlives_us=self._outlives_us, hostname=self.hostname)
        self._cable = self._plug(self._namespaces)
        self._remember(self._namespaces, self._cable)
        self._prepare(self._namespaces)

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remember(self, namespaces: Namespaces, cable: Cable) -> None:
        traces = Traces(namespaces.keeper, cable.name, self._cgroup)
        (self.root / "traces.json").write_bytes(msgspec.json.encode(traces))

    @staticmethod
    def close_left(root: Path) -> bool:
        """Close an engine that outlived its program; False when there is none."""
        try:
            traces = msgspec.json.decode((root / "traces.json").read_bytes(), type=Traces)
        except FileNotFoundError:
            return False
        Namespaces(traces.keeper, own_network=True).close()
        Link(traces.link, "", "").close()
        drop_cgroups(traces.cgroup)
        return True

    def _prepare(self, namespaces: Namespaces) -> None:
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "cli").mkdir(exist_ok=True)
        Path("/etc/docker").mkdir(exist_ok=True)
        # It holds the engine's key, and options of the machine's own engine that are none of ours.
        run(namespaces.inside(["mount", "--bind", self.root / "etc", "/etc/docker"]))
        if self._in_memory:
            (self.root / "data").mkdir(exist_ok=True)
            run(namespaces.inside(["mount", "-t", "tmpfs", "tmpfs", self.root / "data"]))
        for command in (
            f"ip link add {BRIDGE} address {BRIDGE_MAC} type bridge",
            f"ip addr add {BRIDGE_ADDRESS}/24 dev {BRIDGE}",
            f"ip link set {BRIDGE} up",
        ):
            run(namespaces.inside(command.split()))

    # -- the daemon ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start dockerd (again); returns when it answers. Containers of a killed one are found and stopped by it."""
        assert self._namespaces is not None, "used outside `with`"
        assert self._log is not None, "used outside `with`"
        for stale in (self.socket, self.root / "dockerd.pid"):
            stale.unlink(missing_ok=True)
        program = os.environ.get("INTERLOCK_TEST_DOCKERD", "dockerd")
        folders = {"--data-root": "data", "--pidfile": "dockerd.pid"}
        command = [program, *(word for option, name in folders.items() for word in (option, str(self.root / name)))]
        # In the namespaces' own /run, since containerd's sockets below it take no long path.
        command += ["--exec-root", "/run/docker"]
        command += ["--host", self.url, "--host", self.tcp_url, "--tls=false", "--bridge", BRIDGE]
        command += ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self._cgroup}"]
        self._daemon = self._namespaces.start([*command, *self._options], log=self._log, env=environment())
        wait_for(self._answers, f"dockerd (see {self.root}/dockerd.log)", seconds=SECONDS)

    def _answers(self) -> bool:
        assert self._daemon is not None, "just started"
        if self._daemon.has_ended:
            raise ProgramError(f"the engine ended at once:\n{self.log_tail()}")
        return engine_api.answers(self.socket)

    def stop(self) -> None:
        """As `systemctl stop docker` does: its containers are stopped first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a crash does: containers and their shims stay."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It neither answers nor hangs up until `thaw`."""
        self._inmate.freeze()

    def thaw(self) -> None:
        self._inmate.thaw()

    def _end(self, number: signal.Signals) -> None:
        self._inmate.send(number)
        self._inmate.wait(SECONDS)

    @property
    def _inmate(self) -> Inmate:
        assert self._daemon is not None, "not started"
        return self._daemon

    def log_tail(self, lines: int = 30) -> str:
        text = (self.root / "dockerd.log").read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Kill everything at once, in whatever state it is."""
        if self._daemon is not None:
            self._daemon.let_go()
        if self._namespaces is not None:
            self._namespaces.close()
        if self._daemon is not None:
            self._daemon.wait(SECONDS)
        if self._cable is not None:
            self._cable.close()
        if self._log is not None:
            self._log.close()
        drop_cgroups(self._cgroup)

    # -- using it --------------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """For the `docker` command and docker-compose; the classic builder is the one that every engine has."""
        return environment(DOCKER_HOST=self.url, DOCKER_CONFIG=str(self.root / "cli"), DOCKER_BUILDKIT="0")

    def docker(self, *words: str | Path, seconds: float = 120.0) -> str:
        """What a `docker` command prints. Raises ProgramError."""
        return run(["docker", *words], env=self.environment(), seconds=seconds).strip()

    def api(self, url: str, *, method: str = "GET", body: object = None) -> Any:
        """Raises OSError."""
        return engine_api.ask(self.socket, method, url, body=body)

    def address_of(self, container: str) -> str:
        """IP address of a container in the default network, as seen from the engine's host."""
        return self.docker("inspect", "--format", '{{(index .NetworkSettings.Networks "bridge").IPAddress}}', container)

    def remove_everything(self) -> None:
        """All containers and networks; images stay."""
        if containers := self.docker("ps", "--all", "--quiet").split():
            self.docker("rm", "--force", "--volumes", *containers)
        self.docker("network", "prune", "--force")

    def on_host(self, argv: list[str | Path]) -> list[str]:
        """`argv`, as it runs natively on the engine's host: same network, our files."""
        assert self._namespaces is not None, "used outside `with`"
        return self._namespaces.on_host(argv)


def cgroup_of(root: Path, pid: int) -> str:
    """Name of the control group of an engine that a process runs there."""
    return f"interlock-{pid}-{root.name}"


def drop_cgroups(name: str) -> None:
    """Folders that only the kernel can empty, and it has: nobody lives in them any more."""
    for root in CGROUP_ROOTS:
        top = Path(root, name)
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        if top.is_dir():
            top.rmdir()
