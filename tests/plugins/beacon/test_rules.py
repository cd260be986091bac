"""Which containers the rules of a 1.4.5 file choose."""

import pytest

from interlock.core.problems import PermanentError
from interlock.plugins.beacon.rules import read_rules
from interlock.settings import Rule
from interlock.testing.worlds import container

WEB = container("web_1", image="example/web:1")


@pytest.mark.parametrize(
    ("type_", "regex", "is_chosen"),
    [
        ("image", "^example/", True),
        ("image", "web", True),
        ("image", "^web", False),
        ("Image", "web", True),
        ("name", "^web_[0-9]$", True),
        ("name", "example", False),
        ("label", "^tier=front$", True),
        ("label", "^bare$", True),
        ("label", "back", False),
    ],
)
def test_a_rule_is_searched_for_in_what_its_type_names(type_, regex, is_chosen):
    rules = read_rules({"one": Rule(type_, regex)})
    assert rules.choose(WEB, {"tier": "front", "bare": ""}) is is_chosen


def test_any_rule_suffices_and_none_chooses_nothing():
    rules = read_rules({"a": Rule("image", "nothing"), "b": Rule("name", "web")})
    assert rules
    assert rules.choose(WEB, {})
    none = read_rules({})
    assert not none
    assert not none.choose(WEB, {"a": "b"})


def test_the_setting_for_images_is_one_more_rule():
    assert read_rules({}, images=".*").choose(WEB, {})


@pytest.mark.parametrize(
    ("rules", "images", "what"),
    [
        ({"web": Rule("volume", "x")}, "", r"\[Rules.web\]: there is no rule of type volume"),
        ({"web": Rule("", "x")}, "", "there is no rule of type"),
        ({"web": Rule("image", "(")}, "", r"Regex of \[Rules.web\]: \( is no regular expression"),
        ({}, "(", r"BEACON_IMAGES: \( is no"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_name(rules, images, what):
    with pytest.raises(PermanentError, match=what) as caught:
        read_rules(rules, images=images)
    assert caught.value.fix
