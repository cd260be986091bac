import errno

import aiohttp
import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.engines.failures import explain, explained, refusal

UNIX = EngineAddress.parse("unix:///run/no-such-folder/docker.sock")
TCP = EngineAddress.parse("tcp://swarm:3375")


def unreachable(code, message="oh"):
    return aiohttp.ClientConnectorError(None, OSError(code, message))


@pytest.mark.parametrize(
    ("code", "kind", "fix"),
    [
        (errno.ENOENT, TemporaryError, "mount the directory"),
        (errno.ECONNREFUSED, TemporaryError, "mount the directory"),
        (errno.EACCES, PermanentError, "mostly docker"),
        (errno.EPERM, PermanentError, "mostly docker"),
        (errno.EMFILE, TemporaryError, "start the engine"),
    ],
)
def test_a_socket_that_does_not_open_says_what_to_do(code, kind, fix):
    error = explain(unreachable(code, "Reason"), UNIX, "GET /_ping")
    assert type(error) is kind
    assert "cannot open the socket /run/no-such-folder/docker.sock: reason" in error.what
    assert fix in error.fix


def test_a_host_that_does_not_answer_is_named():
    error = explain(unreachable(errno.EHOSTUNREACH, "No route to host"), TCP, "GET /_ping")
    assert (type(error), error.what) == (TemporaryError, "cannot connect to swarm:3375: no route to host")


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (TimeoutError(), "no answer to GET /x in time"),
        (aiohttp.ServerDisconnectedError(), "the connection broke during GET /x"),
        (aiohttp.ClientPayloadError("half"), "the connection broke during GET /x"),
        (ConnectionResetError(), "the connection broke during GET /x"),
        (aiohttp.InvalidURL("\x1b[31m"), r"GET /x failed: \x1b[31m"),
        (aiohttp.ClientError(), "GET /x failed: ClientError"),
    ],
)
def test_what_else_goes_wrong_is_temporary_and_printable(error, what):
    explanation = explain(error, TCP, "GET /x")
    assert (type(explanation), explanation.what) == (TemporaryError, what)


def test_errors_of_our_own_pass_through():
    with pytest.raises(PermanentError, match="ours"), explained(TCP, "GET /x"):
        raise PermanentError("ours")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message":"JSON of Docker"}', "JSON of Docker"),
        (b'{"cause":"x","message":"JSON of Podman","response":500}', "JSON of Podman"),
        (b"bare text of Swarm\n", "bare text of Swarm"),
        (b'{"message":5}', '{"message":5}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 10_000, "x" * 80 + "... (10000 characters)"),
    ],
)
def test_what_an_engine_says_is_quoted(body, said):
    assert refusal(500, "GET /x", body).what == f"the engine answers 500 to GET /x: {said}"


def test_an_engine_that_says_nothing_is_quoted_as_such():
    assert refusal(503, "GET /x", b"").what == "the engine answers 503 to GET /x"
