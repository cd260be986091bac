"""Findings as people and programs read them."""

from collections.abc import Iterator, Sequence

import msgspec

from interlock.core.problems import Severity
from interlock.lint.finding import Finding

_GITHUB_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_GITHUB_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
"""How the commands of GitHub's runner escape (actions/toolkit, packages/core/src/command.ts)."""


class Report(msgspec.Struct, frozen=True):
    """The whole answer of `interlock lint --json`."""

    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    errors: int
    warnings: int


def text_lines(findings: Sequence[Finding]) -> Iterator[tuple[str, Severity | None]]:
    """Lines for a terminal, and the severity that one begins to tell of."""
    for finding in findings:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        yield f"{place}: {finding.severity}: {_sentence(finding)} [{finding.rule}]", finding.severity
        yield f"  fix: {finding.fix}", None


def github_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    for finding in findings:
        properties = {"file": finding.file, "line": str(finding.line or 1), "title": f"interlock {finding.rule}"}
        listed = ",".join(f"{name}={text.translate(_GITHUB_PROPERTY)}" for name, text in properties.items())
        text = f"{_sentence(finding)}; fix: {finding.fix}".translate(_GITHUB_TEXT)
        yield f"::{finding.severity} {listed}::{text}"


def json_text(names: Sequence[str], findings: Sequence[Finding]) -> str:
    """Everything, for programs."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    report = Report(tuple(names), tuple(findings), errors, len(findings) - errors)
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def _sentence(finding: Finding) -> str:
    value = f"={finding.value}" if finding.value else ""
    head = ": ".join(part for part in (finding.service, f"{finding.key}{value}") if part)
    return f"{head}: {finding.what}" if head else finding.what
