"""The engine's documents, as far as a copy of a container needs them; what we do not know goes through untouched."""

from typing import Any

import msgspec

Json = dict[str, Any]


class HealthState(msgspec.Struct, frozen=True):
    """State.Health of an inspect."""

    Status: str = ""


class RunState(msgspec.Struct, frozen=True):
    """State of an inspect."""

    Status: str = ""
    ExitCode: int = 0
    Error: str = ""
    OOMKilled: bool = False
    Health: HealthState | None = None


class Networking(msgspec.Struct, frozen=True):
    """NetworkSettings of an inspect."""

    Networks: dict[str, Json | None] | None = None


class Inspected(msgspec.Struct, frozen=True):
    """``GET /containers/ID/json``."""

    Id: str
    Name: str
    Image: str = ""
    """Id of the image that it was made from."""
    RestartCount: int = 0
    State: RunState = RunState()
    Config: Json = {}
    HostConfig: Json = {}
    NetworkSettings: Networking = Networking()

    @property
    def name(self) -> str:
        return self.Name.removeprefix("/")

    @property
    def labels(self) -> dict[str, str]:
        return self.Config.get("Labels") or {}


class Listed(msgspec.Struct, frozen=True):
    """An entry of ``GET /containers/json``."""

    Id: str
    Names: list[str] | None = None
    State: str = ""
    Labels: dict[str, str] | None = None

    @property
    def labels(self) -> dict[str, str]:
        return self.Labels or {}

    @property
    def name(self) -> str:
        """Its own name; links add longer ones."""
        return min((name.removeprefix("/") for name in self.Names or ()), key=len, default=self.Id[:12])


class Image(msgspec.Struct, frozen=True):
    """``GET /images/NAME/json``."""

    Id: str
    Config: Json | None = None
    """What a container inherits that does not say otherwise."""


class Created(msgspec.Struct, frozen=True):
    """The answer to ``POST /containers/create``."""

    Id: str
