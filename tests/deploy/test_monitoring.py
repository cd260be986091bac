"""Every metric and label that the dashboard and the alert rules name is one that Interlock has, and docs have all."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from interlock.plugins.metrics import PluginMetrics
from interlock.web.families import FAMILIES

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/interlock.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
ADDED_BY_PROMETHEUS = {"instance", "job"}
SELECTOR = re.compile(r"\b(interlock_\w+)(?:\{([^{}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\bby \(([^()]*)\)")


def known():
    """Every series that can be asked for -> its labels."""
    series = {}
    for family in FAMILIES:
        if family.kind == "histogram":
            series |= {f"{family.name}{end}": {*family.labels, "le"} for end in OF_HISTOGRAMS}
        else:
            series[family.name] = set(family.labels)
    for metric in PluginMetrics(tuple).describe():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        series[name] = set(metric._labelnames)
    return series


KNOWN = known()


def expressions():
    for rule in RULES:
        yield f"alert {rule['alert']}", rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_it_asks_for_what_there_is(where, expression):
    named = SELECTOR.findall(expression)
    assert named or expression.startswith("up{"), where
    labels = set()
    for name, matchers in named:
        assert name in KNOWN, name
        labels |= KNOWN[name]
        assert set(MATCHER.findall(matchers)) <= KNOWN[name] | ADDED_BY_PROMETHEUS
    for grouping in GROUPING.findall(expression):
        assert {label.strip() for label in grouping.split(",")} <= labels | ADDED_BY_PROMETHEUS
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_how_bad_with_labels_that_its_expression_has(rule):
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    said = " ".join(rule["annotations"].values())
    labels = {label for name, _ in SELECTOR.findall(rule["expr"]) for label in KNOWN[name]}
    assert set(re.findall(r"\$labels\.(\w+)", said)) <= labels | ADDED_BY_PROMETHEUS
    assert rule["annotations"]["summary"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_is_named_in_a_place_of_its_own_and_its_legend_has_labels_that_there_are(panel):
    place = panel["gridPos"]
    assert place["x"] + place["w"] <= 24
    for other in PANELS:
        taken = other["gridPos"]
        inside = (
            taken["x"] <= place["x"] < taken["x"] + taken["w"] and taken["y"] <= place["y"] < taken["y"] + taken["h"]
        )
        assert other is panel or not inside, other["title"]
    for target in panel["targets"]:
        labels = {label for name, _ in SELECTOR.findall(target["expr"]) for label in KNOWN[name]}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_every_metric_is_in_the_manual_as_the_code_has_it():
    script = [sys.executable, ROOT / "scripts/metrics-table"]
    table = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout
    manual = (ROOT / "docs/metrics.md").read_text()
    within = manual.partition("<!-- metrics -->\n")[2].partition("<!-- end of metrics -->")[0]
    assert within == table, "replace it by the output of scripts/metrics-table"


def test_the_dashboard_and_the_alerts_are_in_the_manual():
    manual = (ROOT / "docs/metrics.md").read_text()
    assert "deploy/grafana/interlock.json" in manual
    for rule in RULES:
        assert f"`{rule['alert']}`" in manual
