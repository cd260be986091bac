"""The engine of the demo: the one that answers here, else a private one."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import state

from testbed.dockerd import PrivateDockerd
from testbed.programs import ProgramError, environment, run

DEFAULT_SOCKET = "/var/run/docker.sock"
LONGEST_SOCKET_PATH = 107
"""Bytes that the kernel takes for a unix socket's path (unix(7))."""
SECONDS = 10.0
"""For an engine to say that it is there."""

_WHERE = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""Variables by which the `docker` command finds its engine."""


class Engine:
    """A Docker engine, by the variables that lead the `docker` command to it."""

    def __init__(self, where: Mapping[str, str], *, private: PrivateDockerd | None = None) -> None:
        self.where = dict(where)
        self.private = private

    @property
    def url(self) -> str:
        return self.where["DOCKER_HOST"]

    @property
    def socket(self) -> str:
        """Path, on the engine's host, of the socket that Interlock's container gets."""
        url = urlsplit(self.url)
        return url.path if url.scheme == "unix" else DEFAULT_SOCKET

    def environment(self) -> dict[str, str]:
        """For `docker` and docker-compose; the classic builder is the one that every engine has."""
        return environment(**self.where, DOCKER_BUILDKIT="0")

    def docker(self, *words: str | Path, seconds: float = 120.0) -> str:
        """What a `docker` command prints. Raises ProgramError."""
        return run(["docker", *words], env=self.environment(), seconds=seconds).strip()

    @property
    def swarm_url(self) -> str:
        """As Interlock reaches it from its container."""
        return self.private.tcp_url if self.private else f"unix://{DEFAULT_SOCKET}"

    @property
    def address(self) -> str:
        """Where its containers' published ports are reached."""
        return self.private.address if self.private else urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def version(self) -> str:
        """Raises ProgramError: it does not answer."""
        return self.docker("version", "--format", "{{.Server.Version}}", seconds=SECONDS)

    @property
    def answers(self) -> bool:
        try:
            return bool(self.version)
        except ProgramError:
            return False


def existing() -> Engine | None:
    """The engine that DOCKER_HOST names, else the one in Docker's own place, if it answers."""
    where = {key: os.environ[key] for key in _WHERE if os.environ.get(key)}
    found = Engine({"DOCKER_HOST": f"unix://{DEFAULT_SOCKET}"} | where)
    return found if found.answers else None


def start_private() -> Engine:
    """One of our own, which stays when this program ends. Raises OSError, ProgramError."""
    dockerd = PrivateDockerd(private_folder(), outlives_us=True)
    if len(os.fsencode(dockerd.socket)) > LONGEST_SOCKET_PATH:
        raise OSError(f"{dockerd.socket}: too long for a unix socket; clone Interlock into a shorter path")
    dockerd.__enter__()  # not left: demo-down closes it
    return Engine(private_place(), private=dockerd)


def private_folder() -> Path:
    return state.FOLDER / "engine"


def private_place() -> dict[str, str]:
    """Where the private engine is, whether or not it runs yet."""
    return {"DOCKER_HOST": f"unix://{private_folder() / 'docker.sock'}"}
