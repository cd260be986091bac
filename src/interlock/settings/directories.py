"""Where Interlock keeps its files: root in the system's places, everybody else in the XDG ones."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from interlock.settings.model import Settings

ROOT = 0


def with_directories(settings: Settings, environ: Mapping[str, str], uid: int) -> Settings:
    """Fill in the directories that nobody set, and make all absolute. Creates none of them."""
    state = settings.state_dir or _default_state(environ, uid)
    run = settings.run_dir or _default_run(environ, uid)
    return msgspec.structs.replace(settings, state_dir=str(Path(state).absolute()), run_dir=str(Path(run).absolute()))


def _default_state(environ: Mapping[str, str], uid: int) -> str:
    if uid == ROOT:
        return "/var/lib/interlock"
    base = _xdg(environ, "XDG_STATE_HOME")
    if base:
        return f"{base}/interlock"
    home = environ.get("HOME", "")
    return f"{home.rstrip('/')}/.local/state/interlock" if home else f"/tmp/interlock-{uid}/state"  # noqa: S108 (whoever creates it makes it 0700 and refuses somebody else's)


def _default_run(environ: Mapping[str, str], uid: int) -> str:
    if uid == ROOT:
        return "/run/interlock"
    base = _xdg(environ, "XDG_RUNTIME_DIR")
    return f"{base}/interlock" if base else f"/tmp/interlock-{uid}"  # noqa: S108 (whoever creates it makes it 0700 and refuses somebody else's)


def _xdg(environ: Mapping[str, str], name: str) -> str:
    """The variable's directory; the XDG specification says to ignore a relative one."""
    path = environ.get(name, "")
    return path.rstrip("/") if path.startswith("/") else ""
