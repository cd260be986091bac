"""Recorded words of a swarm's managers."""

import pytest

from interlock.engines.containers import Kept
from interlock.engines.swarm.containers import SWARM_LABELS
from interlock.engines.swarm.documents import decode_nodes, decode_services, decode_tasks
from interlock.engines.swarm.join import Snapshot


def by_id(things):
    return {thing.ID: thing for thing in things}


@pytest.fixture
def snapshot(recording):
    """What a manager said: names of recordings -> a snapshot."""

    def read(tasks, services="services_3", nodes="nodes"):
        read_tasks, read_services, read_nodes = (
            decode(recording(f"swarm_mode/{name}.json"))
            for decode, name in ((decode_tasks, tasks), (decode_services, services), (decode_nodes, nodes))
        )
        running = {task.container_id: task for task in read_tasks if task.container_id and task.is_running}
        return Snapshot(by_id(read_services), by_id(read_nodes), running)

    return read


@pytest.fixture
def swarm_kept():
    return Kept(frozenset({"INTERLOCK_DATA"}), ("interlock.", "com.docker.lb.", *SWARM_LABELS))
