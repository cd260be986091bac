"""What NGINX costs: checks and changes by the number of sites, memory, and requests per second to one of them.

One row for every NGINX at hand, with Lua and without. Needs wrk. `.venv/bin/python bench/nginx_costs.py [SITES ...]`
"""

import asyncio
import re
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from interlock.core.model import Backend, ContainerKey, Match, Options, Route, RouteTable, Server
from interlock.core.plan import Reload, make_plan
from interlock.host import procfs
from interlock.proxies.contract import Context
from interlock.proxies.nginx import PLUGIN
from interlock.proxies.nginx.binary import PROGRAM, lua_modules
from interlock.proxies.serving.program import candidates, find

WRK = ("wrk", "-t1", "-c50", "-d4s")
HEAD = f"{'nginx':>14} {'way':>8} {'sites':>6} {'-t ms':>7} {'change ms':>10} {'worker MB':>10} {'requests/s':>11}"

APPLICATION = """
import asyncio
import uvloop

class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", {port}, backlog=1024)
    await server.serve_forever()

uvloop.run(main())
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def route(number, *ports):
    servers = tuple(
        Server(name=f"s{n}", address="127.0.0.1", port=port, container=ContainerKey("e", f"s{n}"))
        for n, port in enumerate(ports)
    )
    return Route(match=Match(f"site{number}.example.com"), backend=Backend(options=Options(), servers=servers))


async def timed(work):
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def resident(pid):
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0  # one that has ended has none


async def requests_per_second(port, host):
    process = await asyncio.create_subprocess_exec(
        *WRK, "-H", f"Host: {host}", f"http://127.0.0.1:{port}/", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output.decode())[1])


async def change(proxy, table, number, application):
    """One replica more or less."""
    match = Match("site0.example.com")
    table.put(route(0, *([application] * (1 + number % 2))))
    plan = make_plan({match: table[match]}, await proxy.observe([match]), abilities=proxy.abilities)
    await proxy.apply(plan.steps or [plan.reload], table)


async def measure(proxy, port, sites, application):
    table = RouteTable(route(number, application, application) for number in range(sites))
    await proxy.apply([Reload("the first")], table)
    master = proxy._master  # noqa: SLF001 - its check is a part of each reload
    checks = [await timed(master.check()) for _ in range(3)]
    changes = [
        await timed(change(proxy, table, n, application)) for n in range(20 if proxy.abilities.live_servers else 4)
    ]
    worker = max(map(resident, procfs.children_of(master.pid)))
    rate = await requests_per_second(port, f"site{sites - 1}.example.com")
    return (
        f"{sites:>6} {statistics.median(checks):>7.0f} {statistics.median(changes):>10.1f} {worker:>10} {rate:>11.0f}"
    )


async def run(folder, binary, live, sites, application):
    folder.chmod(0o755)
    settings = PLUGIN.settings(binary=binary, live_servers=live, port=free_port(), ssl_port=0)
    context = Context(
        name="nginx", settings=settings, state_dir=folder / "s", run_dir=folder / "r", look_again=lambda: None
    )
    proxy = PLUGIN.build(context)
    await proxy.prepare()
    try:
        way = "lua" if live else "reloads"
        row = await measure(proxy, settings.port, sites, application)
        print(f"{Path(binary).parent.name:>14} {way:>8} {row}", flush=True)
    finally:
        await proxy.close()


async def main(counts):
    application = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", APPLICATION.format(port=application))
    await asyncio.sleep(1)
    print(HEAD)
    try:
        for binary in candidates(PROGRAM, ""):
            has_lua = lua_modules(await find(PROGRAM, binary)) is not None
            for live in (True, False) if has_lua else (False,):
                for sites in counts:
                    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as name:
                        await run(Path(name), binary, live, sites, application)
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main([int(text) for text in sys.argv[1:]] or [10, 1000, 5000]))
