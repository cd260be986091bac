"""Variables in values, by the rules of Compose."""

import re

import pytest

from interlock.compose.interpolation import interpolate

KNOWN = {"HOST": "www", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$HOST.example.com", "www.example.com"),
        ("${HOST}x", "wwwx"),
        ("$$HOST", "$HOST"),
        ("a$$", "a$"),
        ("${NONE:-blog}", "blog"),
        ("${NONE-blog}", "blog"),
        ("${EMPTY:-blog}", "blog"),
        ("${EMPTY-blog}", ""),
        ("${NONE:-}", ""),
        ("${NONE:-${HOST}.lan}", "www.lan"),
        ("${HOST:+there}", "there"),
        ("${NONE+there}", ""),
        ("${EMPTY+there}", "there"),
        ("${EMPTY:+there}", ""),
        ("${HOST:?needed}", "www"),
    ],
)
def test_a_value_is_passed_on_as_compose_does(text, value):
    faults = []
    assert interpolate(text, KNOWN, faults.append) == value
    assert not faults


@pytest.mark.parametrize(
    ("text", "value", "what"),
    [
        ("$NONE.example.com", ".example.com", "names the variable NONE, which is not set"),
        ("${NONE}", "", "NONE, which is not set"),
        ("${NONE:?name it}", "", r"not set \(name it\)"),
        ("100$", "100$", "a dollar that begins no variable"),
        ("${}", "${}", "a dollar that begins no variable"),
        ("$1", "$1", "a dollar that begins no variable"),
    ],
)
def test_what_cannot_be_put_in_is_complained_about(text, value, what):
    faults = []
    assert interpolate(text, KNOWN, faults.append) == value
    (fault,) = faults
    assert re.search(what, fault.what)
    assert fault.fix


def test_defaults_inside_defaults_end_somewhere():
    faults = []
    text = "${A:-" * 200 + "x" + "}" * 200
    assert isinstance(interpolate(text, {}, faults.append), str)
