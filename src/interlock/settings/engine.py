"""Which engine to watch and how: flags over Docker's own variables over the file."""

from collections.abc import Mapping
from pathlib import PurePath

import msgspec

from interlock.core.problems import Problem, Severity
from interlock.settings.faults import fault
from interlock.settings.fields import fields_of
from interlock.settings.model import EngineSettings
from interlock.settings.reader import collect_options

DOCKER_TLS_FILES = {"tls_ca": "ca.pem", "tls_cert": "cert.pem", "tls_key": "key.pem"}
"""Field of `EngineSettings` -> name in DOCKER_CERT_PATH, as the docker command looks for it."""

_OPTIONS = {field.name: field.option for field in fields_of(EngineSettings)}


def read_engine(
    flags: Mapping[str, str], environ: Mapping[str, str], table: Mapping[str, object], where: str
) -> tuple[EngineSettings, list[Problem]]:
    """The one engine. Its URL is taken apart and checked by whoever connects.

    The URL is that of `--swarm-url`, else DOCKER_HOST, else DockerURL. The three TLS files come together from one
    source: the flags, else DOCKER_CERT_PATH where DOCKER_TLS_VERIFY is set, else the file.
    """
    values, problems = collect_options(EngineSettings, table=table, environ=environ, where=where, flags=flags)
    engine = EngineSettings(**values)
    is_local = engine.url.startswith("unix:")
    flagged = {name: flags.get(_OPTIONS[name].flag, "") for name in DOCKER_TLS_FILES}
    if any(flagged.values()):
        engine = msgspec.structs.replace(engine, **flagged)
        problems += _missing_files(engine, {name: _OPTIONS[name].flag for name in DOCKER_TLS_FILES})
    elif environ.get("DOCKER_TLS_VERIFY") and not is_local:
        engine = _with_docker_tls(engine, environ, insecure=_OPTIONS["allow_insecure"].flag in flags)
    else:
        problems += _missing_files(engine, {name: f"{where}: {_OPTIONS[name].key}" for name in DOCKER_TLS_FILES})
        if environ.get("DOCKER_CERT_PATH") and not any(engine.tls_files) and not is_local:
            problems.append(_CERTIFICATES_WITHOUT_VERIFY)
    if is_local and not engine.swarm_nodes and (engine.allow_insecure or any(engine.tls_files)):
        problems.append(_tls_on_a_socket(engine.url))
    return engine, problems


def _with_docker_tls(engine: EngineSettings, environ: Mapping[str, str], *, insecure: bool) -> EngineSettings:
    """TLS as the docker command sets it up: any text in DOCKER_TLS_VERIFY, also "0", turns it and its checks on.

    Without DOCKER_CERT_PATH the files are those in the docker command's own directory.
    """
    home = PurePath(environ.get("HOME") or "/", ".docker")
    directory = PurePath(environ.get("DOCKER_CERT_PATH") or environ.get("DOCKER_CONFIG") or home)
    files = {field: str(directory / name) for field, name in DOCKER_TLS_FILES.items()}
    return msgspec.structs.replace(engine, **files, allow_insecure=insecure)


def _missing_files(engine: EngineSettings, sources: Mapping[str, str]) -> list[Problem]:
    """A problem for each TLS file that is missing while another is there."""
    if not any(engine.tls_files):
        return []
    given = " and ".join(source for name, source in sources.items() if getattr(engine, name))
    return [
        fault(source, None, f"is missing beside {given}", "give all three TLS files, or none of them")
        for name, source in sources.items()
        if not getattr(engine, name)
    ]


_CERTIFICATES_WITHOUT_VERIFY = fault(
    "DOCKER_CERT_PATH",
    None,
    "is ignored, as by the docker command, because DOCKER_TLS_VERIFY is not set",
    "set DOCKER_TLS_VERIFY=1, or unset DOCKER_CERT_PATH",
    severity=Severity.WARNING,
)


def _tls_on_a_socket(url: str) -> Problem:
    what = "is a socket on this machine, so the TLS settings have no effect"
    return fault("engine", url, what, "leave them out, or name a tcp:// URL", severity=Severity.WARNING)
