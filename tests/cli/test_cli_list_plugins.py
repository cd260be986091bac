"""`interlock list-plugins`."""

import json

import msgspec
import pytest

from interlock.core.status import PluginKind, PluginState, PluginStatus
from interlock.plugins.registry import Found
from interlock.proxies.contract import Plugin
from interlock.version import __version__


@pytest.fixture
def two_plugins(monkeypatch):
    good = Plugin(
        name="good", version="1.0", description="does good", url="https://example.com/good", settings=dict, build=print
    )
    found = (
        Found(name="bad", origin="interlock-bad 0.3", problem="ImportError: no module named \x1bredis"),
        Found(name="good", origin="interlock-good 1.0", plugin=good),
    )
    monkeypatch.setattr("interlock.cli.list_plugins.find_all", lambda: found)


def test_our_own_are_listed_by_name_where_no_interlock_runs(program, tmp_path):
    code, out, err = program("list-plugins", INTERLOCK_RUN_DIR=str(tmp_path))
    assert (code, err) == (0, "")
    header, *lines = out.partition("\n\n")[0].splitlines()
    assert header.split() == ["NAME", "VERSION", "KIND", "STATE", "ORIGIN"]
    assert [line.split() for line in lines if line.startswith("haproxy")] == [
        ["haproxy", __version__, "proxy", "off", "interlock", __version__]
    ]
    assert lines == sorted(lines)
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.usefixtures("two_plugins", "daemon")
def test_one_that_cannot_be_used_is_listed_with_the_reason(run):
    code, out, _ = run("list-plugins")
    assert code == 0
    assert out.splitlines() == [
        "NAME    VERSION   KIND      STATE   ORIGIN",
        "bad     -         unknown   off     interlock-bad 0.3",
        "good    1.0       proxy     off     interlock-good 1.0",
        "",
        "NAME    DESCRIPTION",
        "bad     -",
        "good    does good",
        "bad: cannot be used: ImportError: no module named \\x1bredis",
    ]


@pytest.mark.usefixtures("two_plugins")
def test_the_state_is_the_running_interlocks(run, daemon):
    failing = PluginStatus(
        name="good",
        version="1.0",
        kind=PluginKind.PROXY,
        state=PluginState.RESTARTING,
        since=0.0,
        why="observe raised KeyError: 'x'",
    )
    daemon.picture = msgspec.structs.replace(daemon.picture, plugins=(failing,))
    _, out, _ = run("list-plugins")
    assert "good    1.0       proxy     restarting   interlock-good 1.0" in out.splitlines()
    assert out.splitlines()[-1] == "good: observe raised KeyError: 'x'"


@pytest.mark.usefixtures("two_plugins", "daemon")
def test_json_says_the_same_and_the_address(run):
    _, out, _ = run("list-plugins", "--json")
    bad, good = json.loads(out)
    assert bad["problem"] == "cannot be used: ImportError: no module named \x1bredis"
    assert good == {
        "name": "good",
        "version": "1.0",
        "kind": "proxy",
        "description": "does good",
        "url": "https://example.com/good",
        "origin": "interlock-good 1.0",
        "state": "off",
        "why": "",
        "problem": None,
    }
