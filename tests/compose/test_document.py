"""YAML as Compose reads it, with the line of every value."""

import pytest

from interlock.compose import document
from interlock.compose.document import read_document
from interlock.core.problems import PermanentError


def test_words_mean_what_they_mean_in_yaml_1_2():
    text = "a: yes\nb: 22:22\nc: true\nd: 080\ne: 1.5\nf: ~\ng:\nh: 8080\ni: 0x10\nj: on\n"
    assert read_document(text).value == {
        "a": "yes",
        "b": "22:22",
        "c": True,
        "d": 80,
        "e": 1.5,
        "f": None,
        "g": None,
        "h": 8080,
        "i": "0x10",
        "j": "on",
    }


def test_json_is_read_too():
    assert read_document('{"web": {"image": "nginx", "ports": ["80"]}}').value == {
        "web": {"image": "nginx", "ports": ["80"]}
    }


def test_every_value_has_its_line():
    lines = read_document("services:\n  web:\n    labels:\n      - a=b\n      - c=d\n").lines
    assert lines["services", "web"] == 2
    assert lines["services", "web", "labels", "1"] == 5


def test_keys_of_a_merged_mapping_give_way_to_its_own():
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  c: 3\n"
    assert read_document(text).value["z"] == {"a": 1, "b": 1, "c": 3}


def test_a_repeated_key_is_told_with_its_line_and_counts():
    found = read_document("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert found.value == {"a": 1, "b": {"c": 2}}
    assert found.repeated == ((("b", "c"), 4),)


def test_an_empty_file_has_no_value():
    assert read_document("").value is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1", "line 1: is no YAML"),
        ("a: b\n\tc: d\n", "line 2: is no YAML"),
        ("a: b: c", "line 1: is no YAML"),
        ("a: \x00", "is no YAML"),
        ("[" * 5000, "is no YAML"),
        ("[" * 50 + "]" * 50, "40 levels"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_fix(text, what):
    with pytest.raises(PermanentError, match=what) as caught:
        read_document(text)
    assert caught.value.fix


def test_aliases_cannot_make_a_small_file_large(monkeypatch):
    monkeypatch.setattr(document, "MOST_VALUES", 500)
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcd", "bcde", strict=True)
    )
    with pytest.raises(PermanentError, match="more than 500 values"):
        read_document(bomb)
