"""A swarm's documents as recorded."""

import msgspec
import pytest

from interlock.core.problems import TemporaryError
from interlock.engines.swarm.documents import Node, decode_nodes, decode_services, decode_tasks


def test_only_what_runs_and_shall_run_counts(recording):
    tasks = decode_tasks(recording("swarm_mode/tasks_drained.json"))
    assert len(tasks) == 13, "with the history"
    assert sorted(task.Slot for task in tasks if task.is_running and task.is_wanted) == [1, 2, 3, 4]
    leaving = [task for task in decode_tasks(recording("swarm_mode/tasks_during_update.json")) if not task.is_wanted]
    assert [(task.ID[:8], task.is_running) for task in leaving] == [("lieukxj4", True), ("p3f36vik", False)]


def test_a_lost_node_keeps_saying_that_its_tasks_run(recording):
    lost = {node.ID for node in decode_nodes(recording("swarm_mode/nodes_n2_down.json")) if node.is_lost}
    tasks = decode_tasks(recording("swarm_mode/tasks_n2_down_with_tasks.json"))
    assert {(task.is_running, task.is_wanted) for task in tasks if task.NodeID in lost} == {(True, False)}


@pytest.mark.parametrize(
    ("status", "manager", "expected"),
    [
        ({"Addr": "10.0.0.5"}, None, "10.0.0.5"),
        ({"Addr": "0.0.0.0"}, {"Addr": "10.0.0.5:2377"}, "10.0.0.5"),
        ({"Addr": "0.0.0.0"}, {"Addr": "[fd00::5]:2377"}, "fd00::5"),
        ({"Addr": "0.0.0.0"}, None, ""),
        (None, None, ""),
    ],
)
def test_where_a_node_is(status, manager, expected):
    assert msgspec.convert({"ID": "n", "Status": status, "ManagerStatus": manager}, Node).address == expected


@pytest.mark.parametrize("state", ["down", "disconnected", "ready", "unknown"])
def test_a_node_is_kept_while_nobody_knows_better(state):
    assert msgspec.convert({"ID": "n", "Status": {"State": state}}, Node).is_lost == (state in {"down", "disconnected"})


def test_what_is_no_list_is_told_in_one_sentence(recording):
    for decode in (decode_tasks, decode_services, decode_nodes):
        with pytest.raises(TemporaryError, match="no list of"):
            decode(recording("swarm_mode/worker_tasks_error.json"))
