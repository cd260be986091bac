"""The walk-through of the original on its own ground: Compose speaks to a manager of classic Swarm with two nodes."""

import pytest

from testbed import compose, images
from testbed.classic_swarm import ClassicSwarm
from testbed.native import ThisMachine
from testbed.ports import free_port
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
SECONDS = 60


class Scene:
    """The swarm, its application, and Interlock, which knows the manager only."""

    def __init__(self, swarm, application, interlock):
        self.swarm, self.application, self.interlock = swarm, application, interlock
        self.site = interlock.site(HOST)

    def keys(self, *filters):
        words = [word for each in ("label=com.docker.compose.service=web", *filters) for word in ("--filter", each)]
        return {key[:12] for key in self.swarm.docker("ps", "--no-trunc", "--quiet", *words).split()}

    def serves(self, *keys):
        expected = set(keys) or self.keys()
        wait_for(
            lambda: set(self.site.ask(3 * len(expected)).servers) == expected,
            f"{expected} behind {HOST}; log of Interlock:\n{self.interlock.log[-6000:]}",
            seconds=SECONDS,
        )


@pytest.fixture
def scene(pair, interlock_native, tmp_path):
    with ClassicSwarm(pair, free_port(), tmp_path) as swarm:
        interlock = interlock_native(ThisMachine(), url=swarm.url, HAPROXY_PORT=str(free_port()))
        web = {"image": images.WEB, "environment": [DEMO], "ports": ["5000"]}
        if compose.generation() > 1:
            web["network_mode"] = "bridge"  # a network of the project's own would be of one node only
        application = compose.Compose(swarm, compose.write_file(tmp_path, {"web": web}), project="walk")
        application.up()
        scene = Scene(swarm, application, interlock)
        scene.serves()
        yield scene


def test_five_on_two_nodes_share_the_load_under_their_own_names(scene):
    assert "classic Swarm 1.2.9" in scene.interlock.log
    with scene.site.visitors() as visitors:
        scene.application.scale("web", 5)
        scene.serves()
    assert visitors.tally.is_clean, visitors.tally
    servers = scene.interlock.servers("demo_interlock_com")
    assert len(servers) == 5
    assert not [name for name in servers if "node" in name or "/" in name]
    images_told = rf"event: date=\d+ type=start image={images.WEB} node:node-\d container="
    assert scene.interlock.wait_for(images_told)


def test_a_stop_is_not_noticed_a_kill_hardly_and_a_restart_is_found_again(scene):
    scene.application.scale("web", 4)
    scene.serves()
    one, two = sorted(scene.keys())[:2]
    with scene.site.visitors() as visitors:
        scene.swarm.docker("stop", "--time", "5", one)
        scene.serves()
    assert visitors.tally.is_clean, visitors.tally
    scene.swarm.docker("kill", two)
    scene.serves()
    scene.application("restart", "-t", "1", "web")
    scene.serves()
    scene.application.scale("web", 1)
    scene.serves()
    assert len(scene.keys()) == 1


def test_the_empty_list_of_a_manager_that_has_just_started_costs_nobody_a_request(scene):
    scene.application.scale("web", 4)
    scene.serves()
    everybody = scene.keys()
    with scene.site.visitors() as visitors:
        scene.swarm.restart()
        assert scene.keys() == set()
        wait_for(lambda: scene.keys() == everybody, "the manager to know its nodes", seconds=SECONDS)
        scene.application.scale("web", 5)
        scene.serves()
        assert len(scene.keys()) == 5
    assert visitors.tally.is_clean, visitors.tally


def test_a_node_that_the_manager_lost_is_out_until_it_is_back(scene):
    scene.application.scale("web", 4)
    scene.serves()
    everybody = scene.keys()
    with scene.site.visitors() as visitors:
        scene.swarm.set_health("node-2", is_healthy=False)
        near = scene.keys()
        assert len(near) == 2
        scene.serves(*near)
        scene.swarm.set_health("node-2", is_healthy=True)
        scene.serves(*everybody)
    assert visitors.tally.is_clean, visitors.tally
