"""Compose files read before they are deployed, for what would not come out as it is meant."""

from interlock.lint.examination import REQUEST_SECONDS, ComposeFile, examine
from interlock.lint.finding import MEANINGS, Finding, Rule
from interlock.lint.reports import github_lines, json_text, text_lines

__all__ = [
    "MEANINGS",
    "REQUEST_SECONDS",
    "ComposeFile",
    "Finding",
    "Rule",
    "examine",
    "github_lines",
    "json_text",
    "text_lines",
]
