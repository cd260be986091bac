"""The access log as JSON: each request is one object that can be read, whatever the client sends."""

import json

import pytest

from interlock.core.model import Options
from interlock.proxies.serving.access_log import AccessLogFormat
from interlock.testing.bench import HOST
from interlock.testing.ports import free_port
from testbed.syslog import Syslog, send

pytestmark = pytest.mark.real

LIVE = pytest.mark.parametrize("live", [True, False], ids=["lua", "reloads"])


@pytest.fixture
def syslog():
    server = Syslog()
    yield server
    server.close()


async def logging_bench(new_bench, syslog, live):
    return await new_bench(
        syslog_addr=syslog.address, access_log_format=AccessLogFormat.JSON, port=free_port(), live_servers=live
    )


@LIVE
async def test_each_request_is_one_object_with_route_server_container_id_and_timings(
    new_bench, applications, syslog, live
):
    bench = await logging_bench(new_bench, syslog, live)
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), path="/way", options=Options(retry="all"))
    await bench.turn()
    target = b'/a"b\\c%22?token=secret'
    await send(bench.port, b"GET " + target + b" HTTP/1.1\r\nHost: " + HOST.upper().encode() + b":80\r\n\r\n")
    told = await syslog.line()
    server = applications.server("web_1")
    assert (told["method"], told["host"], told["client"]) == ("GET", HOST, "127.0.0.1")
    assert told["path"] == '/a"b\\c%22'
    assert "secret" not in json.dumps(told)
    assert (told["container"], told["server"], told["tried"]) == ("web_1", server.endpoint, server.endpoint)
    assert told["route"].startswith(HOST.replace(".", "_"))
    assert len(told["request_id"]) == 32
    assert isinstance(told["time"], float)
    assert (told["status"], told["bytes"] > 100) == (200, True)
    assert float(told["seconds"]["connect"]) >= 0
    assert float(told["seconds"]["response"]) >= 0
    assert told["seconds"]["total"] >= 0
    await send(bench.port, b"GET /way HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    assert (await syslog.line())["container"] == "web_2"


async def test_without_json_a_line_names_the_request_and_its_server(new_bench, applications, syslog):
    bench = await new_bench(syslog_addr=syslog.address, port=free_port())
    bench.want(applications.server("web_1"))
    await bench.turn()
    await send(bench.port, b"GET /here HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    told = await syslog.text(having="/here")
    assert f'{HOST} "GET /here HTTP/1.1" 200' in told
    assert applications.server("web_1").endpoint in told


@LIVE
async def test_of_several_tries_the_last_container_is_named(new_bench, applications, syslog, live):
    bench = await logging_bench(new_bench, syslog, live)
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.turn()
    await applications.kill("web_1")
    for _ in range(4):
        await send(bench.port, b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
        told = await syslog.line()
        assert (told["status"], told["container"], told["server"]) == (
            200,
            "web_2",
            applications.server("web_2").endpoint,
        )
        if ", " in told["tried"]:
            break
    else:
        pytest.fail("the dead one was never tried")


@LIVE
@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", b"\x16\x03 x\r\n\r\n"],
)
async def test_what_no_container_answers_can_be_read_too(new_bench, syslog, live, request_):
    bench = await logging_bench(new_bench, syslog, live)
    await send(bench.port, request_)
    told = await syslog.line()
    assert told["status"] in {400, 404}
    assert (told["container"], told["server"]) == ("", "")
