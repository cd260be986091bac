"""Two engines side by side behind one Interlock: one backend for one host, whichever engine a container runs on."""

import pytest

from testbed import compose, images
from testbed.dockerd import PUBLIC_API_PORT
from testbed.native import PROGRAM, ThisMachine
from testbed.ports import free_port
from testbed.programs import run
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DEMO = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
KEEP_LOST = 3


@pytest.fixture
def interlock(pair, interlock_native):
    urls = [f"node{number}=tcp://{engine.address}:{PUBLIC_API_PORT}" for number, engine in enumerate(pair, 1)]
    return interlock_native(
        ThisMachine(),
        url=urls[0],
        options=("--swarm-url", urls[1]),
        HAPROXY_PORT=str(free_port()),
        INTERLOCK_KEEP_LOST=str(KEEP_LOST),
    )


def start(engine, name):
    return engine.docker(
        "run", "--detach", "--restart=always", "--name", name, "--publish", "5000", "--env", DEMO, images.WEB
    )[:12]


def served(interlock, *containers, seconds=20.0):
    site = interlock.site(HOST)
    wait_for(
        lambda: set(site.ask(3 * len(containers)).servers) == set(containers),
        f"{containers} behind {HOST}; log of Interlock:\n{interlock.log[-6000:]}",
        seconds=seconds,
    )


def test_containers_of_both_share_the_load_and_come_and_go_unnoticed(pair, interlock):
    first, second = pair
    here, there = start(first, "web_1"), start(second, "web_1")
    served(interlock, here, there)
    assert set(interlock.servers("demo_interlock_com")) >= {"node1.web_1", "node2.web_1"}
    with interlock.site(HOST).visitors() as visitors:
        more = [start(engine, f"web_{number}") for number in (2, 3) for engine in pair]
        served(interlock, here, there, *more)
        for engine in pair:
            engine.docker("stop", "--time", "5", "web_1", "web_2")
        served(interlock, *more[2:])
    assert visitors.tally.is_clean, visitors.tally


def test_an_engine_out_of_reach_serves_on_for_a_while_and_then_only_where_nobody_else_does(pair, interlock):
    first, second = pair
    here, there = start(first, "web_1"), start(second, "web_1")
    only = second.docker(
        "run", "--detach", "--restart=always", "--publish", "5000", "--env", DEMO.replace("demo", "only"), images.WEB
    )[:12]
    served(interlock, here, there)
    with interlock.site(HOST).visitors() as visitors:
        second.kill()
        interlock.wait_for("engine node2 is lost")
        assert "engine node2 has been lost" not in interlock.log
        served(interlock, here, there, seconds=KEEP_LOST)
        interlock.wait_for("engine node2 has been lost for 3 s")
        served(interlock, here)
    assert visitors.tally.is_clean, visitors.tally
    assert interlock.site("only.interlock.com").get().server == only
    assert "node2" in run([PROGRAM, "--run-dir", interlock.folder / "run", "status"])
    second.start()
    served(interlock, here, there, seconds=40)


def test_the_walk_through_goes_on_two_engines_at_once(pair, interlock, tmp_path):
    file = compose.write_file(tmp_path, {"web": {"image": images.WEB, "environment": [DEMO], "ports": ["5000"]}})
    first, second = (compose.Compose(engine, file, project="walk") for engine in pair)

    def everybody():
        return [key[:12] for application in (first, second) for key in application.containers("web").values()]

    for application in (first, second):
        application.up()
    served(interlock, *everybody())
    with interlock.site(HOST).visitors() as visitors:
        first.scale("web", 5)
        served(interlock, *everybody())
        assert len(everybody()) == 6
        second.scale("web", 2)
        first.scale("web", 1)
        served(interlock, *everybody())
    statuses = visitors.tally.statuses
    # Four of five stop at once: HAProxy's retries can run out before it has been told, though hardly ever.
    assert statuses.total() - statuses[200] <= 4, visitors.tally
    first("restart", "-t", "1", "web")
    served(interlock, *everybody())
    pair[1].docker("kill", *second.containers("web").values())
    served(interlock, *(key[:12] for key in first.containers("web").values()))
