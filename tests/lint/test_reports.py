import json

import pytest

from interlock.core.problems import Severity
from interlock.lint import Finding, Rule, github_lines, json_text, text_lines

FINDING = Finding(
    file="a,b:c.yaml",
    line=7,
    rule=Rule.REQUEST,
    severity=Severity.ERROR,
    service="web",
    key="label interlock.port",
    value="80%",
    what="is not a whole number",
    fix="write interlock.port=8080",
)
WHOLE = Finding(
    file="x.yaml", line=0, rule=Rule.NO_COMPOSE_FILE, severity=Severity.WARNING, what="is no YAML", fix="mend it"
)


def test_people_read_place_severity_what_and_fix():
    assert list(text_lines([FINDING, WHOLE])) == [
        ("a,b:c.yaml:7: error: web: label interlock.port=80%: is not a whole number [request]", Severity.ERROR),
        ("  fix: write interlock.port=8080", None),
        ("x.yaml: warning: is no YAML [no-compose-file]", Severity.WARNING),
        ("  fix: mend it", None),
    ]


def test_github_reads_a_command_with_its_own_escapes():
    assert list(github_lines([FINDING, WHOLE])) == [
        (
            "::error file=a%2Cb%3Ac.yaml,line=7,title=interlock request"
            "::web: label interlock.port=80%25: is not a whole number; fix: write interlock.port=8080"
        ),
        "::warning file=x.yaml,line=1,title=interlock no-compose-file::is no YAML; fix: mend it",
    ]


@pytest.mark.parametrize("findings", [[], [FINDING], [FINDING, WHOLE]])
def test_programs_read_everything_and_the_sums(findings):
    read = json.loads(json_text(["a", "b"], findings))

    assert read["files"] == ["a", "b"]
    assert (read["errors"], read["warnings"]) == (len(findings[:1]), len(findings[1:]))
    assert [each["line"] for each in read["findings"]] == [each.line for each in findings]
    assert set(read["findings"][0] if findings else ()) <= set(Finding.__struct_fields__)
