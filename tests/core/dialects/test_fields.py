"""docs/labels.md and docs/compatibility.md say what the tables of the dialects say."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest

from interlock.core.dialects import interlock_data, interlock_labels, lb_labels
from interlock.core.dialects.fields import Kind
from interlock.core.dialects.values import BACKEND_OPTIONS
from interlock.core.model import Balance, CheckKind, RouteRequest, Wishes

ROOT = Path(__file__).parents[3]
LABELS = ROOT / "docs" / "labels.md"
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
DIFFERENCES = ROOT / "tests" / "data" / "vectors" / "differences.json"
TABLES = {"INTERLOCK_DATA": interlock_data.KEYS, "labels": interlock_labels.KEYS}
EVERY_KEY = [pytest.param(key, id=f"{table} {name}") for table, keys in TABLES.items() for name, key in keys.items()]
MATCH_FIELDS = {"hostname", "domain", "aliases", "path", "ip_hash"}
"""Fields that end up in the match or in another field."""


def keys_table():
    """The table of keys, as Markdown."""
    labels = {key.field.name: (name, key) for name, key in interlock_labels.KEYS.items()}
    lines = [
        "| `INTERLOCK_DATA` key | Label | Value | Meaning | Since | A bad value costs |",
        "|---|---|---|---|---|---|",
    ]
    for name, key in interlock_data.KEYS.items():
        label, label_key = labels[key.field.name]
        many = "[.suffix]" if key.field.kind is Kind.TEXTS else ""
        since = key.since if key.since == label_key.since else f"{key.since}, {label_key.since}"
        cost = ", ".join(dict.fromkeys("the route" if k.cost.value == "error" else "the key" for k in (key, label_key)))
        example = json.dumps([key.field.example] if key.field.kind is Kind.TEXTS else key.field.example)
        lines.append(
            f"| `{name}` | `interlock.{label}{many}` | {key.field.kind}: `{example}` "
            f"| {key.field.meaning} | {since} | {cost} |"
        )
    return "\n".join(lines)


def options_table():
    """The allow list of HAProxy options, as Markdown."""
    rows = [f"| `{name}` | {what} |" for name, what in BACKEND_OPTIONS.items()]
    return "\n".join(["| Option | What it does |", "|---|---|", *rows])


@pytest.mark.parametrize("table", [keys_table, options_table], ids=lambda table: table.__name__)
def test_the_documented_table_is_the_one_in_the_code(table):
    assert table() in LABELS.read_text()


@pytest.mark.parametrize("word", [*Balance, *(kind for kind in CheckKind if kind is not CheckKind.TCP)])
def test_every_choice_is_documented(word):
    assert f"`{word}`" in LABELS.read_text()


def test_both_dialects_can_ask_for_the_same_things():
    asked = [{key.field.name for key in keys.values()} for keys in TABLES.values()]

    assert asked[0] == asked[1]


@pytest.mark.parametrize("key", EVERY_KEY)
def test_every_key_leads_to_a_field_of_the_request(key):
    fields = {*RouteRequest.__struct_fields__, *Wishes.__struct_fields__, *MATCH_FIELDS}

    assert key.field.name in fields


@pytest.mark.parametrize("key", EVERY_KEY)
def test_the_example_of_every_key_is_accepted_as_it_is(key):
    typed = key.field.grammar(key.field.example)

    assert typed.value is not None
    assert typed.remark is None


@pytest.mark.parametrize("field", [name for name in Wishes.__struct_fields__ if name != "ready"])
def test_everything_that_can_be_wished_for_has_a_key(field):
    assert field in {key.field.name for key in interlock_data.KEYS.values()}


def identifiers():
    numbered = chain((f"D{number}" for number in range(1, 24)), (f"E{number}" for number in range(1, 14)))
    used = {case["id"] for cases in json.loads(DIFFERENCES.read_text()).values() for case in cases.values()}
    return [*numbered, *sorted(used - {f"{letter}{n}" for letter in "DE" for n in range(1, 24)})]


@pytest.mark.parametrize("identifier", identifiers())
def test_every_deliberate_difference_is_in_the_compatibility_page(identifier):
    rows = re.findall(rf"^\| {re.escape(identifier)} \| .+ \| .+ \| .+ \|$", COMPATIBILITY.read_text(), re.MULTILINE)

    assert len(rows) == 1


@pytest.mark.parametrize("label", lb_labels.UNSERVED)
def test_every_label_of_interlock_2_and_3_that_is_not_served_is_in_the_compatibility_page(label):
    (row,) = re.findall(r"^\| L-unserved \|.*$", COMPATIBILITY.read_text(), re.MULTILINE)

    assert f"`{label}`" in row


def test_the_compatibility_page_names_only_modules_that_there_are():
    named = re.findall(r"`((?:[a-z]+/)*[a-z_]*(?:\.py|/))`", COMPATIBILITY.read_text())
    missing = [path for path in named if not (ROOT / "src" / "interlock" / path).exists()]

    assert named
    assert set(missing) == {"tests/data/vectors/"}
