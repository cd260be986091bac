"""What the demo made, written down before it is made, so that `demo-down` finds it after any failure."""

import os
from pathlib import Path

import msgspec

from testbed.images import REPOSITORY
from testbed.namespaces import Keeper

FOLDER = Path(os.environ.get("INTERLOCK_DEMO_FOLDER") or REPOSITORY / ".demo").absolute()
PROJECT = "interlockdemo"


class State(msgspec.Struct, kw_only=True):
    """All traces of one demo."""

    engine: dict[str, str] = {}
    """The variables that lead to it; empty before one was chosen."""
    is_private: bool = False
    images: list[str] = []
    """Names and ids of images that were made, to be removed in this order."""
    relay: Keeper | None = None
    archive: str = ""
    """The base image's, if it was this demo that made it."""

    def save(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "state.json").write_bytes(msgspec.json.encode(self))


def load() -> State | None:
    """None when there is no demo; an empty state when it failed before it wrote one."""
    if not FOLDER.exists():
        return None
    try:
        return msgspec.json.decode((FOLDER / "state.json").read_bytes(), type=State)
    except FileNotFoundError:
        return State()
