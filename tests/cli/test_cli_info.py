import json
import os
import shutil

import pytest

from interlock.version import __version__


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty directory that is the only one searched for programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **_: which(name, path=str(tmp_path)))
    monkeypatch.setattr("interlock.proxies.serving.program._of_wheel", lambda _program: None)
    return tmp_path


def write(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_each_proxys_first_line_and_path_are_told(run, place):
    write(place / "haproxy", "echo 'HAProxy version 2.8.5'; echo more")
    write(place / "nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    assert run("info") == (
        0,
        (
            f"interlock {__version__}\n"
            f" HAProxy version 2.8.5 ({place}/haproxy)\n"
            f" nginx version: nginx/1.22.1 ({place}/nginx)\n"
        ),
        "",
    )


def test_a_missing_proxy_is_said_to_be_missing_and_no_error(run, place):
    assert run("info") == (0, f"interlock {__version__}\n haproxy: not found\n nginx: not found\n", "")


def test_a_program_that_cannot_run_is_told_with_the_reason(run, place):
    (place / "nginx").write_text("")
    (place / "nginx").chmod(0o755)
    write(place / "haproxy", "exit 0")
    code, out, _ = run("info")
    assert code == 0
    assert out.splitlines()[1:] == [
        f" haproxy: says nothing ({place}/haproxy)",
        f" nginx: {place}/nginx: Exec format error ({place}/nginx)",
    ]


def test_a_program_that_does_not_end_is_not_waited_for(run, place, monkeypatch):
    monkeypatch.setattr("interlock.cli.info.SECONDS", 0.2)
    write(place / "haproxy", "while :; do :; done")
    _, out, _ = run("info")
    assert out.splitlines()[1] == f" haproxy: haproxy did not end within 0.2 s ({place}/haproxy)"


def test_hostile_output_is_shown_harmlessly(run, place):
    write(place / "haproxy", r"printf '\033[2Jhi\n'")
    assert run("info")[1].splitlines()[1] == rf" \x1b[2Jhi ({place}/haproxy)"


def test_json_says_the_same(run, place):
    write(place / "haproxy", "echo 'HAProxy version 2.8.5'")
    _, out, _ = run("info", "--json")
    assert json.loads(out) == {
        "interlock": __version__,
        "programs": [
            {"name": "haproxy", "path": f"{place}/haproxy", "version": "HAProxy version 2.8.5", "problem": None},
            {"name": "nginx", "path": None, "version": None, "problem": "not found"},
        ],
    }


def test_the_setting_names_the_haproxy_that_would_run(run, place, monkeypatch):
    write(place / "other", "echo 'HAProxy version 3.0.1'")
    monkeypatch.setenv("HAPROXY_BINARY", os.fspath(place / "other"))
    assert f" HAProxy version 3.0.1 ({place}/other)" in run("info")[1]
