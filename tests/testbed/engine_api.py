"""The Docker API over a unix socket, as far as a test needs it beside the command line."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, url: str, *, body: object = None, seconds: float = 10.0) -> Any:
    """The decoded body of a successful answer.

    Raises:
        OSError: nobody answers, or the answer is an error.
    """
    connection = _UnixConnection(path, seconds)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, url, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        received = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{method} {url}: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        raise OSError(f"{method} {url}: {answer.status} {received[:200]!r}")
    return json.loads(received) if "json" in (answer.getheader("Content-Type") or "") else received.decode()


def answers(path: Path, *, seconds: float = 2.0) -> bool:
    """Whether an engine listens and is ready."""
    try:
        return ask(path, "GET", "/_ping", seconds=seconds) == "OK"
    except OSError:
        return False
