"""What managers and nodes say, put together; from recordings."""

import msgspec
import pytest

from interlock.core.events import Changed, Listed, Stopping, Survived, Vanished
from interlock.core.model import Container, ContainerKey, Health, Phase
from interlock.engines.swarm.containers import (
    NODE_LABEL,
    SERVICE_LABEL,
    SERVICE_NAME_LABEL,
    TASK_LABEL,
    TASK_NAME_LABEL,
)
from interlock.engines.swarm.join import Join, Snapshot

LABEL = {"com.docker.lb.backend_mode": "vip"}


class Story:
    """A join, and what was told of it, by the names of containers."""

    def __init__(self, kept):
        self.join = Join(engine="prod", kept=kept)
        self.names = {}

    def __call__(self, events):
        told = []
        for event in events:
            if isinstance(event, Changed):
                self.names[event.container.id] = event.container.name
            word = "Noticed" if isinstance(event, Stopping) and event.is_notice else type(event).__name__
            told.append(f"{word} {self.names[event.container.id if isinstance(event, Changed) else event.key.id]}")
        return told

    def heard(self, event):
        """From a node that is listened to."""
        self.join.listed("node2", [], "connected")
        return self(self.join.heard("node2", event))

    def managed(self, snapshot):
        return self(self.join.managed(snapshot, "task"))

    def known(self):
        (listed,) = [event for event in self.join.everything("asked for") if isinstance(event, Listed)]
        return {container.name: container for container in listed.containers}

    def stopping(self):
        events = self.join.everything("asked for")
        return {self.names[event.key.id]: event.is_notice for event in events if isinstance(event, Stopping)}


@pytest.fixture
def story(swarm_kept):
    return Story(swarm_kept)


def test_what_neither_a_manager_nor_its_node_tells_of_is_unheard(story, snapshot):
    now = snapshot("tasks_5")
    story.managed(now)
    near = of(now, 1)
    story.join.listed("node2", [near], "connected")
    assert story.join.unheard() == set()
    story.join.manager_lost()
    assert story.join.unheard() == now.tasks.keys() - {near.id}
    story.join.voice_lost("node2", "node lost")
    assert story.join.unheard() == now.tasks.keys()
    story.managed(now)
    assert story.join.unheard() == set()


def of(snapshot, slot):
    """The container of the task in a slot, as its own node tells of it."""
    task = next(task for task in snapshot.tasks.values() if task.Slot == slot)
    name = f"web.{slot}.{task.ID}"
    labels = {
        NODE_LABEL: task.NodeID,
        SERVICE_LABEL: task.ServiceID,
        SERVICE_NAME_LABEL: "web",
        TASK_LABEL: task.ID,
        TASK_NAME_LABEL: name,
    }
    return Container(engine="node", id=task.container_id, name=name, labels=labels, started_at="2026-11-24T08:30:41Z")


def without(snapshot, slot):
    """The same before a manager knew of the task in a slot, or after it forgot."""
    tasks = {id_: task for id_, task in snapshot.tasks.items() if task.Slot != slot}
    return Snapshot(snapshot.services, snapshot.nodes, tasks)


def with_task(snapshot, slot, **changes):
    """The same with one task otherwise."""
    tasks = {
        id_: msgspec.structs.replace(task, Version=type(task.Version)(task.Version.Index + 1), **changes)
        if task.Slot == slot
        else task
        for id_, task in snapshot.tasks.items()
    }
    return Snapshot(snapshot.services, snapshot.nodes, tasks)


def test_only_what_is_otherwise_is_told(story, snapshot):
    assert story.managed(snapshot("tasks_2")) == ["Changed web.2.tkh4nm6dgj8w", "Changed web.1.lieukxj4nloc"]
    assert story.managed(snapshot("tasks_2")) == []
    assert len(story.managed(snapshot("tasks_5"))) == 3


def test_a_task_that_is_wanted_no_more_is_noticed_ends_and_goes(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    leaving = with_task(now, 2, DesiredState="shutdown")
    assert story.managed(leaving) == ["Noticed web.2.tkh4nm6dgj8w"]
    portless = with_task(with_task(now, 2), 2, DesiredState="shutdown", Status=None)
    assert story.managed(portless) == [], "its ports are taken away before it ends, and it keeps its address"
    assert story.known()["web.2.tkh4nm6dgj8w"].bindings
    (id_,) = (task.container_id for task in now.tasks.values() if task.Slot == 2)
    assert story(story.join.notice_over(id_)) == ["Stopping web.2.tkh4nm6dgj8w"]
    assert story.managed(without(now, 2)) == ["Vanished web.2.tkh4nm6dgj8w"]
    assert story.join.notice_over(id_) == []


def test_the_tasks_of_a_node_that_is_down_are_no_servers_although_they_are_said_to_run(story, snapshot):
    lost = snapshot("tasks_n2_down_with_tasks", nodes="nodes_n2_down")
    assert len(lost.tasks) == 8
    story.managed(lost)
    nodes = [container.node for container in story.known().values() if container.task]
    assert sorted(nodes) == ["swm-n1"] * 3 + ["swm-n3"] * 3


def test_a_node_that_goes_down_takes_its_tasks_with_it_at_once(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    node = next(node for node in now.nodes.values() if node.name == "swm-n3")
    down = msgspec.structs.replace(
        node, Version=type(node.Version)(9999), Status=msgspec.structs.replace(node.Status, State="down")
    )
    assert story.managed(Snapshot(now.services, now.nodes | {node.ID: down}, now.tasks)) == [
        "Stopping web.1.lieukxj4nloc"
    ]
    assert story.managed(now) == ["Survived web.1.lieukxj4nloc"]


def test_a_service_without_a_task_stands_for_itself_so_that_its_host_is_known(story, snapshot):
    now = snapshot("tasks_2")
    nobody = Snapshot(now.services, now.nodes, {})
    assert story.managed(nobody) == ["Changed web"]
    assert (story.known()["web"].phase, story.known()["web"].labels) == (Phase.CREATED, {"interlock.hostname": "demo"})
    assert "Vanished web" in story.managed(now)
    assert "Changed web" in story.managed(nobody)
    assert story.managed(Snapshot()) == ["Vanished web"]


def test_a_service_with_an_address_of_its_own_is_up_while_a_task_of_it_is(story, snapshot):
    now = snapshot("tasks_2")
    (service,) = now.services.values()
    virtual = msgspec.structs.replace(service, Spec=msgspec.structs.replace(service.Spec, Labels=LABEL))
    services = {service.ID: virtual}
    assert story.managed(Snapshot(services, now.nodes, now.tasks)) == ["Changed web"]
    assert story.known()["web"].phase is Phase.RUNNING
    assert story.managed(Snapshot(services, now.nodes, {})) == ["Changed web"]
    assert story.known()["web"].phase is Phase.CREATED


def test_a_start_that_a_node_tells_of_counts_before_any_manager_knows(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(without(now, 2))
    started = of(now, 2)
    assert story.heard(Changed(started, "start")) == ["Changed web.2.tkh4nm6dgj8w"]
    web = story.known()["web.2.tkh4nm6dgj8w"]
    assert (web.labels["interlock.hostname"], web.engine, web.node) == ("demo", "prod", "swm-n1")
    before = story.known()
    assert story.managed(now) == ["Changed web.2.tkh4nm6dgj8w"], "when it was created is the manager's to tell"
    assert story.known().keys() == before.keys(), "the same task is never two servers"
    assert story.known()["web.2.tkh4nm6dgj8w"].started_at == started.started_at


def test_an_end_that_a_node_tells_of_counts_whatever_a_manager_still_says(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    web = of(now, 2)
    story.join.listed("node2", [web], "connected")
    key = ContainerKey("node2", web.id)
    assert story(story.join.heard("node2", Stopping(key, "kill"))) == ["Stopping web.2.tkh4nm6dgj8w"]
    exited = msgspec.structs.replace(web, phase=Phase.EXITED)
    assert story(story.join.heard("node2", Changed(exited, "die"))) == ["Vanished web.2.tkh4nm6dgj8w"]
    assert story(story.join.heard("node2", Vanished(key, "destroy"))) == []
    assert story.managed(with_task(now, 1)) == []
    assert "web.2.tkh4nm6dgj8w" not in story.known()


def test_a_node_that_is_listened_to_tells_of_the_signal_so_that_a_notice_does_not_run_out(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    web = of(now, 2)
    story.join.listed("node2", [web], "connected")
    assert "Noticed web.2.tkh4nm6dgj8w" in story.managed(with_task(now, 2, DesiredState="shutdown"))
    assert story.join.notice_over(web.id) == []
    assert story(story.join.voice_lost("node2", "lost")) == ["Stopping web.2.tkh4nm6dgj8w"], "now nobody would tell"


def test_health_is_the_nodes_word(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(without(now, 2))
    starting = msgspec.structs.replace(of(now, 2), health=Health.STARTING)
    story.heard(Changed(starting, "start"))
    assert story.known()["web.2.tkh4nm6dgj8w"].health is Health.STARTING


def test_a_task_of_a_service_that_no_manager_has_told_of_yet_waits_for_its_labels(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(Snapshot({}, now.nodes, {}))
    assert story.heard(Changed(of(now, 2), "start")) == []
    assert story.join.awaited == set(now.services)
    assert "Changed web.2.tkh4nm6dgj8w" in story.managed(without(now, 2))
    assert not story.join.awaited


def test_while_no_manager_answers_the_nodes_go_on_telling(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    one, two = of(now, 1), of(now, 2)
    story.join.listed("node1", [one], "connected")
    story.join.listed("node2", [two], "connected")
    story.join.manager_lost()
    assert len(story.known()) == 2
    assert story(story.join.heard("node2", Stopping(ContainerKey("node2", two.id), "kill"))) == [
        "Stopping web.2.tkh4nm6dgj8w"
    ]
    assert story(story.join.heard("node2", Survived(ContainerKey("node2", two.id), "asked"))) == [
        "Survived web.2.tkh4nm6dgj8w"
    ]
    assert story.join.voice_lost("node1", "lost") == [], "what it ran is believed to run on"
    assert len(story.known()) == 2
    assert story.managed(without(now, 1)) == ["Vanished web.1.lieukxj4nloc"]


def test_a_node_that_is_lost_and_back_changes_nothing_that_did_not_change(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    web = of(now, 2)
    story.join.listed("node2", [web], "connected")
    assert story.join.voice_lost("node2", "lost") == []
    assert story.join.listed("node2", [web], "connected") == []
    assert story(story.join.voice_dropped("node2", "gone")) == ["Changed web.2.tkh4nm6dgj8w"]
    assert story.known()["web.2.tkh4nm6dgj8w"].started_at == web.started_at, "it is the same run"


def test_two_nodes_that_tell_of_one_container_make_one(story, snapshot):
    now = snapshot("tasks_2")
    story.managed(now)
    story.join.listed("agent", [of(now, 2)], "connected")
    assert story.join.listed("socket", [of(now, 2)], "connected") == []
    assert len(story.known()) == 2


def test_a_container_of_no_service_is_its_nodes_alone(story):
    story.managed(Snapshot())
    alone = Container(engine="node2", id="c" * 64, name="alone")
    assert story(story.join.listed("node2", [alone], "connected")) == ["Changed alone"]
    assert story.join.voice_lost("node2", "lost") == []
    assert story(story.join.listed("node2", [], "connected")) == ["Vanished alone"]
