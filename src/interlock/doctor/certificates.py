"""Certificates: whether they can be served, how long they are good, and whom they are for."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from interlock.core.model import RouteTable
from interlock.core.problems import shown
from interlock.doctor.check import Check, problem, warning, well
from interlock.host.certificate import Facts, facts_of

DAYS_LEFT = 14
"""Below so many it is time: who renews by themselves does it at 30."""
ENDINGS = (".pem", ".crt", ".cert", ".cer")


def check_certificates(setting: str, source: str, table: RouteTable) -> list[Check]:
    """Of a file, or of each in a folder; then whether the hosts that ask for HTTPS have one."""
    path = Path(source)
    try:
        path.stat()
        files = sorted(each for each in path.iterdir() if each.suffix in ENDINGS) if path.is_dir() else [path]
        found = [(each, _facts(each)) for each in files]
    except OSError as error:
        return [problem("certificates", f"{setting}={shown(source)}: {error.strerror}", "correct the path")]
    checks = [_check(each, facts, datetime.now(UTC)) for each, facts in found]
    return [*checks, *_uncovered([facts for _, facts in found if isinstance(facts, Facts)], table)]


def _facts(path: Path) -> Facts | str:
    """The key is in the file itself, or beside it with the ending ``.key``."""
    key = path.with_suffix(".key")
    return facts_of(path, key if key.is_file() else None)


def _check(path: Path, facts: Facts | str, now: datetime) -> Check:
    about = f"certificate {shown(path.name)}"
    if isinstance(facts, str):
        return problem(about, f"it cannot be served: {facts}", f"mend or remove {shown(str(path), length=500)}")
    days = (facts.expires - now).days
    names = ", ".join(map(shown, facts.names[:3])) + (" and more" if len(facts.names) > 3 else "")  # noqa: PLR2004
    if not facts.names:
        return warning(about, "it is for no host name (subjectAltName), so no browser takes it", "have it issued anew")
    if days < DAYS_LEFT:
        return warning(about, f"it is for {names}, and expires on {facts.expires:%Y-%m-%d}", "renew it")
    return well(about, f"it is for {names}, until {facts.expires:%Y-%m-%d}")


def _uncovered(known: Iterable[Facts], table: RouteTable) -> list[Check]:
    """Hosts that ask for HTTPS, with a certificate for another name or with none."""
    all_known = list(known)
    hosts = {
        match.host for match, route in table.items() if route.backend.options.ssl or route.backend.options.ssl_only
    }
    return [
        warning(f"certificate for {host}", "it asks for HTTPS, and no certificate is for it", "add one for that name")
        for host in sorted(hosts)
        if not any(facts.covers(host) for facts in all_known)
    ]
