"""A swarm of three nodes, a manager and two workers, each a real engine with a network of its own.

Interlock runs on none of them, asks the manager, and reaches tasks at the ports that they publish on their nodes.
"""

import contextlib
import http.client
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed import engine_api, images
from testbed.agent import AgentKeys, NativeAgent
from testbed.load import Load
from testbed.native import NativeInterlock, ThisMachine
from testbed.ports import free_port
from testbed.preference import prefer_what_we_started
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
IS_PREFERRED = os.environ.get("INTERLOCK_TEST_PREFERRED") == "1"
"""Whether these have precedence over all else on this machine."""
QUICK = r"""
socket(LISTENER, AF_INET, SOCK_STREAM, 0) && bind(LISTENER, sockaddr_in(5000, INADDR_ANY)) or die;
listen(LISTENER, 128);
$SIG{TERM} = sub { exit };
while (accept(CLIENT, LISTENER)) {
    sysread(CLIENT, $request, 65536) && syswrite(CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    close(CLIENT);
}
"""
"""An application in Perl, which is in every Debian: it listens some 5 ms after its start, where Python takes 50."""


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
        """Scale an application on the workers from none to one; seconds from its start to the first answer."""
        if IS_PREFERRED:
            prefer_what_we_started(node.cgroup for node in self.swarm.nodes)
        since, site = f"{time.time():f}", self.interlocks[0].site(HOST)
        with site.visitors() as visitors:
            self.docker("service", "scale", "--detach", "web=1")
            answer = wait_for(lambda: first_good(visitors.tally), "an answer", seconds=SECONDS)
        window = ("--since", since, "--until", f"{time.time():f}")
        chosen = ("--filter", "event=start", "--filter", "type=container", "--format", "{{.TimeNano}}")
        (started,) = [
            int(line) for node in self.swarm.workers for line in node.docker("events", *window, *chosen).split()
        ]
        self.docker("service", "scale", "--detach", "web=0")
        wait_for(lambda: site.get().status != http.client.OK, "no answer", seconds=SECONDS)
        return answer.ended - started / 1e9

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
    await_answers_of(interlock, lambda: running, len(running))


def await_whatever_runs(interlock, swarm, count, *, asked):
    """Until so many tasks run, and these, and nobody else, answer: a new leader may put tasks elsewhere for a while."""
    await_answers_of(interlock, lambda: swarm.running("web", asked=asked), count)


def await_answers_of(interlock, running, count):
    """Until so many are `running()`, and these, and nobody else, answer; at the end the log tells what it did."""
    site = interlock.site(HOST)
    seen = []

    def look():
        with contextlib.suppress(ProgramError):  # who is asked may lose its leadership again
            seen[:] = set(running()), set(site.ask(3 * count).servers)
            return len(seen[0]) == count and seen[0] == seen[1]

    try:
        wait_for(look, f"{count} tasks behind {HOST}", seconds=SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"{error}; running, answering: {seen}; log:\n{interlock.log[-6000:]}") from error


def first_good(tally):
    """The first answer that is 200; None while there is none."""
    return next((answer for answer in tally.answers if answer.status == http.client.OK), None)


@contextlib.contextmanager
def interlock_running(swarm, *options, url=""):
    """One that must run to the end of the block, and end well; it asks the first manager, unless it is told whom."""
    interlock = NativeInterlock(
        ThisMachine(),
        url=url or swarm.manager.api_url,
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


@contextlib.contextmanager
def interlock_by_agents(swarm):
    """One that hears of the swarm from the agents on its nodes, and from nobody else."""
    with contextlib.ExitStack() as stack:
        keys = stack.enter_context(AgentKeys(*(node.address for node in swarm.nodes)))
        agents = [stack.enter_context(NativeAgent(node, keys, address=node.address)) for node in swarm.nodes]
        others = [word for agent in agents[1:] for word in ("--swarm-node", agent.url)]
        yield stack.enter_context(interlock_running(swarm, *keys.options, *others, url=agents[0].url))


@pytest.mark.parametrize("running", [interlock_running, interlock_by_agents], ids=["manager only", "agents"])
def test_a_task_that_starts_on_a_worker_answers(swarm, tell, running, request):
    """How fast is told, not asserted: what is measured is the machine, too."""
    with running(swarm) as interlock:
        stage = Stage(swarm, [interlock], tell)
        stage.create(0, "--constraint", "node.role==worker", command=("perl", "-MSocket", "-e", QUICK))
        wait_for(lambda: interlock.site(HOST).get().status == http.client.SERVICE_UNAVAILABLE, "503", seconds=SECONDS)
        seconds = sorted(stage.first_answer() for _ in range(SAMPLES))
    times = (statistics.median(seconds), seconds[math.ceil(0.95 * SAMPLES) - 1], seconds[-1])
    told = "/".join(f"{value * 1000:.0f}" for value in times)
    tell(
        f"swarm, {request.node.callspec.id}: start on a worker -> first 200, p50/p95/most of {SAMPLES}: {told} ms; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def test_an_interlock_on_a_node_reaches_tasks_there_as_well_as_elsewhere(swarm, tell):
    """At the ports that they publish on its own node, too: no address of its bridges is needed."""
    interlock = NativeInterlock(swarm.manager, url=swarm.manager.url, options=("--swarm-mode",))
    try:
        interlock.start()
        interlock.wait_until_ready()
        stage = Stage(swarm, [interlock], tell)
        assert set(stage.serve(3).values()) == {"manager1", "worker1", "worker2"}
        with Load(swarm.manager.address, interlock.port, HOST) as load:
            stage.scale(6)
            stage.scale(3)
    finally:
        complaint = interlock.end_well()
    assert not complaint, f"{complaint}; its log:\n{interlock.last_log}"
    assert load.account.failures() == []
    assert load.account.stalls == []


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
            scale_with_ports(swarm, 4, 6, asked=other)
            await_whatever_runs(interlock, swarm, 6, asked=other)
            swarm.manager.start()
            wait_for(lambda: set(swarm.states(asked=other).values()) == {"ready"}, "all nodes", seconds=SECONDS)
            await_whatever_runs(interlock, swarm, 6, asked=other)
    assert load.account.failures() == []


def scaled(node, what):
    """Whether it took the order; one that has just become leader may not yet."""
    try:
        node.docker("service", "scale", "--detach", what)
    except ProgramError:
        return False
    return True


def scale_with_ports(swarm, before, count, *, asked):
    """Scale the service until every task has its published port.

    Engine 20.10 may start what is asked for just after a change of leader without it: `docker service ps` shows none.
    """
    for _ in range(5):
        wait_for(lambda: scaled(asked, f"web={count}"), "a leader that takes orders", seconds=SECONDS)
        swarm.wait_for_running("web", count, asked=asked)
        found = wait_for(lambda: swarm.tasks("web", asked=asked), "the tasks", seconds=SECONDS)
        tasks = [task for task in found if task["DesiredState"] == "running"]
        if all(task["Status"].get("PortStatus", {}).get("Ports") for task in tasks):
            return
        wait_for(lambda: scaled(asked, f"web={before}"), "a leader that takes orders", seconds=SECONDS)
        swarm.wait_for_running("web", before, asked=asked)
    raise AssertionError("the swarm publishes no ports of its tasks")


def led_by(swarm, nodes):
    """Which of these leads, as it says itself; None while nobody does."""
    return next((node for node in nodes if swarm.leader(asked=node) is node), None)
