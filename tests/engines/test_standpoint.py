import asyncio
import socket

import pytest

from interlock.core.events import View
from interlock.core.model import Attachment, Container, Phase
from interlock.engines.address import EngineAddress
from interlock.engines.standpoint import Surroundings, find_view, is_rootless, moved, own_ids, shares_network_with

OWN = "c0" * 32
OTHER = "ab" * 32
MOUNTS = f"""\
22 27 0:21 / /proc rw,relatime - proc proc rw
519 502 8:1 /var/lib/docker/containers/{OTHER}/mounts/shm /dev/shm rw - tmpfs shm rw
520 502 8:1 /var/lib/docker/containers/{OWN}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw
521 502 8:1 /var/lib/docker/containers/{OWN}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw
"""
PODMAN_MOUNTS = f"521 502 0:25 /containers/overlay-containers/{OWN}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n"
CGROUP_V1 = f"9:name=systemd:/docker/{OWN}\n8:pids:/docker/{OWN}\n"


def around(mounts="", cgroup="0::/\n", hostname="", *, shared=None, rootless=False):
    texts = {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": cgroup}

    async def shares(path):
        return shared

    async def is_of_a_user(path):
        return rootless

    return Surroundings(
        read=lambda path: texts.get(path, ""),
        hostname=hostname,
        shares_network_with=shares,
        is_rootless=is_of_a_user,
    )


def running(id_=OWN, mode="default", phase=Phase.RUNNING, networks=("n1", "n2")):
    attachments = tuple(Attachment(name, f"id of {name}", "10.0.0.1") for name in networks)
    return Container(engine="docker", id=id_, name="interlock", phase=phase, network_mode=mode, attachments=attachments)


def view(surroundings, *containers, url="unix:///s", is_swarm_manager=False, override_address=""):
    async def inspect(id_):
        return next((one for one in containers if one.id.startswith(id_)), None)

    return asyncio.run(
        find_view(
            EngineAddress.parse(url),
            inspect=inspect,
            is_swarm_manager=is_swarm_manager,
            surroundings=surroundings,
            override_address=override_address,
        )
    )


@pytest.mark.parametrize(
    "surroundings",
    [around(MOUNTS), around(PODMAN_MOUNTS), around(cgroup=CGROUP_V1), around(hostname=OWN[:12])],
    ids=["Docker's mounts", "Podman's mounts", "cgroup v1", "host name"],
)
def test_its_own_container_is_found(surroundings):
    found = view(surroundings, running())
    assert found == View(
        engine="docker", own_container=OWN, own_networks=frozenset({"id of n1", "id of n2"}), local=False
    )


def test_mounts_of_other_containers_are_not_its_own():
    assert own_ids(around(MOUNTS)) == [OWN]


def test_the_best_evidence_comes_first_and_each_id_once():
    mounts = MOUNTS.replace(OWN, OTHER)
    assert own_ids(around(mounts, CGROUP_V1, OWN[:12])) == [OTHER, OWN, OWN[:12]]


@pytest.mark.parametrize("hostname", ["web", "C0C0C0C0C0C0", "c0c0c0c0c0c", "c0c0c0c0c0c0c", ""])
def test_a_host_name_that_is_no_short_id_is_no_evidence(hostname):
    assert own_ids(around(hostname=hostname)) == []


def test_a_container_of_an_outer_engine_is_not_one_of_this_engine():
    assert view(around(MOUNTS, shared=True)) == View(engine="docker", local=True)
    assert view(around(MOUNTS, shared=False)) == View(engine="docker", local=False)


def test_a_container_that_does_not_run_cannot_be_ours():
    assert view(around(MOUNTS), running(phase=Phase.EXITED)).own_container == ""


def test_with_the_hosts_network_it_is_as_good_as_on_the_host():
    found = view(around(MOUNTS), running(mode="host", networks=("host",)))
    assert (found.local, found.own_networks, found.own_container) == (True, frozenset(), OWN)


def test_a_borrowed_network_is_that_of_the_lender():
    found = view(around(MOUNTS), running(mode=f"container:{OTHER}", networks=()), running(OTHER, networks=("n3",)))
    assert (found.own_container, found.own_networks) == (OWN, frozenset({"id of n3"}))


def test_a_lender_that_is_gone_leaves_no_network():
    found = view(around(MOUNTS), running(mode=f"container:{OTHER}", networks=()))
    assert (found.own_container, found.own_networks, found.local) == (OWN, frozenset(), False)


class TestOnTheHost:
    def test_a_socket_whose_engine_shares_our_network_is_local(self):
        assert view(around(shared=True)).local
        assert not view(around(shared=False)).local

    def test_where_that_cannot_be_told_the_absence_of_a_container_decides(self):
        assert view(around()).local
        assert not view(around(MOUNTS)).local

    def test_networks_of_a_rootless_engine_are_far_and_its_published_ports_are_near(self):
        found = view(around(shared=True, rootless=True))
        assert (found.local, found.node_address) == (False, "127.0.0.1")
        assert not view(around(shared=False, rootless=True)).node_address

    def test_a_loopback_address_is_local(self):
        assert view(around(), url="tcp://127.0.0.1:2375").local
        assert not view(around(), url="tcp://10.0.0.1:2375").local

    def test_the_containers_of_a_swarm_are_elsewhere(self):
        assert not view(around(shared=True), is_swarm_manager=True).local
        own = running(mode="host", networks=("host",))
        assert not view(around(MOUNTS), own, is_swarm_manager=True).local


def test_published_ports_are_reached_where_the_url_says():
    assert view(around(), url="tcp://10.0.0.5:2375").node_address == "10.0.0.5"
    assert view(around()).node_address == ""


def test_the_operators_word_is_passed_on():
    assert view(around(), override_address="192.0.2.1").override_address == "192.0.2.1"


def test_being_connected_to_a_network_moves_the_view():
    before = View(engine="docker", own_container=OWN, node_address="10.0.0.5", override_address="x")
    after = moved(before, running(networks=("n9",)), is_swarm_manager=False)
    assert (after.own_networks, after.node_address, after.override_address) == (
        frozenset({"id of n9"}),
        "10.0.0.5",
        "x",
    )


class TestPeer:
    def test_a_socket_of_this_process_shares_its_network(self, tmp_path):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            assert asyncio.run(shares_network_with(str(tmp_path / "s"))) is True
            assert asyncio.run(is_rootless(str(tmp_path / "s"))) is False

    def test_a_socket_that_is_not_there_tells_nothing(self, tmp_path):
        assert asyncio.run(shares_network_with(str(tmp_path / "s"))) is None
        assert asyncio.run(is_rootless(str(tmp_path / "s"))) is False


def test_what_cannot_be_read_is_empty():
    assert Surroundings().read("/no/such/file") == ""
    assert Surroundings().read("/proc/self/mountinfo")
