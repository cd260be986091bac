"""`interlock weigh`."""

import json

import pytest


def test_a_weight_is_set_and_given_back(run, daemon):
    assert run("weigh", "web", "20") == (0, "web_1: weight 20\n", "")
    assert run("weigh", "web", "default") == (0, "web_1: weight default\n", "")
    assert daemon.orders == [("weigh", "web", 20), ("weigh", "web", None)]


def test_json_is_the_receipt(run, daemon):
    assert json.loads(run("weigh", "web", "0", "--json")[1])["containers"][0]["name"] == "web_1"


@pytest.mark.parametrize("weight", ["heavy", "-5", "1.5", "9999", "٣"])
def test_what_is_no_weight_is_refused(run, daemon, weight):
    code, _, err = run("weigh", "web", "--", weight)
    assert (code, daemon.orders) == (2, [])
    assert "fix: write 50, or default" in err
