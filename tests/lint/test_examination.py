"""All rules over whole files: everything that was planted is found, and nothing else."""

import re
from pathlib import Path

import pytest

from interlock.core.problems import Severity
from interlock.lint import ComposeFile, Rule, examine

DATA = Path(__file__).parents[1] / "data" / "compose"
PLANTED = re.compile(r"# planted: ([a-z-]+)$")
ROUTE = "labels: {interlock.hostname: www, interlock.domain: example.com}"


def read(paths):
    return [ComposeFile(str(path), path.read_text()) for path in paths]


def planted(paths):
    """(file, line, rule) of each comment that says so."""
    return [
        (str(path), number, match[1])
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := PLANTED.search(line))
    ]


def places(findings):
    return [(finding.file, finding.line, finding.rule) for finding in findings]


class TestPlantedMistakes:
    @pytest.mark.parametrize("path", sorted((DATA / "planted").glob("*.y*ml")), ids=lambda path: path.name)
    def test_each_is_found_on_its_line_and_nothing_else(self, path):
        assert places(examine(read([path]), {})) == planted([path])

    def test_those_between_files_are_found_when_both_are_given(self):
        paths = sorted((DATA / "planted" / "several").glob("*.yaml"))

        assert places(examine(read(paths), {})) == planted(paths)
        assert [examine(read([path]), {}) for path in paths] == [(), ()]

    def test_there_are_more_than_twenty_in_every_format_and_of_every_rule(self):
        paths = sorted((DATA / "planted").rglob("*.y*ml"))
        found = planted(paths)

        assert len(found) >= 20
        assert {rule for _, _, rule in found} == set(Rule)
        assert {path.name for path in paths} >= {"v1.yml", "v2.yml", "v3.yml", "current.yaml"}

    def test_each_has_a_fix(self):
        for path in (DATA / "planted").glob("*.y*ml"):
            assert all(finding.what and finding.fix for finding in examine(read([path]), {}))


class TestCleanFiles:
    def test_there_are_ten(self):
        assert len(list((DATA / "clean").glob("*.y*ml"))) == 10

    @pytest.mark.parametrize("path", sorted((DATA / "clean").glob("*.y*ml")), ids=lambda path: path.name)
    def test_nothing_is_said_of_one(self, path):
        assert examine(read([path]), {}) == ()

    @pytest.mark.parametrize("path", sorted((DATA / "clean").glob("*.y*ml")), ids=lambda path: path.name)
    def test_each_of_them_asks_for_a_route(self, path):
        """So that silence means something: a host of somebody else's file is found to be taken."""
        found = examine([*read([path]), ComposeFile("copy.yaml", path.read_text())], {"DOMAIN": "example.com"})

        assert Rule.DUPLICATE_HOST in {finding.rule for finding in found}


class TestFiles:
    def test_findings_come_in_the_order_of_files_and_lines(self):
        broken = "services:\n  b:\n    image: x\n    labels: {interlock.port: b}\n"
        found = examine([ComposeFile("z.yaml", broken), ComposeFile("a.yaml", broken)], {})

        assert [finding.file for finding in found] == ["z.yaml", "a.yaml"]

    @pytest.mark.parametrize(
        ("text", "line"), [("services: [", 1), ("a: 1\nb: {", 2), ("", 0), ("[]", 0), ("\x00", 0), ("- a\n-b: c", 2)]
    )
    def test_what_is_no_compose_file_is_one_finding(self, text, line):
        (finding,) = examine([ComposeFile("compose.yaml", text)], {})

        assert finding.rule is Rule.NO_COMPOSE_FILE
        assert finding.severity is Severity.ERROR
        assert finding.line in {0, line, line + 1}

    def test_a_broken_file_does_not_hide_another(self):
        mistake = "services:\n  b:\n    image: x\n    labels: {interlock.hostname: b, interlock.prot: 80}\n"
        found = examine([ComposeFile("a.yaml", "{"), ComposeFile("b.yaml", mistake)], {})

        assert [(finding.file, finding.rule) for finding in found] == [
            ("a.yaml", Rule.NO_COMPOSE_FILE),
            ("b.yaml", Rule.UNKNOWN_KEY),
        ]

    def test_a_rule_can_be_left_out(self, found):
        service = f"web: {{image: x, stop_signal: SIGKILL, {ROUTE}}}"

        assert [finding.rule for finding in found(service)] == [Rule.KILL_SIGNAL]
        assert found(service, ignored={Rule.KILL_SIGNAL}) == ()

    def test_hostile_text_is_escaped_and_cut(self, found):
        service = 'web:\n  image: x\n  labels: {"interlock.\\e[2J": "\\a%s"}' % ("x" * 10_000)
        shown = "".join(finding.key + finding.value + finding.what + finding.fix for finding in found(service))

        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert len(shown) < 1000
