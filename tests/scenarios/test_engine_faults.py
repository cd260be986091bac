"""The engine goes away, hangs or talks nonsense; Interlock ends: traffic goes on."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import base_image, images
from testbed.dockerd import PrivateDockerd
from testbed.native import PROGRAM, NativeInterlock
from testbed.programs import run
from testbed.relay import Relay
from testbed.visits import Visitors
from testbed.waiting import wait_for

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"
DEMO = """INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}"""
SECONDS = 2.0
"""In which routes must be right again once the engine answers."""
LISTENING = 1.0
"""What the application itself may take until it listens, on a busy machine."""


def engine_with(*options: str) -> Iterator[PrivateDockerd]:
    """A running engine that has the images."""
    with (
        tempfile.TemporaryDirectory(prefix="interlock-dockerd-") as folder,
        PrivateDockerd(Path(folder), options=options) as engine,
    ):
        images.import_base(engine, base_image.cache_folder())
        images.build_web(engine)
        yield engine


@pytest.fixture(scope="module")
def stopping_engine() -> Iterator[PrivateDockerd]:
    yield from engine_with()


@pytest.fixture(scope="module")
def lasting_engine() -> Iterator[PrivateDockerd]:
    yield from engine_with("--live-restore")


@pytest.fixture
def stopping(stopping_engine: PrivateDockerd) -> Iterator[PrivateDockerd]:
    """An engine whose containers stop with it. Tests may break it, so long as it runs in the end."""
    yield stopping_engine
    stopping_engine.remove_everything()


@pytest.fixture
def lasting(lasting_engine: PrivateDockerd) -> Iterator[PrivateDockerd]:
    """An engine whose containers run on without it. Tests may break it, so long as it runs in the end."""
    yield lasting_engine
    lasting_engine.remove_everything()


def run_web(engine: PrivateDockerd, *options: str) -> str:
    """Start a container behind demo.interlock.com that comes back with its engine; its short id."""
    return engine.docker("run", "--detach", "--restart=always", "--env", DEMO, *options, images.WEB)[:12]


def asked_a_while(visitors: Visitors) -> None:
    wait_for(lambda: len(visitors.tally.answers) > 500, "visitors", seconds=30)


def served(interlock: NativeInterlock, *containers: str, host: str = HOST, seconds: float = SECONDS) -> None:
    """Wait until these and no others answer."""
    site = interlock.site(host)
    wait_for(
        lambda: set(site.ask(3 * len(containers)).servers) == set(containers),
        f"{containers} behind {host}; log of Interlock:\n{interlock.log}",
        seconds=seconds,
    )


def ordered(interlock: NativeInterlock, *words: str) -> str:
    return run([PROGRAM, "--run-dir", interlock.folder / "run", *words], seconds=60)


def rotation(interlock: NativeInterlock) -> list[str]:
    """Names of the servers that HAProxy would send a request to."""
    return sorted(name for name, state in interlock.servers("demo_interlock_com").items() if "UP" in state)


class TestAnEngineThatStops:
    def test_comes_back_with_its_containers(self, stopping, interlock_native):
        interlock = interlock_native(stopping)
        containers = [run_web(stopping), run_web(stopping)]
        served(interlock, *containers)
        stopping.stop()
        interlock.wait_for("engine docker is lost")
        stopping.start()
        served(interlock, *containers, seconds=SECONDS + LISTENING)
        served(interlock, *containers, run_web(stopping))

    def test_disturbs_no_container_that_runs_on(self, lasting, interlock_native):
        """The socket's file is another one afterwards, as it is whenever dockerd starts."""
        interlock = interlock_native(lasting)
        containers = [run_web(lasting), run_web(lasting)]
        served(interlock, *containers)
        with interlock.site(HOST).visitors() as visitors:
            lasting.stop()
            interlock.wait_for("engine docker is lost")
            asked_a_while(visitors)
            lasting.start()
            served(interlock, *containers, run_web(lasting))
        assert visitors.tally.is_clean, visitors.tally

    def test_need_not_run_for_interlock_to_start_and_serve(self, lasting, interlock_native):
        interlock = interlock_native(lasting)
        containers = [run_web(lasting), run_web(lasting)]
        served(interlock, *containers)
        lasting.stop()
        assert interlock.stop() == 0
        assert interlock.processes() == []
        interlock.start()
        served(interlock, *containers, seconds=30)
        lasting.start()
        served(interlock, *containers, run_web(lasting))


class TestAnEngineThatForgot:
    def test_is_not_believed_before_the_operator_says_so(self, stopping, interlock_native):
        """At its start it ends what it finds running, so its list has nothing that runs, and no event said so."""
        interlock = interlock_native(stopping, INTERLOCK_HOLD_REMOVALS="600")
        containers = [stopping.docker("run", "--detach", "--env", DEMO, images.WEB)[:12] for _ in range(2)]
        served(interlock, *containers)
        stopping.kill()
        interlock.wait_for("engine docker is lost")
        stopping.start()
        interlock.wait_for("the list has 0 of the 2 containers that ran")
        assert "held: the list has 0 of the 2" in ordered(interlock, "status")
        assert len(rotation(interlock)) == 2, "they are there, should they answer"
        assert ordered(interlock, "confirm") == "engine docker: its list is believed\n"
        assert "held" not in ordered(interlock, "status")
        wait_for(lambda: not rotation(interlock), "both out of rotation", seconds=SECONDS)


class TestAnEngineThatIsKilled:
    def test_takes_no_container_out_while_it_is_away(self, stopping, interlock_native):
        interlock = interlock_native(stopping)
        containers = [run_web(stopping), run_web(stopping)]
        served(interlock, *containers)
        with interlock.site(HOST).visitors() as visitors:
            stopping.kill()
            interlock.wait_for("engine docker is lost")
            asked_a_while(visitors)
            tally = visitors.tally
        assert tally.is_clean, tally
        assert set(tally.servers) == set(containers)
        stopping.start()
        served(interlock, *containers, seconds=SECONDS + LISTENING)
        served(interlock, *containers, run_web(stopping))


class TestAnEngineThatHangs:
    def test_is_sat_out(self, lasting, interlock_native):
        interlock = interlock_native(lasting)
        containers = [run_web(lasting), run_web(lasting)]
        served(interlock, *containers)
        newcomers: list[str] = []
        starter = threading.Thread(target=lambda: newcomers.append(run_web(lasting)))
        with interlock.site(HOST).visitors() as visitors:
            lasting.freeze()
            starter.start()
            asked_a_while(visitors)
            lasting.thaw()
            starter.join()
            served(interlock, *containers, *newcomers)
        assert visitors.tally.is_clean, visitors.tally


@pytest.mark.usefixtures("docker", "web_image")
class TestAStreamThatIsCut:
    def test_in_the_middle_of_an_event_costs_no_event(self, dockerd, interlock_native, tmp_path):
        with Relay(tmp_path / "relay.sock", dockerd.socket) as relay:
            interlock = interlock_native(dockerd, url=relay.url, HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS=dockerd.address)
            first = run_web(dockerd, "--publish", "5000")
            served(interlock, first)
            with interlock.site(HOST).visitors() as visitors:
                relay.cut_next_event()
                second = run_web(dockerd, "--publish", "5000")
                served(interlock, first, second)
            assert relay.cuts == 1
            assert visitors.tally.is_clean, visitors.tally


@pytest.mark.usefixtures("docker", "web_image")
class TestInterlockItself:
    def test_killed_and_started_again_it_keeps_serving(self, dockerd, interlock_native):
        interlock = interlock_native(dockerd)
        stays, goes = run_web(dockerd), run_web(dockerd)
        served(interlock, stays, goes)
        with interlock.site(HOST).visitors() as visitors:
            interlock.kill()
            comes = run_web(dockerd)
            interlock.start()
            served(interlock, stays, goes, comes, seconds=20)
        assert "adopted the running proxy" in interlock.log
        assert visitors.tally.is_clean, visitors.tally
