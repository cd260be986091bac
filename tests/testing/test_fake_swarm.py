"""The fake swarm answers as recorded managers do."""

from interlock.testing import FakeSwarm


def test_what_shall_not_run_is_only_told_to_who_asks_for_it():
    swarm = FakeSwarm()
    service = swarm.serve("web")
    goes, stays = swarm.start(service), swarm.start(service)
    swarm.retire(goes)
    assert [task["ID"] for task in swarm.answer("/tasks", '{"desired-state":["running"]}')] == [stays]
    assert [task["Status"]["State"] for task in swarm.answer("/tasks", f'{{"id":["{goes}"]}}')] == ["running"]
    swarm.end(goes)
    assert [task["Status"]["State"] for task in swarm.answer("/tasks", "")] == ["shutdown", "running"]
    assert swarm.answer("/containers/json", "") is None


def test_every_change_has_a_higher_version():
    swarm = FakeSwarm("a", "b")
    before = {node["ID"]: node["Version"]["Index"] for node in swarm.answer("/nodes", "")}
    swarm.set_node("a", "down")
    after = {node["ID"]: node["Version"]["Index"] for node in swarm.answer("/nodes", "")}
    assert (after["a"] > before["b"], after["b"]) == (True, before["b"])


def test_managers_are_told_of_services_and_nodes_and_never_of_tasks():
    swarm, told = FakeSwarm(), []
    swarm.tell.append(lambda *event: told.append(event))
    service = swarm.serve("web")
    swarm.end(swarm.start(service))
    swarm.set_node("node-1", "down")
    assert told == [("service", "create", service), ("node", "update", "node-1")]
