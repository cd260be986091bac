from interlock.core.problems import Severity
from interlock.lint import Rule


def test_a_problem_of_the_container_stands_on_the_line_of_its_label(only):
    finding = only(
        """\
        web:
          image: x
          labels:
            interlock.hostname: www
            interlock.port: eighty
        """
    )

    assert (finding.rule, finding.line, finding.key, finding.value) == (
        Rule.REQUEST,
        6,
        "label interlock.port",
        "eighty",
    )
    assert finding.severity is Severity.ERROR


def test_a_problem_inside_the_variable_stands_on_its_line(only):
    finding = only(
        """\
        web:
          image: x
          environment:
            - A=1
            - INTERLOCK_DATA={"hostname":"www","domain":"example.com","prot":80}
        """
    )

    assert (finding.rule, finding.line, finding.key) == (Rule.UNKNOWN_KEY, 6, "INTERLOCK_DATA.prot")
    assert finding.fix == "write port, or remove it"


def test_what_is_missing_stands_on_the_line_of_its_service(only):
    finding = only("web: {image: x, labels: {interlock.port: '80'}}")

    assert (finding.rule, finding.line, finding.what) == (
        Rule.REQUEST,
        2,
        "is missing, and it is what asks for a route",
    )


def test_a_problem_of_an_extended_service_stands_on_the_line_of_the_one_that_has_it(found):
    findings = found(
        """\
        base:
          image: x
          labels: {interlock.hostname: www, interlock.port: eighty}
        web:
          extends: {service: base}
        """
    )

    assert {(finding.service, finding.line) for finding in findings} == {("base", 4), ("web", 5)}


def test_a_service_that_is_scaled_to_none_asks_for_nothing(found):
    assert found("web: {image: x, scale: 0, labels: {interlock.port: eighty}}") == ()


def test_a_service_without_a_word_for_interlock_has_no_findings(found):
    assert found("web: {image: x, ports: ['80', '443'], stop_signal: SIGKILL}") == ()
