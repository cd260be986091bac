"""What may befall the process itself: signals at a bad moment, no file descriptors left, a long life."""

import asyncio
import os
import resource
import signal
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from interlock.testing import FakeEngine
from testbed import images
from testbed.native import PROGRAM
from testbed.ports import free_port
from testbed.programs import ProgramError, environment, run
from testbed.unseated import unseated
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
SECONDS = 20.0
_numbers = {HOST: 0}
"""Hosts -> the order in which they were first asked for."""


def data(host):
    """So that each new host is a reload."""
    kind = unseated(_numbers.setdefault(host, len(_numbers)))
    return f'INTERLOCK_DATA={{"hostname":"{host}","domain":"{host}",{kind}}}'


def run_web(engine, host):
    return engine.docker("run", "--detach", "--env", data(host), images.WEB)[:12]


def served(interlock, host, *containers):
    site = interlock.site(host)
    wait_for(
        lambda: set(site.ask(2 * len(containers)).servers) == set(containers),
        f"{containers} behind {host}; log of Interlock:\n{interlock.log[-6000:]}",
        seconds=SECONDS,
    )


@pytest.mark.usefixtures("docker", "web_image")
class TestSignals:
    def test_hangups_on_top_of_each_other_and_of_reloads_cost_nothing(self, dockerd, interlock_native):
        interlock = interlock_native(dockerd)
        container = run_web(dockerd, HOST)
        served(interlock, HOST, container)
        with interlock.site(HOST).visitors() as visitors:
            for number in range(5):
                other = run_web(dockerd, f"other{number}.com")
                for _ in range(10):
                    interlock.send(signal.SIGHUP)
                    time.sleep(0.005)
                served(interlock, f"other{number}.com", other)
        assert visitors.tally.is_clean, visitors.tally
        assert interlock.log.count("reconciling, as SIGHUP asked") >= 5

    @pytest.mark.parametrize("during_reload", [False, True], ids=["at rest", "during a reload"])
    def test_to_be_told_twice_to_end_is_one_end(self, dockerd, interlock_native, during_reload):
        interlock = interlock_native(dockerd)
        served(interlock, HOST, run_web(dockerd, HOST))
        if during_reload:
            run_web(dockerd, "other.com")
            interlock.wait_for(r"reload triggered.*other\.com")
        with suppress(ProcessLookupError):
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                interlock.send(number)
        assert interlock.stop() == 0
        assert interlock.processes() == []
        assert "Traceback" not in interlock.log
        interlock.start()
        interlock.wait_until_ready()


@pytest.mark.usefixtures("docker", "web_image")
class TestNoFileDescriptorsLeft:
    def test_is_waited_out_without_haste_and_loses_nothing_in_the_proxy(self, dockerd, interlock_native):
        interlock = interlock_native(dockerd)
        first = run_web(dockerd, HOST)
        served(interlock, HOST, first)
        _, hard = resource.prlimit(interlock.pid, resource.RLIMIT_NOFILE)
        soft_before = resource.prlimit(interlock.pid, resource.RLIMIT_NOFILE)[0]
        with interlock.site(HOST).visitors() as visitors:
            resource.prlimit(interlock.pid, resource.RLIMIT_NOFILE, (3, hard))
            second = run_web(dockerd, HOST)
            with pytest.raises(ProgramError):
                run([PROGRAM, "--run-dir", interlock.folder / "run", "status"], seconds=5)
            before, since = processor_seconds(interlock.pid), time.monotonic()
            time.sleep(3)
            busy = (processor_seconds(interlock.pid) - before) / (time.monotonic() - since)
            assert interlock.runs, interlock.log
            resource.prlimit(interlock.pid, resource.RLIMIT_NOFILE, (soft_before, hard))
            served(interlock, HOST, first, second)
        assert busy < 0.5, f"{busy:.0%} of a processor spent on waiting"
        assert visitors.tally.is_clean, visitors.tally
        assert "is ready" in run([PROGRAM, "--run-dir", interlock.folder / "run", "status"])


@pytest.mark.usefixtures("docker", "web_image")
class TestAConfigurationEditedByHand:
    NONSENSE = "\nnonsense of somebody's own\n"

    def edit(self, interlock):
        file = interlock.folder / "state" / "haproxy" / "haproxy.cfg"
        with file.open("a") as opened:
            opened.write(self.NONSENSE)
        return file

    @pytest.mark.parametrize("host", [HOST, "other.com"], ids=["a replica comes", "a site comes"])
    def test_is_made_anew_with_the_next_change(self, dockerd, interlock_native, host):
        interlock = interlock_native(dockerd)
        first = run_web(dockerd, HOST)
        served(interlock, HOST, first)
        file = self.edit(interlock)
        second = run_web(dockerd, host)
        served(interlock, host, *({first, second} if host == HOST else {second}))
        wait_for(lambda: self.NONSENSE not in file.read_text(), "the file made anew", seconds=SECONDS)

    def test_does_not_keep_the_proxy_from_coming_back(self, dockerd, interlock_native):
        interlock = interlock_native(dockerd)
        container = run_web(dockerd, HOST)
        served(interlock, HOST, container)
        file = self.edit(interlock)
        for pid in interlock.processes():
            if pid != interlock.pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        served(interlock, HOST, container)
        assert self.NONSENSE not in file.read_text()


def processor_seconds(pid):
    """What a process has used, user and system (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TestALongLife:
    """Six thousand starts and stops: an event that leaves something behind shows in the memory or the descriptors."""

    HOSTS, REPLICAS, WARM_UP, ROUNDS = 5, 4, 20, 150
    GROWTH = 6.0
    """Megabytes that may be noise; a leak of 1 kB for each event would be more than 9."""

    async def test_leaves_nothing_behind(self, tmp_path, tell):
        engine = FakeEngine()
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(engine.serve_unix(tmp_path / "docker.sock"))
            application = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            stack.callback(application.close)
            names = [f"{host}-{number}" for host in range(self.HOSTS) for number in range(self.REPLICAS)]
            self.start(engine, names, application.sockets[0].getsockname()[1])
            interlock = await stack.enter_async_context(Daemon(url))
            await interlock.has_ready(len(names))
            for number in range(self.ROUNDS):
                if number == self.WARM_UP:
                    before = interlock.memory(), interlock.descriptors()
                for name in names:
                    engine.restart(name)
                await interlock.has_ready(len(names))
            memory, descriptors = interlock.memory(), interlock.descriptors()
        events = (self.ROUNDS - self.WARM_UP) * len(names) * 3
        tell(f"{events} events: {before[0]:.1f} -> {memory:.1f} MB, {before[1]} -> {descriptors} descriptors")
        assert memory - before[0] < self.GROWTH
        assert descriptors - before[1] < 10

    @staticmethod
    def start(engine, names, port):
        for name in names:
            host = f"site{name.partition('-')[0]}.com"
            engine.run(
                name,
                env=[f'INTERLOCK_DATA={{"hostname":"{host}","domain":"{host}"}}'],
                ports={"5000/tcp": [("0.0.0.0", port)]},
            )


async def hang_up(_reader, writer):
    writer.close()


class Daemon:
    """The real program on a fake engine, asked over its socket."""

    def __init__(self, url):
        self._url = url
        self._folder = tempfile.TemporaryDirectory(prefix="interlock-life-")
        Path(self._folder.name).chmod(0o755)
        self._run = Path(self._folder.name) / "run"

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *("--swarm-url", self._url, "--plugin", "haproxy", "start"),
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(
                HAPROXY_PORT=str(free_port()),
                HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS="127.0.0.1",
                INTERLOCK_STATE_DIR=f"{self._folder.name}/state",
                INTERLOCK_RUN_DIR=str(self._run),
            ),
        )
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._run / "interlock.sock")))
        return self

    async def __aexit__(self, *_):
        await self._session.close()
        self._process.terminate()
        await asyncio.wait_for(self._process.wait(), SECONDS)
        self._folder.cleanup()

    async def has_ready(self, count):
        """Wait until so many servers are ready and all that was heard has been dealt with."""
        async with asyncio.timeout(60):
            while await self._ready() != count:  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.02)

    async def _ready(self):
        try:
            async with self._session.get("http://interlock/v1/status") as answer:
                status = await answer.json()
        except aiohttp.ClientError:
            return None
        return status["servers"].get("ready") if status["ready"] else None

    def memory(self):
        """Megabytes that are resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def descriptors(self):
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())
