"""A copy of a container is like it in everything but what belongs to that one alone, or to its image."""

import json
from pathlib import Path

import msgspec
import pytest

from interlock.rollout.clone import make_clone, refuse_conflicts
from interlock.rollout.documents import Inspected
from interlock.rollout.events import RefusedError

RECORDED = Path(__file__).parents[1] / "data" / "rollout" / "inspected.json"
"""A container of docker-compose 1.29 on engine 20.10: two networks, aliases, a fixed address, a health check."""
OLD_ID = "1" * 64


def document(config=None, host=None, networks=None, name="/shop_web_1"):
    fields = {
        "Id": OLD_ID,
        "Name": name,
        "Image": "sha256:old",
        "Config": {"Image": "web:1", "Hostname": OLD_ID[:12], "Labels": {"com.docker.compose.container-number": "1"}}
        | (config or {}),
        "HostConfig": {"NetworkMode": "shop_default"} | (host or {}),
        "NetworkSettings": {"Networks": {"shop_default": {}} if networks is None else networks},
    }
    return msgspec.convert(fields, Inspected)


def clone_of(old, inherited=None, image="web:1"):
    return make_clone(old, name="shop_web_2", number=2, image=image, image_id="sha256:new", inherited=inherited)


def test_a_recorded_container_is_copied_as_compose_made_it():
    old = msgspec.json.decode(RECORDED.read_bytes(), type=Inspected)
    clone = make_clone(
        old,
        name="net_api_2",
        number=2,
        image="web:latest",
        image_id="sha256:new",
        inherited={"Cmd": ["/app.sh"], "Env": ["VERSION=v2"], "ExposedPorts": {"5000/tcp": {}}},
    )
    body = json.loads(msgspec.json.encode(clone.body))
    assert body["Hostname"] == "chosen"
    assert body["StopSignal"] == "SIGKILL"
    assert body["Volumes"] == {"/anon": {}, "/data": {}}
    assert body["Healthcheck"]["Interval"] == 1_000_000_000
    assert body["Labels"]["com.docker.compose.config-hash"] == old.labels["com.docker.compose.config-hash"]
    assert body["Labels"]["com.docker.compose.container-number"] == "2"
    assert body["Labels"]["own.label"] == "kept"
    assert ("Cmd" in body, body["Env"], body["ExposedPorts"]) == (False, [], {})
    assert body["HostConfig"]["Memory"] == 64 * 1024 * 1024
    assert body["HostConfig"]["Binds"] == old.HostConfig["Binds"]
    assert body["HostConfig"]["CapDrop"] == ["NET_ADMIN"]
    attached = body["NetworkingConfig"]["EndpointsConfig"] | clone.networks
    assert attached.keys() == {"net_front", "net_back"}
    assert len(clone.networks) == 1
    assert set(attached["net_front"]["Aliases"]) == {"api", "api.front", "chosen"}
    assert attached["net_front"].keys() == {"Aliases"}, "no address, no MAC"


def test_what_the_image_gives_is_left_to_the_new_image():
    inherited = {
        "Env": ["PATH=/bin", "VERSION=1"],
        "Cmd": ["serve"],
        "Entrypoint": ["/init"],
        "User": "app",
        "WorkingDir": "/srv",
        "Labels": {"maintainer": "somebody", "shared": "image"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGQUIT",
    }
    own = {
        "Env": ["PATH=/bin", "VERSION=1", "KEY=ours"],
        "Labels": {"maintainer": "somebody", "shared": "container"},
        "ExposedPorts": {"80/tcp": {}, "81/tcp": {}},
    }
    body = clone_of(document(inherited | own), inherited).body
    assert body["Env"] == ["KEY=ours"]
    assert body["Labels"] == {"shared": "container", "com.docker.compose.container-number": "2"}
    assert (body["ExposedPorts"], body["Volumes"]) == ({"81/tcp": {}}, {})
    assert not body.keys() & {"Cmd", "Entrypoint", "User", "WorkingDir", "StopSignal"}


def test_what_differs_from_the_image_is_the_containers_own():
    inherited = {"Cmd": ["serve"], "User": "", "WorkingDir": "/srv"}
    body = clone_of(document({"Cmd": ["serve", "--debug"], "User": "root", "WorkingDir": "/srv"}), inherited).body
    assert (body["Cmd"], body["User"]) == (["serve", "--debug"], "root")


def test_a_command_stays_with_an_entry_point_of_the_containers_own():
    body = clone_of(document({"Cmd": ["serve"], "Entrypoint": ["/mine"]}), {"Cmd": ["serve"]}).body
    assert (body["Entrypoint"], body["Cmd"]) == (["/mine"], ["serve"])


def test_without_its_image_a_container_is_copied_whole():
    body = clone_of(document({"Env": ["A=1"], "Cmd": ["serve"], "User": "app"})).body
    assert (body["Env"], body["Cmd"], body["User"]) == (["A=1"], ["serve"], "app")


@pytest.mark.parametrize(
    ("config", "host", "expected"),
    [
        ({"Hostname": OLD_ID[:12]}, {}, None),
        ({"Hostname": ""}, {}, None),
        ({"Hostname": "chosen"}, {}, "chosen"),
        ({"Hostname": "node"}, {"UTSMode": "host"}, None),
    ],
)
def test_a_host_name_is_kept_if_it_was_chosen(config, host, expected):
    assert clone_of(document(config, host)).body.get("Hostname") == expected


def test_another_image_is_named_and_told_to_compose():
    body = clone_of(document({"Labels": {"com.docker.compose.image": "sha256:old"}}), image="web:2").body
    assert body["Image"] == "web:2"
    assert body["Labels"]["com.docker.compose.image"] == "sha256:new"
    assert "com.docker.compose.image" not in clone_of(document()).body["Labels"]


def test_addresses_belong_to_one_container():
    networks = {
        "shop_default": {
            "IPAMConfig": {"IPv4Address": "10.0.0.9"},
            "Aliases": ["web", "shop_web_1", OLD_ID[:12], "web"],
            "MacAddress": "02:42:0a:00:00:09",
            "IPAddress": "10.0.0.9",
            "Links": ["db:database"],
            "DriverOpts": {"a": "b"},
        }
    }
    body = clone_of(document({"MacAddress": "02:42:0a:00:00:09"}, networks=networks)).body
    assert "MacAddress" not in body
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        "shop_default": {
            "Aliases": ["web", "shop_web_2"],
            "Links": ["db:database"],
            "DriverOpts": {"a": "b"},
        }
    }


@pytest.mark.parametrize(
    ("mode", "networks", "first", "others"),
    [
        ("default", {"bridge": {"Aliases": None}}, "default", []),
        ("bridge", {"bridge": {}, "extra": {}}, "bridge", ["extra"]),
        ("b", {"a": {}, "b": {}}, "b", ["a"]),
        ("id-of-b", {"a": {}, "b": {"NetworkID": "id-of-b"}}, "b", ["a"]),
        ("gone", {"a": {}, "c": None}, "a", ["c"]),
        ("none", {"none": {}}, "none", []),
        ("none", {}, "none", []),
    ],
)
def test_a_copy_is_made_with_one_network_and_attached_to_the_others(mode, networks, first, others):
    clone = clone_of(document(host={"NetworkMode": mode}, networks=networks))
    assert clone.body["HostConfig"]["NetworkMode"] == first
    assert list(clone.networks) == others


def test_links_of_the_default_bridge_are_wished_for_as_they_once_were():
    body = clone_of(document(host={"Links": ["/shop_db_1:/shop_web_1/db"]})).body
    assert body["HostConfig"]["Links"] == ["shop_db_1:db"]
    assert clone_of(document(host={"Links": None})).body["HostConfig"]["Links"] is None


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ({"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}, r"fixed host port 8080->80/tcp"),
        ({"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}}, r"80->80/tcp"),
        ({"NetworkMode": "host"}, "network_mode host"),
        ({"NetworkMode": "container:abc"}, "network_mode container:abc"),
    ],
)
def test_what_two_cannot_have_at_the_same_time_is_refused_beforehand(host, what):
    with pytest.raises(RefusedError, match=what) as refused:
        refuse_conflicts(document(host=host))
    assert "Interlock" in refused.value.fix


@pytest.mark.parametrize("port", ["", "0", "8000-8100"])
def test_ports_that_the_engine_chooses_are_no_conflict(port):
    refuse_conflicts(document(host={"PortBindings": {"80/tcp": [{"HostPort": port}], "81/tcp": None}}))
    refuse_conflicts(document(host={"PortBindings": None, "PublishAllPorts": True}))
