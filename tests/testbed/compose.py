"""docker-compose, whichever of its two generations the machine has."""

import json
import shutil
from pathlib import Path
from typing import Protocol

from testbed.programs import ProgramError, run

SECONDS = 120.0


class Engine(Protocol):
    """Whose containers Compose arranges."""

    def environment(self) -> dict[str, str]: ...

    def docker(self, *words: str | Path, seconds: float = ...) -> str: ...


class Compose:
    """One project; a second Compose file adds to the first."""

    def __init__(self, engine: Engine, *files: Path, project: str, **variables: str) -> None:
        self.project = project
        self._engine = engine
        self._files = files
        self._variables = variables

    def __call__(self, *words: str, seconds: float = SECONDS) -> str:
        """What a `docker-compose` command prints. Raises ProgramError."""
        files = [word for file in self._files for word in ("--file", file)]
        command = [*program(), "--project-name", self.project, *files]
        return run([*command, *words], env=self._engine.environment() | self._variables, seconds=seconds)

    def up(self, *services: str) -> None:
        self("up", "-d", *services)

    def scale(self, service: str, count: int) -> None:
        """As the walk-through of the original does it: `docker-compose scale web=5`."""
        self("scale", f"{service}={count}")

    def down(self) -> None:
        """Containers, networks and volumes of the project; it takes no time to say goodbye."""
        self("down", "--volumes", "--remove-orphans", "--timeout", "1")

    def containers(self, service: str) -> dict[str, str]:
        """Names and full ids of a service's running containers."""
        labels = [f"label=com.docker.compose.{key}" for key in (f"project={self.project}", f"service={service}")]
        filters = [word for label in labels for word in ("--filter", label)]
        lines = self._engine.docker("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}", *filters).splitlines()
        # Links add a second name, "project_web_1/db"; the container's own has no slash.
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {next(name for name in names.split(",") if "/" not in name): key for names, key in pairs}


def program() -> list[str]:
    """How to call it: the command of its own, else the plugin of `docker`."""
    return ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]


def generation() -> int:
    """1 reads the format without `services:`, 2 does not any more. Raises ProgramError when there is none."""
    version = run([*program(), "version", "--short"]).strip().removeprefix("v")
    first = version.partition(".")[0]
    if not first.isdigit():
        raise ProgramError(f"cannot tell the version of docker-compose from {version!r}")
    return int(first)


def write_file(folder: Path, services: dict[str, object]) -> Path:
    """In the format without `services:`, which JSON is too; in the later one where Compose reads no other."""
    file = folder / "docker-compose.yml"
    file.write_text(json.dumps(services if generation() == 1 else {"services": services}))
    return file
