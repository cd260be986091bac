"""Plugins by name, from the entry-point group ``interlock.plugins``; a broken one is a visible state, not a crash."""

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from interlock.core.problems import PermanentError, shown
from interlock.core.status import PluginKind
from interlock.plugins import door
from interlock.plugins.door import AnyPlugin
from interlock.proxies.contract import Plugin

GROUP = "interlock.plugins"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One entry point, usable or not."""

    name: str
    origin: str
    """The distribution it comes from, with version."""
    plugin: AnyPlugin | None = None
    problem: str = ""
    """Why it cannot be used; "" if it can."""
    is_ours: bool = False
    """Whether it is part of Interlock itself."""

    @property
    def kind(self) -> PluginKind | None:
        """None for one that cannot be used."""
        return None if self.plugin is None else kind_of(self.plugin)


def kind_of(plugin: AnyPlugin) -> PluginKind:
    return PluginKind.PROXY if isinstance(plugin, Plugin) else PluginKind.OBSERVER


def override_of(plugin: AnyPlugin | None, settings: Any) -> str:
    """What a plugin's settings say of where published ports are reached; "" for nothing."""
    return plugin.override_address(settings) if isinstance(plugin, Plugin) else ""


def find_all() -> tuple[Found, ...]:
    """Every plugin that is installed, sorted by name."""
    return tuple(sorted((_load(point) for point in entry_points(group=GROUP)), key=lambda found: found.name))


def look_up(name: str) -> Found:
    """What is installed under that name, usable or not. Raises PermanentError, with a suggestion: nothing is."""
    known = {found.name: found for found in find_all()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise PermanentError(f"unknown plugin {shown(name)}", fix=f"{hint}installed are: {', '.join(known) or 'none'}")
    return known[name]


def _load(point: EntryPoint) -> Found:
    origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
    is_ours = point.dist is not None and point.dist.name == "interlock"
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module raises costs only that plugin
        return Found(name=point.name, origin=origin, problem=shown(f"{type(error).__name__}: {error}"))
    if not isinstance(loaded, AnyPlugin):
        why = f"{point.value} is a {type(loaded).__name__}, not an interlock.proxies.contract.Plugin or ObserverPlugin"
        return Found(name=point.name, origin=origin, problem=why)
    if loaded.name != point.name:
        why = f"it calls itself {shown(loaded.name)}, its entry point {point.name}"
        return Found(name=point.name, origin=origin, problem=why)
    if why := door.complaint(loaded):
        return Found(name=point.name, origin=origin, problem=f"it is refused: {why}")
    return Found(name=point.name, origin=origin, plugin=loaded, is_ours=is_ours)
