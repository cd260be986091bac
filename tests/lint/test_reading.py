import pytest

from interlock.core.problems import Severity
from interlock.lint import ComposeFile, Rule, examine

ROUTE = "labels: {interlock.hostname: www, interlock.domain: example.com}"


def test_a_dollar_that_begins_no_variable_is_an_error_wherever_it_stands(only):
    finding = only("db: {image: x, environment: {PASSWORD: 'a$ b'}}")

    assert (finding.rule, finding.severity, finding.fix) == (Rule.COMPOSE, Severity.ERROR, "write $$ for a dollar")


def test_a_variable_that_is_not_set_is_told_where_it_is_for_us(only):
    finding = only("web: {image: x, labels: {interlock.hostname: www, interlock.domain: $DOMAIN}}")

    assert (finding.rule, finding.severity) == (Rule.COMPOSE, Severity.WARNING)
    assert finding.what == "names the variable DOMAIN, which is not set"


@pytest.mark.parametrize("section", ["environment: {PASSWORD: $SECRET}", "environment: [PASSWORD=$SECRET]"])
def test_a_variable_that_is_not_set_is_not_told_where_it_is_for_others(found, section):
    assert found(f"web: {{image: x, {section}, {ROUTE}}}") == ()


def test_variables_come_from_the_environment():
    text = "services: {web: {image: x, labels: {interlock.hostname: www, interlock.domain: $DOMAIN}}}"

    assert examine([ComposeFile("compose.yaml", text)], {"DOMAIN": "example.com"}) == ()


@pytest.mark.parametrize("more", ["ports: ['$PORT']", "env_file: not.there"])
def test_what_is_not_here_is_told_of_a_service_that_asks_for_a_route(found, more):
    assert {finding.rule for finding in found(f"web: {{image: x, {more}, {ROUTE}}}")} == {Rule.COMPOSE}
    assert found(f"web: {{image: x, {more}}}") == ()


def test_a_key_that_stands_twice_is_told_on_its_second_line(only):
    finding = only(f"web:\n  image: x\n  image: y\n  {ROUTE}\n")

    assert (finding.line, finding.what) == (4, "stands here for the second time, and only this one counts")
