"""`interlock top`, against an Interlock on paper: printed, as JSON, and on a terminal with its keys."""

import asyncio
import contextlib
import json
import os
import sys
import termios
from pathlib import Path

import pytest

from interlock.core.model import ServerState
from testbed.paper import PaperInterlock, web

INTERLOCK = Path(sys.executable).with_name("interlock")
SECONDS = 30.0


@pytest.fixture
async def interlock(tmp_path):
    async with PaperInterlock(tmp_path, on_port=False).running() as one:
        one.list(
            web("shop-1", "shop.example.com", number=1),
            web("shop-2", "shop.example.com", number=2),
            web("blog-1", "blog.example.com", number=3),
        )
        one.run_dir = str(tmp_path)
        yield one


@contextlib.asynccontextmanager
async def visited(interlock):
    async def visit():
        while True:
            interlock.meter.add("shop.example.com", requests={"shop-1": 10, "shop-2": 2}, sessions=3, latency=4)
            await asyncio.sleep(0.1)

    visits = asyncio.get_running_loop().create_task(visit())
    yield
    visits.cancel()


async def printed(interlock, *options):
    command = [INTERLOCK, "--run-dir", interlock.run_dir, "top", *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_one_look_is_printed_with_rates_by_route_and_server(interlock):
    async with visited(interlock):
        code, out, err = await printed(interlock, "--once", "--sort", "rate", "--interval", "1s")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["shop.example.com", "shop-1", "shop-2", "blog.example.com", "blog-1"]
    assert float(rows[1][2]) > float(rows[2][2]) > 0


async def test_without_a_terminal_one_look_is_printed(interlock):
    code, out, _ = await printed(interlock, "--interval", "0.5s")
    assert code == 0
    assert "shop-1" in out


async def test_json_is_a_line_for_each_look(interlock):
    async with visited(interlock):
        code, out, err = await printed(interlock, "--once", "--json", "--interval", "1s")
    (line,) = out.splitlines()
    shop = json.loads(line)["routes"][1]
    assert (code, err, shop["host"]) == (0, "", "shop.example.com")
    assert shop["servers"][0]["load"]["requests"] > 0
    assert shop["load"]["sessions"] == 6


async def test_too_short_an_interval_is_refused_with_a_fix(interlock):
    code, _, err = await printed(interlock, "--interval", "0.1s")
    assert code == 2
    assert "use 0.5s or more" in err


async def test_where_no_interlock_runs_it_says_so(interlock):
    interlock.run_dir += "/elsewhere"
    code, _, err = await printed(interlock, "--once")
    assert code == 1
    assert "no Interlock runs here" in err


class Terminal:
    """The program on a terminal of 80 columns and 24 lines."""

    def __init__(self, master):
        self._master = master
        self.shown = ""
        self._grown = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self):
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the program has left
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self.shown += data.decode(errors="replace")
        self._grown.set()

    async def press(self, keys):
        os.write(self._master, keys.encode())

    async def wait_for(self, text):
        async with asyncio.timeout(SECONDS):
            while text not in self.shown:
                self._grown.clear()
                await self._grown.wait()


@contextlib.asynccontextmanager
async def on_terminal(interlock, *options):
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = await asyncio.create_subprocess_exec(
        "env",
        "--default-signal=INT",  # which whatever runs in the background of a script would ignore
        INTERLOCK,
        "--run-dir",
        interlock.run_dir,
        "top",
        *options,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(slave)
    terminal = Terminal(master)
    try:
        yield terminal, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


async def until_state(interlock, name, state):
    async with asyncio.timeout(SECONDS):
        while True:
            servers = [server for route in interlock.desk.routes().routes for server in route.servers]
            if next(server.state for server in servers if server.name == name) is state:
                return
            await asyncio.sleep(0.02)


async def test_on_a_terminal_routes_come_and_go_while_it_is_watched(interlock):
    async with on_terminal(interlock, "--sort", "name", "--interval", "0.5s") as (terminal, _):
        await terminal.wait_for("blog-1")
        interlock.list(web("shop-1", "shop.example.com", number=1), web("news-1", "news.example.com", number=4))
        await terminal.wait_for("news-1")
        terminal.shown = ""
        await terminal.wait_for("shop-1")
        assert not {"shop-2", "blog-1"} & set(terminal.shown.split())


async def test_on_a_terminal_the_chosen_server_is_drained_and_put_back_by_a_key(interlock):
    async with on_terminal(interlock, "--sort", "name") as (terminal, process):
        await terminal.wait_for("shop-2")
        await terminal.press("d")
        await terminal.wait_for("choose a server first")
        await terminal.press("jjj\x1b[B\x1b[Bkd")  # the first chooses the first row
        await terminal.wait_for("shop-1 is out of rotation")
        await until_state(interlock, "shop-1", ServerState.DRAINING)
        await terminal.press("u")
        await terminal.wait_for("shop-1 is back in rotation")
        await until_state(interlock, "shop-1", ServerState.READY)
        await terminal.press("s")
        await terminal.wait_for("by rate")
        await terminal.press("q")
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0


async def test_ctrl_c_ends_it_quietly_and_gives_the_terminal_back(interlock):
    async with on_terminal(interlock) as (terminal, process):
        await terminal.wait_for("shop-2")
        process.send_signal(2)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    assert "Traceback" not in terminal.shown
    assert terminal.shown.rstrip().endswith("\x1b[?25h\x1b[?1049l")
