"""Speaks with the running Interlock over its local socket."""

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from interlock.core.decisions import Explanation
from interlock.core.problems import PermanentError, TemporaryError, shown
from interlock.core.revision_status import Difference, HistoryStatus, RevisionStatus
from interlock.core.route_changes import RoutesSince
from interlock.core.status import ContainerStatus, Receipt, RoutesStatus, Status
from interlock.core.targets import Names
from interlock.core.trace import Trace
from interlock.core.traffic import Traffic
from interlock.settings import Flags, Settings, SettingsError
from interlock.settings.directories import with_directories
from interlock.settings.document import find_document
from interlock.settings.faults import raise_errors
from interlock.settings.reader import collect_options

SOCKET = "interlock.sock"
"""The local API's, in the run folder."""
ANSWER_SECONDS = 30.0
"""An order is answered when every proxy has confirmed it, which Interlock gives 20 s."""
LARGEST_ANSWER = 256 << 20
"""Bytes; a status with all problems of 10,000 containers is about 10 MB."""

T = TypeVar("T")


class _Fault(msgspec.Struct):
    problem: str
    fix: str = ""


class Daemon:
    """One running Interlock.

    Every call raises SettingsError where what was asked for is wrong, TemporaryError where the daemon could not do it
    now, and PermanentError where there is none.
    """

    def __init__(self, path: Path, seconds: float = ANSWER_SECONDS) -> None:
        """`seconds` is how long an answer may take."""
        self.path = path
        self._seconds = seconds

    def status(self) -> Status:
        return self._ask("GET", "/v1/status", Status)

    def names(self) -> Names:
        return self._ask("GET", "/v1/names", Names)

    def routes(self) -> RoutesStatus:
        return self._ask("GET", "/v1/routes", RoutesStatus)

    def changes(self, at: str) -> RoutesSince:
        """What became of the routes since an earlier answer."""
        return self._ask("GET", f"/v1/routes/since/{quote(at)}", RoutesSince)

    def traffic(self) -> Traffic:
        return self._ask("GET", "/v1/traffic", Traffic)

    def containers(self, who: str) -> tuple[ContainerStatus, ...]:
        """By name, id or Compose service."""
        return self._ask("GET", f"/v1/containers/{quote(who)}", tuple[ContainerStatus, ...])

    def explain(self, who: str) -> tuple[Explanation, ...]:
        return self._ask("GET", f"/v1/explain/{quote(who)}", tuple[Explanation, ...])

    def trace(self, url: str) -> Trace:
        return self._ask("GET", f"/v1/trace?{urlencode({'url': url})}", Trace)

    def drain(self, who: str) -> Receipt:
        return self._ask("POST", "/v1/drain", Receipt, {"target": who})

    def undrain(self, who: str) -> Receipt:
        return self._ask("POST", "/v1/undrain", Receipt, {"target": who})

    def weigh(self, who: str, weight: int | None) -> Receipt:
        return self._ask("POST", "/v1/weigh", Receipt, {"target": who, "weight": weight})

    def close(self, host: str, message: str, until: str) -> Receipt:
        body = {"host": host, "on": True, "message": message, "until": until}
        return self._ask("POST", "/v1/maintenance", Receipt, body)

    def reopen(self, host: str) -> Receipt:
        return self._ask("POST", "/v1/maintenance", Receipt, {"host": host, "on": False})

    def confirm(self) -> Receipt:
        return self._ask("POST", "/v1/confirm", Receipt, {})

    def revisions(self, limit: int) -> HistoryStatus:
        return self._ask("GET", f"/v1/revisions?limit={limit}", HistoryStatus)

    def revision(self, number: int) -> RevisionStatus:
        return self._ask("GET", f"/v1/revisions/{number}", RevisionStatus)

    def difference(self, before: int, now: int) -> Difference:
        return self._ask("GET", f"/v1/revisions/{before}/diff/{now}", Difference)

    def rollback(self, number: int, until: str) -> Receipt:
        return self._ask("POST", "/v1/rollback", Receipt, {"revision": number, "until": until})

    def unpin(self) -> Receipt:
        return self._ask("POST", "/v1/unpin", Receipt, {})

    def freeze(self, until: str) -> Receipt:
        return self._ask("POST", "/v1/freeze", Receipt, {"until": until})

    def unfreeze(self) -> Receipt:
        return self._ask("POST", "/v1/unfreeze", Receipt, {})

    def recording(self, limit: int) -> Iterator[bytes]:
        """Lines as they come, until the recording ends; an empty one only shows that it goes on."""
        connection = _UnixConnection(self.path, self._seconds)
        try:
            connection.request("GET", f"/v1/recording?limit={limit}")
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise _refusal(response.status, response.read(LARGEST_ANSWER))
            yield from iter(response.readline, b"")
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _ask(self, method: str, path: str, type_: type[T], body: object = None) -> T:
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        connection = _UnixConnection(self.path, self._seconds)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            answer = response.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise _refusal(response.status, answer)
        return _decoded(answer, type_)

    def _unreachable(self, error: Exception) -> PermanentError | TemporaryError:
        match error:
            case TimeoutError():
                return TemporaryError(f"Interlock on {self.path} does not answer", fix="see its log")
            case PermissionError():
                return PermanentError(f"{self.path} may not be used", fix="run this as the user that Interlock runs as")
            case FileNotFoundError() | ConnectionRefusedError():
                return PermanentError(
                    f"no Interlock runs here: nobody answers on {self.path}",
                    fix="start one (`interlock --plugin haproxy start`), or give the run folder of the one that runs "
                    "with --run-dir or INTERLOCK_RUN_DIR",
                )
            case _:
                return TemporaryError(f"the connection to {self.path} broke: {shown(str(error))}", fix="see its log")


def daemon_of(flags: Flags, *, seconds: float = ANSWER_SECONDS) -> Daemon:
    """The Interlock whose run folder flags, environment or file name. Raises SettingsError.

    The settings of plugins are not read: that takes ten times as long as all the rest of a command.
    """
    document = find_document(flags.config, os.environ)
    values, problems = collect_options(
        Settings, table=document.table, environ=os.environ, where=document.where, flags=flags.values
    )
    raise_errors(problems)
    settings = with_directories(Settings(**values), os.environ, os.geteuid())
    return Daemon(Path(settings.run_dir) / SOCKET, seconds)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("interlock", timeout=seconds)
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        self.sock: Any = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(str(self._path))


def _refusal(status: int, answer: bytes) -> Exception:
    """The daemon's own words: wrong orders are the caller's fault, everything else may pass."""
    fault = _decoded(answer, _Fault)
    if status in {http.client.BAD_REQUEST, http.client.NOT_FOUND}:
        return SettingsError(fault.problem, fix=fault.fix)
    return TemporaryError(fault.problem, fix=fault.fix)


def _decoded(answer: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=type_)
    except msgspec.DecodeError as error:
        raise PermanentError(
            f"the answer is not understood: {shown(str(error))}",
            fix="use the command of the version that runs: see interlock --version and its log's first line",
        ) from error
