"""`interlock doctor`: its verdicts as people and programs read them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.programs import environment

INTERLOCK = Path(sys.executable).with_name("interlock")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERLOCK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("INTERLOCK_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    tmp_path.chmod(0o755)
    return tmp_path


def test_a_problem_is_told_with_its_fix_and_is_1(run, folders):
    code, out, err = run("doctor")

    assert code == 1
    assert f"ok       state folder: {folders}/state will be made\n" in out
    assert f"problem  engine docker: cannot open the socket {folders}/docker.sock: no such file" in out
    assert "\n         fix: start the engine" in out
    assert err.startswith("1 problem, ") or err.split(" problem")[0].isdecimal()


def test_json_has_every_check(run):
    code, out, err = run("doctor", "--json")
    checks = json.loads(out)

    assert (code, err) == (1, "")
    assert {check["verdict"] for check in checks} <= {"ok", "warning", "problem"}
    assert all(set(check) == {"about", "verdict", "what", "fix"} for check in checks)


def test_haproxy_is_looked_at_unless_another_is_named(run):
    assert "program haproxy" in run("doctor")[1]
    named = run("--plugin", "nginx", "doctor")[1]
    assert "program nginx" in named
    assert "program haproxy" not in named


def test_the_file_is_heeded_as_run_would(run, folders):
    file = folders / "interlock.toml"
    file.write_text('[[Extensions]]\nName = "haproxy"\nPort = 8081\n')

    assert "port 8081: " in run("doctor", "--config", str(file))[1]


@pytest.mark.real
def test_where_all_is_well_it_is_0_whether_interlock_runs_or_not(dockerd, interlock_native, tmp_path):
    def doctor(folder, port):
        mine = {
            "INTERLOCK_STATE_DIR": f"{folder}/state",
            "INTERLOCK_RUN_DIR": f"{folder}/run",
            "HAPROXY_PORT": str(port),
        }
        command = dockerd.on_host([INTERLOCK, "--swarm-url", dockerd.url, "doctor"])
        ended = subprocess.run(
            command, env=environment(**mine), capture_output=True, text=True, timeout=60, check=False
        )
        return ended.returncode, ended.stdout

    native = interlock_native(dockerd)
    code, out = doctor(native.folder, native.port)
    assert code == 0, out
    assert "one runs in" in out
    assert f"port {native.port}: the proxy of this Interlock listens there" in out
    assert "clock of engine docker: it differs from ours by less than 5 s" in out
    code, out = doctor(tmp_path, native.port)
    assert code == 1
    assert "none runs in" in out
    assert re.search(rf"problem +port {native.port}: is taken by .*haproxy", out)
