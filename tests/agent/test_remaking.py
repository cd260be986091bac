"""Answers made anew: what Interlock reads is all there, and nothing else is."""

import json
from pathlib import Path

import pytest

from interlock.agent.allowed import Kind
from interlock.agent.remaking import KEPT, message, refusal, remade
from interlock.core.dialects import DIALECTS, ENVIRONMENT_KEYS
from interlock.core.problems import TemporaryError
from interlock.engines.containers import inspected_container, listed_container
from interlock.engines.documents import decode_entries, decode_inspected

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
SECRET = "pa55word"
CONTAINER = {
    "Id": "ab" * 32,
    "Name": "/web",
    "Path": f"/bin/{SECRET}",
    "Args": ["--password", SECRET],
    "Mounts": [{"Source": f"/srv/{SECRET}"}],
    "HostConfig": {"NetworkMode": "default", "Binds": [f"/{SECRET}:/x"], "Privileged": True},
    "Config": {
        "Hostname": "web",
        "Cmd": ["sh", "-c", SECRET],
        "Env": [f"PASSWORD={SECRET}", 'INTERLOCK_DATA={"hostname":"www"}', f"INTERLOCK_DATA_2={SECRET}", SECRET],
        "Labels": {
            "interlock.hostname": "www",
            "INTERLOCK.Port": "80",
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "web",
            "com.docker.compose.project.working_dir": f"/home/{SECRET}",
            "com.docker.swarm.task.id": "t1",
            "com.docker.stack.namespace": "shop",
            "com.docker.lb.hosts": "www.example.com",
            "secret": SECRET,
        },
        "ExposedPorts": {"80/tcp": {SECRET: SECRET}},
        "Healthcheck": {"Test": ["CMD", SECRET]},
    },
    "State": {
        "Status": "running",
        "Running": True,
        "Pid": 4711,
        "Error": SECRET,
        "Health": {"Status": "healthy", "Log": [{"Output": SECRET}]},
    },
    "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2", "DriverOpts": {"x": SECRET}}}},
}


async def test_of_a_container_neither_environment_nor_labels_nor_command_is_told_beyond_what_dialects_read():
    told = await remade(Kind.CONTAINER, json.dumps(CONTAINER).encode())
    assert SECRET.encode() not in told
    config = json.loads(told)["Config"]
    assert config["Env"] == ['INTERLOCK_DATA={"hostname":"www"}']
    assert set(config["Labels"]) == {*CONTAINER["Config"]["Labels"]} - {
        "secret",
        "com.docker.compose.project.working_dir",
    }


def test_what_is_kept_follows_the_dialects():
    assert KEPT.environment == ENVIRONMENT_KEYS == {key for dialect in DIALECTS for key in dialect.environment}
    assert set(KEPT.label_prefixes) >= {prefix for dialect in DIALECTS for prefix in dialect.label_prefixes}


def recorded(pattern):
    """Files, or the elements of those that are lists of inspects."""
    for path in sorted(RECORDINGS.glob(pattern)):
        document = json.loads(path.read_bytes())
        yield from (json.dumps(one).encode() for one in (document if isinstance(document, list) else [document]))


async def test_interlock_reads_the_same_of_a_container_through_the_agent():
    documents = list(recorded("*/*inspect*.json"))
    assert len(documents) > 15
    for document in documents:
        told = await remade(Kind.CONTAINER, document)
        direct, through = (
            inspected_container(decode_inspected(one), engine="e", kept=KEPT) for one in (document, told)
        )
        assert direct == through


async def test_interlock_reads_the_same_list_through_the_agent():
    bodies = [
        path.read_bytes() for path in (*RECORDINGS.glob("*/*list*.json"), *RECORDINGS.glob("*/containers_*.json"))
    ]
    assert len(bodies) > 15
    for body in bodies:
        told = await remade(Kind.CONTAINERS, body)
        direct, through = (list(map(read_entry, decode_entries(one))) for one in (body, told))
        assert direct == through


def read_entry(entry):
    return listed_container(entry, engine="e", kept=KEPT), entry.told_health, entry.is_up


async def test_a_list_tells_no_command_and_no_foreign_label():
    entry = {
        "Id": "ab",
        "Names": ["/web"],
        "Command": SECRET,
        "Labels": {"x": SECRET, "interlock.port": "80"},
        "Mounts": [SECRET],
    }
    told = await remade(Kind.CONTAINERS, json.dumps([entry] * 600).encode())
    assert SECRET.encode() not in told
    assert len(json.loads(told)) == 600
    assert json.loads(told)[0]["Labels"] == {"interlock.port": "80"}


async def test_info_tells_how_nodes_are_what_time_it_is_and_who_is_a_manager_and_nothing_else():
    status = [["Nodes", "1"], [" node-1", "10.0.0.1:2375"], ["  └ Status", "Healthy"], ["  └ Labels", SECRET]]
    swarm = {"ControlAvailable": True, "NodeID": SECRET, "Cluster": {"ID": SECRET}}
    info = {"SystemStatus": status, "SystemTime": "now", "Swarm": swarm, "HttpProxy": SECRET}
    assert json.loads(await remade(Kind.INFO, json.dumps(info).encode())) == {
        "SystemStatus": [["  └ Status", "Healthy"]],
        "SystemTime": "now",
        "Swarm": {"ControlAvailable": True},
    }


async def test_a_network_is_told_without_its_options():
    network = {
        "Id": "n",
        "Name": "web",
        "Driver": "overlay",
        "Scope": "swarm",
        "Options": {"x": SECRET},
        "Labels": {"x": SECRET},
    }
    expected = {"Id": "n", "Name": "web", "Driver": "overlay", "Scope": "swarm"}
    assert json.loads(await remade(Kind.NETWORK, json.dumps(network).encode())) == expected
    assert json.loads(await remade(Kind.NETWORKS, json.dumps([network]).encode())) == [expected]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff"])
@pytest.mark.parametrize("kind", [Kind.CONTAINER, Kind.INFO, Kind.NETWORK, Kind.TASK])
async def test_what_is_no_such_document_is_not_passed_on(kind, body):
    with pytest.raises(TemporaryError):
        await remade(kind, body)


async def test_what_is_no_list_is_not_passed_on():
    for body in (b"{}", b"[", b"[1]", b"[{}]"):
        with pytest.raises(TemporaryError):
            await remade(Kind.CONTAINERS, body)


def test_a_refusal_of_the_engine_keeps_its_message_and_nothing_else():
    assert refusal(b'{"message":"No such container: x","detail":"y"}') == message("No such container: x")
    assert refusal(b"No such container x\n") == message("No such container x")
    assert len(refusal(b"x" * 100_000)) < 1000


RECIPE = {
    "Image": "web:1",
    "Env": [f"PASSWORD={SECRET}", "INTERLOCK_DATA={}"],
    "Labels": {"secret": SECRET, "interlock.port": "80"},
    "Args": [SECRET],
    "Secrets": [{"SecretName": SECRET}],
    "Mounts": [{"Source": SECRET}],
}
SERVICE = {
    "ID": "s1",
    "Version": {"Index": 7},
    "Spec": {
        "Name": "web",
        "Labels": {"com.docker.lb.hosts": "www.example.com", "secret": SECRET},
        "TaskTemplate": {"ContainerSpec": RECIPE, "LogDriver": {"Options": {"x": SECRET}}},
    },
    "PreviousSpec": {"Labels": {"secret": SECRET}},
    "Endpoint": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}]},
}
TASK = {
    "ID": "t1",
    "ServiceID": "s1",
    "Spec": {"ContainerSpec": RECIPE},
    "Status": {"State": "running", "Err": SECRET, "ContainerStatus": {"ContainerID": "ab", "PID": 4711}},
    "NetworksAttachments": [{"Network": {"ID": "n", "Spec": {"Name": "web", "Labels": {"x": SECRET}}}}],
}
NODE = {
    "ID": "n1",
    "Spec": {"Labels": {"x": SECRET}},
    "Description": {"Hostname": "node-1", "TLSInfo": {"TrustRoot": SECRET}, "Engine": {"Labels": {"x": SECRET}}},
    "Status": {"State": "ready", "Addr": "10.0.0.1", "Message": SECRET},
}


@pytest.mark.parametrize(
    ("one", "many", "document"),
    [
        (Kind.SERVICE, Kind.SERVICES, SERVICE),
        (Kind.TASK, Kind.TASKS, TASK),
        (Kind.NODE, Kind.NODES, NODE),
    ],
    ids=["services", "tasks", "nodes"],
)
async def test_of_a_swarm_nothing_is_told_beyond_what_interlock_reads(one, many, document):
    told = await remade(one, json.dumps(document).encode())
    assert SECRET.encode() not in told
    assert json.loads(told)["ID"] == document["ID"]
    assert await remade(many, json.dumps([document, document]).encode()) == b"[" + told + b"," + told + b"]"


async def test_a_service_keeps_what_asks_for_its_route():
    spec = json.loads(await remade(Kind.SERVICE, json.dumps(SERVICE).encode()))["Spec"]
    assert spec["Labels"] == {"com.docker.lb.hosts": "www.example.com"}
    recipe = spec["TaskTemplate"]["ContainerSpec"]
    assert (recipe["Env"], recipe["Labels"]) == (["INTERLOCK_DATA={}"], {"interlock.port": "80"})
