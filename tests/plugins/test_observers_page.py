"""docs/observers.md says of every observer plugin what can be set, and of happenings which kinds there are."""

import re
from pathlib import Path
from typing import get_args

import pytest

from interlock.core.happenings import AnyHappening
from interlock.plugins.beacon.gauges import OF_CONTAINER, OF_NETWORK, TOTALS
from interlock.plugins.contract import ObserverPlugin
from interlock.plugins.registry import find_all
from interlock.plugins.stats.lines import KEYS
from interlock.plugins.webhook import PLUGIN as WEBHOOK
from interlock.settings.fields import fields_of
from interlock.settings.reference import plugin_table

PAGE = (Path(__file__).parents[2] / "docs" / "observers.md").read_text()
OBSERVERS = [found.plugin for found in find_all() if isinstance(found.plugin, ObserverPlugin)]


def between(begin, end):
    return PAGE.partition(f"<!-- {begin} -->\n")[2].partition(f"<!-- {end} -->")[0]


def kinds_table():
    """Kind, whether it is told unless something else is asked for, and what it means."""
    default = next(field.default for field in fields_of(WEBHOOK.settings) if field.name == "kinds")
    rows = [
        f"| `{kind.__name__}` | {'yes' if kind.__name__ in default else ''} | {kind.__doc__.splitlines()[0]} |\n"
        for kind in get_args(AnyHappening)
    ]
    return "".join(["| kind | told by default | when |\n| --- | --- | --- |\n", *rows])


@pytest.mark.parametrize("plugin", OBSERVERS, ids=lambda plugin: plugin.name)
def test_every_observer_has_a_section_with_its_settings(plugin):
    assert f"\n## {plugin.name}\n" in PAGE
    assert f"(#{plugin.name})" in PAGE
    if fields_of(plugin.settings):
        table = between(f"settings of {plugin.name}", f"end of settings of {plugin.name}")
        assert table == plugin_table(plugin.settings)


def test_every_kind_of_happening_is_listed():
    assert between("kinds", "end of kinds") == kinds_table()


def test_every_path_and_metric_is_named():
    named = set(re.findall(r"`([\w.]+)`", PAGE))
    keys = {key.rpartition(".")[2] for key in KEYS} - {
        f"tx{what}" for what in ("Bytes", "Packets", "Errors", "Dropped")
    }
    assert keys <= named
    metrics = {name.removeprefix("memory_").removeprefix("network_") for name in [*TOTALS, *OF_CONTAINER, *OF_NETWORK]}
    assert {name for name in metrics if not name.startswith(("tx_", "cpu_"))} <= named
