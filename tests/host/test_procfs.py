"""What /proc tells of processes."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from interlock.host import procfs

LISTEN = """
import socket, sys
listener = socket.socket(socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET)
listener.bind(("::1" if sys.argv[1] == "6" else "127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
one = listener.accept()
sys.stdin.read()
"""


@pytest.fixture
def shell():
    """A process that leads a group and has a child."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    child = int(process.stdout.readline())
    while procfs.title_of(child) != "sleep 60":  # it is still the shell's double
        time.sleep(0.001)
    yield process.pid, child
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_process_has_a_title_a_parent_children_and_a_group(shell):
    parent, child = shell
    assert procfs.title_of(child) == "sleep 60"
    assert procfs.parent_of(child) == parent
    assert procfs.parent_of(parent) == os.getpid()
    assert procfs.children_of(parent) == [child]
    assert sorted(procfs.group_of(parent)) == sorted([parent, child])


def test_a_group_outlives_its_leader(shell):
    parent, child = shell
    os.kill(parent, signal.SIGKILL)
    os.waitid(os.P_PID, parent, os.WEXITED | os.WNOWAIT)
    assert child in procfs.group_of(parent)


def test_one_that_is_gone_is_nobody():
    gone = 2**22
    assert procfs.title_of(gone) == ""
    assert procfs.parent_of(gone) == 0
    assert procfs.children_of(gone) == []
    assert procfs.group_of(gone) == []
    assert procfs.connections_of([gone], ["127.0.0.1:80"]) == {}


@pytest.mark.parametrize(("family", "address"), [("4", "127.0.0.1"), ("6", "::1")])
def test_connections_are_counted_by_the_other_end(family, address):
    server = subprocess.Popen(
        [sys.executable, "-c", LISTEN, family], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    port = int(server.stdout.readline())
    endpoint = f"[{address}]:{port}" if family == "6" else f"{address}:{port}"
    with socket.create_connection((address, port)):
        assert procfs.connections_of([os.getpid()], [endpoint, "10.0.0.1:80"]) == {endpoint: 1}
        assert procfs.connections_of([server.pid], [endpoint]) == {}, "its other end is us"
    server.communicate()


def test_connections_of_another_network_are_counted_by_its_tables():
    row = "   0: 0100007F:9C40 {} {} 00000000:00000000 00:00000000 00000000 101 0 4711 1 x"
    six = "B80D0120000000000000000001000000:0050"
    rows = [row.format("0200000A:1388", "01"), row.format("0200000A:1388", "01"), row.format("0200000A:1388", "06")]
    tables = "\n".join(["  sl  local_address rem_address   st", *rows, "", row.format(six, "01"), "cat: no such file"])
    endpoints = ["10.0.0.2:5000", "10.0.0.3:5000", "[2001:db8::1]:80"]
    assert procfs.connections_in(tables, endpoints) == {"10.0.0.2:5000": 2, "[2001:db8::1]:80": 1}


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_listens_on_a_port_is_told(family, address, monkeypatch):
    with socket.create_server((address, 0), family=family) as listener:
        port = listener.getsockname()[1]
        assert procfs.listeners_of(port) == [os.getpid()]
        monkeypatch.setattr(procfs, "_sockets_of", lambda _: set())
        assert procfs.listeners_of(port) == [0], "it is not ours to look into"
    assert procfs.listeners_of(port) == []


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("0100007F:1F90", "127.0.0.1:8080"),
        ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
        ("B80D0120000000000000000001000000:0050", "[2001:db8::1]:80"),
    ],
)
def test_addresses_are_read_as_the_kernel_writes_them(text, endpoint):
    assert sys.byteorder == "little"
    assert procfs._endpoint(text) == endpoint
