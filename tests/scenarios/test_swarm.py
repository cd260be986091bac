"""A swarm of three nodes, a manager and two workers, each a real engine with a network of its own.

Interlock runs on none of them, asks the manager, and reaches tasks at the ports that they publish on their nodes.
"""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed import engine_api, images
from testbed.load import Load
from testbed.native import NativeInterlock, ThisMachine
from testbed.ports import free_port
from testbed.programs import ProgramError
from testbed.swarm import PREFIX, Swarm, clear_debris
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
LABELS = ("interlock.hostname=demo", "interlock.domain=interlock.com")
OUTAGE = float(os.environ.get("INTERLOCK_TEST_OUTAGE", "10"))
"""Seconds for which the only manager is away."""
SETTLE = 0.5
"""Seconds of load before and after."""
SECONDS = 90.0
SAMPLES = int(os.environ.get("INTERLOCK_TEST_SAMPLES", "2"))
"""Starts whose way to the first answer is timed."""
QUICK = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.create_server(("", 5000))
since = time.time()
while True:
    connection, _ = listener.accept()
    try:
        if connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nX-Listens-Since: %f\\r\\n\\r\\n" % since)
    except OSError:
        pass
    connection.close()
"""
"""An application that listens some ms after its start."""


class Stage:
    """A service `web` on a swarm, and Interlocks that watch it."""

    def __init__(self, swarm, interlocks, tell):
        self.swarm, self.interlocks, self.tell = swarm, interlocks, tell
        self.docker = swarm.manager.docker

    def create(self, replicas, *options, command=()):
        words = [word for label in LABELS for word in ("--label", label)]
        words += ["--endpoint-mode", "dnsrr", "--publish", "mode=host,target=5000"]
        words += ["--replicas", str(replicas), "--no-resolve-image", "--detach"]
        self.docker("service", "create", "--name", "web", *words, *options, images.WEB, *command)

    def serve(self, replicas, *options):
        """Create the service; who answers in the end."""
        self.create(replicas, *options)
        return self.served(replicas)

    def first_answer(self):
        """Scale an application on the workers from none to one; seconds from its start, and from its listening."""
        since = f"{time.time():f}"
        site = self.interlocks[0].site(HOST)
        self.docker("service", "scale", "--detach", "web=1")
        answer = wait_for(lambda: (got := site.get()).status == 200 and got, "an answer", seconds=SECONDS)
        window = ("--since", since, "--until", f"{time.time():f}")
        chosen = ("--filter", "event=start", "--filter", "type=container", "--format", "{{.TimeNano}}")
        (started,) = [
            int(line) for node in self.swarm.workers for line in node.docker("events", *window, *chosen).split()
        ]
        self.docker("service", "scale", "--detach", "web=0")
        wait_for(lambda: site.get().status != 200, "no answer", seconds=SECONDS)
        return answer.ended - started / 1e9, answer.ended - float(answer.headers["x-listens-since"])

    def scale(self, replicas):
        self.docker("service", "scale", "--detach", f"web={replicas}")
        return self.served(replicas)

    def served(self, replicas):
        """Until so many tasks run, and they, and nobody else, answer through every Interlock."""
        running = self.swarm.wait_for_running("web", replicas)
        for interlock in self.interlocks:
            await_answers(interlock, running)
        return running

    @contextlib.contextmanager
    def load(self, what):
        """Load during the block, on the last Interlock; the account is looked at by the caller."""
        with Load(ThisMachine.address, self.interlocks[-1].port, HOST) as load:
            time.sleep(SETTLE)
            yield load
            time.sleep(SETTLE)
        self.tell(f"swarm, {what}: {load.account}")
        assert load.account.requests


@pytest.fixture(scope="module")
def nodes():
    with Swarm() as swarm:
        swarm.bring_images()
        yield swarm


@pytest.fixture
def swarm(nodes):
    """Without what the test before has left."""
    nodes.remove_everything()
    return nodes


def await_answers(interlock, running):
    """Until these, and nobody else, answer through it."""
    site = interlock.site(HOST)
    wait_for(
        lambda: set(site.ask(3 * len(running)).servers) == set(running),
        f"{running} behind {HOST}; log of Interlock:\n{interlock.log[-6000:]}",
        seconds=SECONDS,
    )


@contextlib.contextmanager
def interlock_running(swarm, *options):
    """One that must run to the end of the block, and end well."""
    interlock = NativeInterlock(
        ThisMachine(),
        url=swarm.manager.api_url,
        options=("--swarm-mode", *options),
        HAPROXY_PORT=str(free_port()),
    )
    try:
        interlock.start()
        interlock.wait_until_ready()
        yield interlock
    finally:
        complaint = interlock.end_well()
    assert not complaint, f"{complaint}; its log:\n{interlock.last_log}"


@pytest.fixture
def stage(swarm, tell, request):
    """One Interlock, unless a test asks for more."""
    with contextlib.ExitStack() as stack:
        count = getattr(request, "param", 1)
        yield Stage(swarm, [stack.enter_context(interlock_running(swarm)) for _ in range(count)], tell)


def test_tasks_run_on_every_node_and_answer_at_the_addresses_that_the_manager_tells(stage):
    running = stage.serve(3)
    assert set(running.values()) == {"manager1", "worker1", "worker2"}
    addresses = {node["ID"]: node["Status"]["Addr"] for node in stage.swarm.manager.api("/nodes")}
    for task in stage.swarm.tasks("web"):
        port = task["Status"]["PortStatus"]["Ports"][0]["PublishedPort"]
        answer = Site(addresses[task["NodeID"]], port, HOST).get()
        assert answer.server == task["Status"]["ContainerStatus"]["ContainerID"][:12]


def test_scaling_from_two_to_nine_and_back_loses_no_request(stage):
    stage.serve(2)
    with stage.load("2 x 2 -> 9 -> 2") as load:
        for replicas in (9, 2, 9, 2):
            stage.scale(replicas)
    assert load.account.failures() == []


def test_a_rolling_update_loses_no_request(stage):
    before = stage.serve(4)
    with stage.load("rolling update of 4") as load:
        options = ("--update-order", "start-first", "--update-parallelism", "2", "--env-add", "ROUND=2")
        stage.docker("service", "update", "--detach", *options, "web")
        wait_for(lambda: not before.keys() & stage.swarm.running("web").keys(), "four other tasks", seconds=SECONDS)
        stage.served(4)
    assert load.account.failures() == []


def test_draining_a_node_loses_no_request(stage):
    stage.serve(4)
    leaving = stage.swarm.workers[1].hostname
    with contextlib.ExitStack() as afterwards, stage.load("a node is drained") as load:
        afterwards.callback(stage.docker, "node", "update", "--availability", "active", leaving)
        stage.docker("node", "update", "--availability", "drain", leaving)
        wait_for(lambda: leaving not in stage.swarm.running("web").values(), "an empty node", seconds=SECONDS)
        stage.served(4)
    assert load.account.failures() == []


def test_a_node_that_is_lost_is_no_longer_asked_and_comes_back(stage):
    """What was in its hands is lost, and told of; nothing is later on."""
    stage.serve(4)
    lost = stage.swarm.workers[1]
    with contextlib.ExitStack() as afterwards:
        with stage.load("a node's cable is pulled"):
            afterwards.callback(lost.mend)
            lost.cut()
            wait_for(lambda: stage.swarm.states()[lost.hostname] == "down", "a node that is down", seconds=SECONDS)
            assert lost.hostname not in stage.served(4).values()
        with stage.load("a node is away") as load:
            assert stage.interlocks[0].site(HOST).ask(20).is_clean
        assert load.account.failures() == []
    wait_for(lambda: stage.swarm.states()[lost.hostname] == "ready", "the node to be back", seconds=SECONDS)
    with stage.load("a node is back") as load:
        stage.scale(6)
    assert load.account.failures() == []


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_the_only_manager_is_away_for_a_while_and_two_interlocks_serve_on_and_agree_afterwards(stage):
    before = stage.serve(4, "--constraint", "node.role==worker")
    with stage.load(f"the manager is away for {OUTAGE:g} s") as load:
        stage.swarm.manager.kill()
        time.sleep(OUTAGE)
        for interlock in stage.interlocks:
            await_answers(interlock, before)
        stage.swarm.manager.start()
        wait_for(lambda: set(stage.swarm.states().values()) == {"ready"}, "all nodes to be ready", seconds=SECONDS)
        stage.scale(6)
    assert load.account.failures() == []
    wait_for(lambda: len({routes_of(interlock) for interlock in stage.interlocks}) == 1, "one table", seconds=SECONDS)
    assert routes_of(stage.interlocks[0]).count('"state": "ready"') == 6


@pytest.mark.parametrize("listens_to_nodes", [False, True])
def test_a_task_that_starts_on_a_worker_answers(swarm, tell, listens_to_nodes):
    """How fast is told, not asserted: what is measured is the machine, too."""
    urls = [node.api_url for node in swarm.workers] if listens_to_nodes else []
    with interlock_running(swarm, *(word for url in urls for word in ("--swarm-node", url))) as interlock:
        stage = Stage(swarm, [interlock], tell)
        stage.create(0, "--constraint", "node.role==worker", command=("python3", "-S", "-c", QUICK))
        times = [stage.first_answer() for _ in range(SAMPLES)]
    what = "its node is listened to" if listens_to_nodes else "only the manager is asked"
    for since, seconds in zip(("start", "listening"), zip(*times, strict=True), strict=True):
        median, most = (f"{value * 1000:.0f} ms" for value in (statistics.median(seconds), max(seconds)))
        tell(f"swarm, {what}: {since} on a worker -> first 200: median {median}, at most {most}, of {SAMPLES}")


def routes_of(interlock):
    """The route table that a running Interlock tells, as text."""
    return json.dumps(engine_api.ask(interlock.folder / "run" / "interlock.sock", "GET", "/v1/routes"))


def test_of_a_swarm_whose_program_is_killed_nothing_is_left():
    program = (
        f"import sys, time; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from testbed.swarm import Swarm\n"
        "with Swarm(workers=0) as swarm:\n"
        "    print(swarm.manager.root, swarm.manager.address, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as killed:
        root, address = killed.stdout.readline().split()
        os.kill(killed.pid, signal.SIGKILL)
    assert Path(root).exists()
    wait_for(lambda: not is_connected(address), "the end of its networks", seconds=SECONDS)
    clear_debris()
    assert not Path(root).parent.exists()
    assert Path(root).parent.name.startswith(PREFIX)
    assert not list(Path("/sys/fs/cgroup").rglob(f"*-{killed.pid}-{Path(root).name}"))


def is_connected(address):
    """Whether this machine has an address in that network."""
    interfaces = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    return f"{address.rpartition('.')[0]}." in interfaces


def test_the_leader_of_three_managers_is_lost_and_another_one_is_asked(swarm, tell):
    """The last test: two workers become managers."""
    swarm.manager.docker("node", "promote", *(node.hostname for node in swarm.workers))
    others = [word for node in swarm.workers for word in ("--swarm-node", node.api_url)]
    with interlock_running(swarm, *others) as interlock:
        stage = Stage(swarm, [interlock], tell)
        stage.serve(4, "--constraint", "node.hostname!=manager1")
        with stage.load("the leader is lost") as load:
            swarm.manager.kill()
            other = wait_for(lambda: led_by(swarm, swarm.workers), "another leader", seconds=SECONDS)
            wait_for(lambda: scaled(other, "web=6"), "a leader that takes orders", seconds=SECONDS)
            running = swarm.wait_for_running("web", 6, asked=other)
            await_answers(interlock, running)
            swarm.manager.start()
            wait_for(lambda: set(swarm.states(asked=other).values()) == {"ready"}, "all nodes", seconds=SECONDS)
            await_answers(interlock, swarm.wait_for_running("web", 6, asked=other))
    assert load.account.failures() == []


def scaled(node, what):
    """Whether it took the order; one that has just become leader may not yet."""
    try:
        node.docker("service", "scale", "--detach", what)
    except ProgramError:
        return False
    return True


def led_by(swarm, nodes):
    """Which of these leads, as it says itself; None while nobody does."""
    return next((node for node in nodes if swarm.leader(asked=node) is node), None)
