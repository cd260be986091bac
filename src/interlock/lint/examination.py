"""All rules, over all files."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from interlock.core.problems import PermanentError, Severity, shown
from interlock.lint.finding import Finding, Rule
from interlock.lint.hosts import findings_in_hosts
from interlock.lint.reach import findings_in_ports, findings_in_reach, standpoints
from interlock.lint.reading import findings_in_reading
from interlock.lint.requests import Asking, askings, findings_in_requests
from interlock.lint.source import Source, read_source
from interlock.lint.stopping import findings_in_stopping
from interlock.lint.writing import findings_in_writing

REQUEST_SECONDS = 10.0
"""How long a proxy lets a container take for an answer, unless told."""
_LINE_OF_YAML = "line "


class ComposeFile(NamedTuple):
    """A file to examine."""

    name: str
    """As it is to be called; what it draws in (``.env``, ``env_file``) is looked for beside it."""
    text: str


def examine(
    files: Iterable[ComposeFile],
    environ: Mapping[str, str],
    *,
    ignored: Collection[Rule] = (),
    request_seconds: float = REQUEST_SECONDS,
) -> tuple[Finding, ...]:
    """Every mistake in these files, each a project of its own, in the order of files and lines."""
    sources: list[Source] = []
    found: list[Finding] = []
    names = []
    for file in files:
        names.append(shown(file.name, length=500))
        try:
            sources.append(read_source(file.name, file.text, environ))
        except PermanentError as error:
            found.append(_unreadable(file.name, error))
    asked = {source.name: askings(source) for source in sources}
    everybody = [asking for those in asked.values() for asking in those]
    for source in sources:
        found += _of_source(source, asked[source.name])
    proxies = standpoints(sources)
    for asking in everybody:
        found += findings_in_reach(asking, proxies)
        found += findings_in_stopping(asking, request_seconds=request_seconds)
    found += findings_in_hosts(everybody)
    found += findings_in_ports(sources, everybody)
    kept = {finding for finding in found if finding.rule not in ignored}
    return tuple(sorted(kept, key=lambda finding: (names.index(finding.file), finding)))


def _of_source(source: Source, asked: Collection[Asking]) -> Iterator[Finding]:
    """What one file says of itself. Where a word is written wrongly, what follows from that is not told too."""
    written = list(findings_in_writing(source))
    yield from written
    lines = {finding.line for finding in written}
    broken = {finding.service for finding in written if finding.severity is Severity.ERROR}
    reading = list(findings_in_reading(source, {asking.written.service.name for asking in asked}))
    yield from (finding for finding in reading if finding.line not in lines)
    lines |= {finding.line for finding in reading if finding.line}
    for finding in (finding for asking in asked for finding in findings_in_requests(asking)):
        if finding.line not in lines and (finding.value or finding.service not in broken):
            yield finding


def _unreadable(name: str, error: PermanentError) -> Finding:
    """The line is what a YAML parser's complaint begins with."""
    head, colon, rest = error.what.partition(": ")
    number = head.removeprefix(_LINE_OF_YAML)
    has_line = bool(colon) and head.startswith(_LINE_OF_YAML) and number.isdecimal()
    return Finding(
        file=shown(name, length=500),
        line=int(number) if has_line else 0,
        rule=Rule.NO_COMPOSE_FILE,
        severity=Severity.ERROR,
        what=rest if has_line else error.what,
        fix=error.fix,
    )
