"""Tasks and services as containers."""

import msgspec
import pytest

from interlock.core.model import Attachment, Binding, Phase, Port
from interlock.engines.containers import inspected_container
from interlock.engines.documents import decode_inspected
from interlock.engines.swarm.containers import (
    is_virtual,
    joined_container,
    networks_of,
    service_container,
    task_container,
)
from interlock.engines.swarm.documents import Service, decode_services, decode_tasks

STARTED = "2026-11-24T08:30:42.783781608Z"


def labelled(service, **labels):
    spec = msgspec.structs.replace(
        service.Spec, Labels={name.replace("__", "."): text for name, text in labels.items()}
    )
    return msgspec.structs.replace(service, Spec=spec)


@pytest.fixture
def contained(snapshot, swarm_kept):
    """The first task of the recorded service; other labels of the service may be given."""

    def make(tasks="tasks_2", services="services_3", **labels):
        seen = snapshot(tasks, services)
        task = min(seen.tasks.values(), key=lambda one: one.Slot or 0)
        service = seen.services.get(task.ServiceID)
        service = labelled(service, **labels) if labels else service
        node = seen.nodes.get(task.NodeID)
        return task_container(task, service, node, started_at=STARTED, engine="prod", kept=swarm_kept)

    return make


def test_a_task_has_all_that_routing_needs(contained):
    web = contained()
    assert (web.name, web.service, web.task) == ("web.1.lieukxj4nloc", "web", "lieukxj4nlocapz7lnt6cczbh")
    assert web.id.startswith("b570de277c59")
    assert (web.engine, web.node, web.node_address) == ("prod", "swm-n3", "10.96.0.13")
    assert (web.image, web.stop_timeout, web.phase, web.started_at) == ("testbed/web:1", 2, Phase.RUNNING, STARTED)
    assert web.labels == {"interlock.hostname": "demo"}
    assert web.environment == {"INTERLOCK_DATA": '{"hostname":"demo","domain":"interlock.com"}'}
    assert web.created == "2026-11-24T08:30:40.575557896Z"


def test_the_port_that_engine_20_tells_twice_is_one(contained):
    web = contained()
    assert web.bindings == (Binding(5000, "tcp", "", 32768),)
    assert web.exposed == (Port(5000),)
    assert web.attachments == (Attachment("appnet", "kcodceey753c9zaalyy97wwmc", "10.0.1.2"),)


def test_labels_of_the_service_come_first_then_those_of_the_container(contained):
    web = contained(interlock__hostname="www", interlock__domain="example.com")
    assert web.labels == {"interlock.hostname": "www", "interlock.domain": "example.com"}


def test_a_task_of_a_global_service_has_its_nodes_name(snapshot, swarm_kept):
    seen = snapshot("tasks_global")
    task = next(task for task in seen.tasks.values() if task.Slot is None)
    service = Service(task.ServiceID)
    web = task_container(task, service, seen.nodes[task.NodeID], started_at="", engine="prod", kept=swarm_kept)
    assert web.name == f"{task.ServiceID}.{web.node}.{task.ID[:12]}"
    unknown = task_container(task, service, None, started_at="", engine="prod", kept=swarm_kept)
    assert (unknown.name, unknown.node_address) == (f"{task.ServiceID}.{task.NodeID[:12]}.{task.ID[:12]}", "")


def test_a_port_of_the_whole_swarm_is_one_of_the_tasks_node(recording, snapshot, swarm_kept):
    service = decode_services(b"[" + recording("swarm_mode/vip_service.json") + b"]")[0]
    task = decode_tasks(recording("swarm_mode/vip_tasks.json"))[0]
    node = snapshot("tasks_2").nodes[task.NodeID]
    web = task_container(task, service, node, started_at="", engine="prod", kept=swarm_kept)
    assert (web.bindings, web.node_address) == ((Binding(5000, "tcp", "", 8088),), node.address)


def test_a_service_with_an_address_of_its_own_is_one_container(recording, swarm_kept):
    service = decode_services(b"[" + recording("swarm_mode/vip_service.json") + b"]")[0]
    assert not is_virtual(service)
    service = labelled(service, com__docker__lb__backend_mode="vip")
    assert is_virtual(service)
    networks = networks_of(decode_tasks(recording("swarm_mode/vip_tasks.json")))
    up = service_container(service, networks, is_up=True, engine="prod", kept=swarm_kept)
    assert (up.id, up.name, up.service, up.phase) == (service.ID, "vip", "vip", Phase.RUNNING)
    assert up.attachments == (Attachment("ingress", "ifkhttl6bu2wjkqn8f7f731bj", "10.0.0.5"),)
    assert service_container(service, networks, is_up=False, engine="prod", kept=swarm_kept).phase is Phase.CREATED


def test_a_node_and_a_manager_tell_of_the_same_container(recording, snapshot, swarm_kept):
    document = decode_inspected(recording("swarm_mode/inspect_task_container_n2.json"))
    heard = inspected_container(document, engine="node2", kept=swarm_kept)
    seen = snapshot("tasks_2")
    node = seen.nodes["m3ui42ak6qr2hhdrlwtvhfeum"]
    web = joined_container(heard, None, seen.services["v6hgb7yy13qbuqou3sv587bhi"], node, swarm_kept)
    assert (web.name, web.service, web.task) == ("web.3.dps0nw43nqzw", "web", "dps0nw43nqzwk8xbwp3hfnq73")
    assert (web.node, web.node_address) == ("swm-n2", "10.96.0.12")
    assert web.attachments[0].network_id == "kcodceey753c9zaalyy97wwmc"
    assert web.labels["interlock.hostname"] == "demo"


def test_a_container_of_no_service_only_gets_its_nodes_address(recording, snapshot, swarm_kept):
    heard = inspected_container(
        decode_inspected(recording("engine/inspect_two_networks.json")), engine="node2", kept=swarm_kept
    )
    alone = joined_container(heard, None, None, snapshot("tasks_2").nodes["m3ui42ak6qr2hhdrlwtvhfeum"], swarm_kept)
    assert alone == msgspec.structs.replace(heard, node="swm-n2", node_address="10.96.0.12")
