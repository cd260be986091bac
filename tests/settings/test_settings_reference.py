"""Every setting, written out; and the manual, which must say the same."""

import enum
import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from interlock.cli.commands import COMMANDS
from interlock.cli.known_plugins import known_plugins
from interlock.settings import Known, Option, read_options
from interlock.settings.legacy import EXTENSION_KEYS
from interlock.settings.reference import markdown_text, toml_text

DOCS = Path(__file__).parents[2] / "docs"


class Colour(enum.StrEnum):
    RED = "red"
    GREEN = "green"


class Paint(msgspec.Struct, frozen=True, kw_only=True):
    """One field of each kind."""

    colour: Annotated[Colour, Option(key="Colour", env="PAINT_COLOUR", doc="Red or|and green.")] = Colour.GREEN
    coats: Annotated[int, Option(key="Coats", flag="--coats", doc="Coats.", minimum=1)] = 2
    thinner: Annotated[float, Option(key="Thinner", doc="Share.", maximum=1)] = 0.5
    drying: Annotated[float, Option(key="Drying", doc="Seconds.", unit="s")] = 60.0
    glossy: Annotated[bool, Option(key="Glossy", doc="Shine.")] = False
    brushes: Annotated[tuple[str, ...], Option(key="Brushes", doc="Names.")] = ("wide", 'the "good" one')
    walls: Annotated[int | None, Option(key="Walls", doc="All of them unless given.")] = None


KNOWN = Known({"paint": Paint, "haproxy": None})


def test_the_file_holds_every_default():
    first, *_ = tomllib.loads(toml_text(KNOWN, ["paint"]))["Extensions"]
    assert first == {
        "Name": "paint",
        "Colour": "green",
        "Coats": 2,
        "Thinner": 0.5,
        "Drying": 60,
        "Glossy": False,
        "Brushes": ["wide", 'the "good" one'],
        "Walls": "",
    }
    table = {key: value for key, value in first.items() if key != "Name"}
    assert read_options(Paint, table=table, environ={}, where="spec") == Paint()


def test_enabled_plugins_come_first_and_the_others_are_comments():
    text = toml_text(KNOWN, ["paint"])
    assert text.index('\n[[Extensions]]\nName = "paint"\n') < text.index('\n# [[Extensions]]\n# Name = "haproxy"\n')


def test_a_comment_tells_the_other_names_and_the_range():
    assert "\n# Coats.\n# (flag --coats; at least 1)\nCoats = 2\n" in toml_text(KNOWN, ["paint"])
    assert "\n# Share.\n# (at most 1)\nThinner = 0.5\n" in toml_text(KNOWN, ["paint"])


def test_the_table_holds_every_setting():
    lines = markdown_text(KNOWN).splitlines()
    assert "| `Colour` | red or green | `green` | `PAINT_COLOUR` |  | Red or&#124;and green. |" in lines
    assert "| `Coats` | int, at least 1 | `2` |  | `--coats` | Coats. |" in lines
    assert "| `Walls` | int |  |  |  | All of them unless given. |" in lines
    assert "| `Drying` | duration | `60` |  |  | Seconds. |" in lines


def test_keys_of_old_files_that_a_plugin_no_longer_has_are_told():
    text = markdown_text(KNOWN)
    assert f"| `Port` | `[[Extensions]]` haproxy | {EXTENSION_KEYS['Port'].instead} |\n" in text
    assert "`WorkerProcesses`" not in text, "a key of nginx, which is not installed"


def test_the_manual_has_these_tables():
    text = (DOCS / "settings.md").read_text()
    tables = text.partition("<!-- settings -->\n")[2].partition("<!-- end of settings -->")[0]
    assert tables == markdown_text(known_plugins()), "replace them by the output of `interlock spec --markdown`"


def test_the_manual_has_every_command_and_global_flag():
    text = (DOCS / "cli.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) == len(COMMANDS)
    for row, entry in zip(rows, COMMANDS, strict=True):
        assert row == entry.name or row.startswith(f"{entry.name} ")
    flags = set(re.findall(r"`(--[a-z-]+)`", (DOCS / "settings.md").read_text())) - {"--help"}
    assert {flag for flag in flags if f"`{flag}`" not in text} == set()
