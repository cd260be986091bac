"""The operator's certificates: checked one by one, and copied to where an unprivileged HAProxy can read them.

One bad file in a folder of a hundred costs the one host that it is for.
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec

from interlock.core.problems import PermanentError, Problem, Severity, shown
from interlock.host import files
from interlock.host.certificate import fault_of

SUFFIXES = {".pem", ".crt", ".cert"}
"""HAProxy loads every file of a folder; we take those that can be a certificate with its key."""


class Certificates(msgspec.Struct, frozen=True):
    """What HAProxy is to load."""

    path: str = ""
    """Folder with the copies, named by their content; "" without HTTPS."""
    problems: tuple[Problem, ...] = ()


def install(source: str, target: Path, *, group: int) -> Certificates:
    """Check the file or folder `source` and copy what is good below `target`.

    Raises:
        PermanentError: there is no such file or folder, or nothing in it can be used.
    """
    if not source:
        return Certificates()
    good: dict[str, str] = {}
    problems = []
    for path in _sources(Path(source)):
        why = fault_of(path)
        if why:
            problems.append(_problem(path, why))
        else:
            good[path.name] = path.read_text()
    if not good:
        first = problems[0].what if problems else "there is no .pem file in it"
        raise PermanentError(f"HAPROXY_SSL_CERT={shown(source)}: {first}", fix=_FIX)
    digest = sha256("\0".join(f"{name}\0{text}" for name, text in sorted(good.items())).encode()).hexdigest()[:16]
    folder = target / digest
    if not folder.is_dir():
        files.folder(target, group=group)
        files.folder(folder, group=group)
        for name, text in good.items():
            files.write(folder / name, text, mode=0o640, group=group)
    return Certificates(str(folder), tuple(problems))


_FIX = "put the certificate, its chain and its unencrypted key into one PEM file"


def _sources(source: Path) -> Iterable[Path]:
    if source.is_dir():
        return sorted(path for path in source.iterdir() if path.is_file() and path.suffix in SUFFIXES)
    if source.is_file():
        return [source]
    raise PermanentError(f"HAPROXY_SSL_CERT={shown(str(source))}: no such file or folder", fix="correct the path")


def _problem(path: Path, why: str) -> Problem:
    return Problem(
        container="", key="HAPROXY_SSL_CERT", value=shown(str(path)), what=why, fix=_FIX, severity=Severity.WARNING
    )
