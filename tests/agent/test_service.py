"""`interlock agent` as a process, and the commands beside it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.ports import free_port
from testbed.waiting import wait_for

PROGRAM = Path(sys.executable).with_name("interlock")
SECONDS = 60.0


def interlock(*arguments, **environment):
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("INTERLOCK_", "DOCKER_"))}
    return subprocess.run(
        [PROGRAM, *arguments], env=variables | environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture
def started(tmp_path):
    """Starts an agent whose engine is away, and waits until it listens."""
    processes = []

    def start(*arguments, **environment):
        command = [PROGRAM, "agent", "--engine", f"unix://{tmp_path}/none.sock", *arguments]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, env=os.environ | environment, stderr=log)
        processes.append(process)
        wait_for(
            lambda: process.poll() is not None or "agent running" in (tmp_path / "log").read_text(),
            "the agent's first line",
            seconds=SECONDS,
        )
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_on_a_unix_socket_it_works_until_a_signal_ends_it(started, tmp_path):
    path = tmp_path / "agent.sock"
    process = started("--socket", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    checked = interlock("agent", "check", "--socket", str(path))
    assert (checked.returncode, checked.stdout) == (0, "the agent works\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    assert not path.exists()
    checked = interlock("agent", "check", INTERLOCK_AGENT_SOCKET=str(path))
    assert checked.returncode == 1
    assert "no agent answers" in checked.stderr


def test_over_tls_it_is_configured_by_variables_and_read_by_its_check(started, tmp_path):
    made = interlock("agent", "keys", "--dir", str(tmp_path / "keys"))
    assert made.returncode == 0, made.stderr
    keys, port = tmp_path / "keys", free_port()
    variables = {
        "INTERLOCK_AGENT_LISTEN": f"127.0.0.1:{port}",
        "INTERLOCK_AGENT_TLS_CA": str(keys / "ca.pem"),
        "INTERLOCK_AGENT_TLS_CERT": str(keys / "agent.pem"),
        "INTERLOCK_AGENT_TLS_KEY": str(keys / "agent-key.pem"),
    }
    process = started(**variables)
    assert process.poll() is None, (tmp_path / "log").read_text()
    checked = interlock("agent", "check", **variables)
    assert (checked.returncode, checked.stderr) == (0, "")
    interlock("agent", "keys", "--dir", str(tmp_path / "others"))
    refused = interlock("agent", "check", **variables | {"INTERLOCK_AGENT_TLS_CA": str(tmp_path / "others" / "ca.pem")})
    assert refused.returncode == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "nobody could reach the agent"),
        (("--listen", ":7777"), 2, "nobody without a certificate"),
        (("--listen", ":7777", "--tls-ca", "a", "--tls-cert", "b"), 2, "nobody without a certificate"),
        (("--socket", "x", "--tls-ca", "a"), 2, "without an address"),
        (("--socket", "x", "--swarm-url", "tcp://x:1"), 2, "--engine"),
        (("--listen", ":7777", "--tls-ca", "a", "--tls-cert", "b", "--tls-key", "c"), 1, "cannot be used"),
        (("--socket", "/nowhere/x"), 1, "cannot be listened on"),
        (("--socket", "x", "--engine", "ftp://x"), 1, "scheme"),
    ],
)
def test_what_cannot_be_is_told_with_its_fix(arguments, code, said, tmp_path):
    ended = interlock("agent", *arguments)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_keys_are_listed_with_what_makes_secrets_of_them(tmp_path):
    folder = tmp_path / "some keys"
    made = interlock("agent", "keys", "--dir", str(folder), "--name", "node-1", "--days", "30")
    assert made.stdout.count("made: ") == 3
    assert f"docker secret create interlock-ca.pem '{folder}/ca.pem'" in made.stdout
    assert f"'{folder}/ca-key.pem'" not in made.stdout
    told = json.loads(interlock("agent", "keys", "--dir", str(folder), "--json").stdout)
    assert [one["is_new"] for one in told] == [False] * 3
    assert "kept: " in interlock("agent", "keys", "--dir", str(folder)).stdout


def test_a_name_that_is_none_is_refused(tmp_path):
    refused = interlock("agent", "keys", "--dir", str(tmp_path / "keys"), "--name", "a b")
    assert refused.returncode == 1
    assert "no host name" in refused.stderr
