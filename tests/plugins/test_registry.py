"""Plugins are found by entry point, and a broken one is a visible state."""

from importlib.metadata import EntryPoint

import msgspec
import pytest

from interlock.core.problems import PermanentError
from interlock.core.status import PluginKind
from interlock.plugins import registry
from interlock.plugins.contract import ObserverPlugin


class NoSettings(msgspec.Struct, frozen=True):
    """Nothing to set."""


WATCHER = ObserverPlugin(
    name="watcher", version="1", description="d", url="u", settings=NoSettings, build=lambda context: context
)
WRONG = msgspec.structs.replace(WATCHER, name="wrong", build=lambda: None)


@pytest.fixture
def installed(monkeypatch):
    """Pretends that these entry points are installed beside our own."""
    own = tuple(registry.entry_points(group=registry.GROUP))

    def pretend(**values):
        points = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda **_: [*own, *points])

    return pretend


def test_haproxy_comes_in_by_the_door_of_a_third_party():
    assert registry.look_up("haproxy").plugin.name == "haproxy"
    assert "haproxy" in [found.name for found in registry.find_all() if not found.problem]


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(PermanentError, match="did you mean haproxy"):
        registry.look_up("haprxy")


def test_a_plugin_that_cannot_be_imported_is_listed_with_its_reason(installed):
    installed(broken="no.such.module:PLUGIN")
    (found,) = [found for found in registry.find_all() if found.name == "broken"]
    assert "ModuleNotFoundError" in found.problem
    assert registry.look_up("broken").plugin is None
    assert registry.look_up("haproxy").plugin is not None


def test_what_is_no_plugin_is_refused_by_its_type(installed):
    installed(odd="interlock.version:__version__", alias="interlock.proxies.haproxy:PLUGIN")
    problems = {found.name: found.problem for found in registry.find_all()}
    assert "str" in problems["odd"]
    assert "calls itself haproxy" in problems["alias"]


def test_an_observer_is_found_by_the_same_door(installed):
    installed(watcher=f"{__name__}:WATCHER")
    kinds = {found.name: found.kind for found in registry.find_all()}
    assert (kinds["watcher"], kinds["haproxy"]) == (PluginKind.OBSERVER, PluginKind.PROXY)
    assert registry.override_of(registry.look_up("watcher").plugin, None) == ""


def test_one_that_is_wrong_is_refused_with_what_it_should_be(installed):
    installed(wrong=f"{__name__}:WRONG")
    (found,) = [found for found in registry.find_all() if found.name == "wrong"]
    assert "it should be: def build(context: ObserverContext) -> Observer" in found.problem
    assert found.plugin is None


def test_one_that_exits_when_it_is_imported_is_refused(installed, monkeypatch, tmp_path):
    (tmp_path / "exiting_plugin.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(str(tmp_path))
    installed(exits="exiting_plugin:PLUGIN")
    assert {found.name: found.problem for found in registry.find_all()}["exits"] == "SystemExit: 3"


def test_what_comes_with_interlock_is_told_from_what_does_not(installed):
    installed(watcher=f"{__name__}:WATCHER")
    assert registry.look_up("haproxy").is_ours
    assert not registry.look_up("watcher").is_ours
