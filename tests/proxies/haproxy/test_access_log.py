"""The access log as JSON: each request is one object that can be read, whatever the client sends."""

import json

import pytest

from interlock.proxies.serving.access_log import AccessLogFormat
from interlock.testing.bench import HOST
from interlock.testing.ports import free_port
from testbed.syslog import Syslog, send

pytestmark = pytest.mark.real


@pytest.fixture
def syslog():
    server = Syslog()
    yield server
    server.close()


async def test_each_request_is_one_object_with_route_server_container_id_and_timings(new_bench, applications, syslog):
    bench = await new_bench(syslog_addr=syslog.address, access_log_format=AccessLogFormat.JSON, port=free_port())
    bench.want(applications.server("web_1"))
    await bench.turn()
    target = b'/a"b\\c%22?token=secret'
    await send(bench.port, b"GET " + target + b" HTTP/1.1\r\nHost: " + HOST.upper().encode() + b":80\r\n\r\n")
    told = await syslog.line()
    server = applications.server("web_1")
    assert (told["method"], told["host"], told["client"]) == ("GET", HOST, "127.0.0.1")
    assert told["path"].startswith('/a"b\\c')
    assert "secret" not in json.dumps(told)
    assert (told["route"], told["container"], told["server"]) == (HOST.replace(".", "_"), "web_1", server.endpoint)
    assert len(told["request_id"]) == 36
    assert isinstance(told["time"], float)
    assert told["status"] == 200
    assert {"receive", "queue", "connect", "response", "total"} == set(told["ms"])
    assert all(isinstance(each, int) and each >= 0 for each in told["ms"].values())


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", b"\x16\x03 x\r\n\r\n"],
)
async def test_what_no_container_answers_can_be_read_too(new_bench, syslog, request_):
    bench = await new_bench(syslog_addr=syslog.address, access_log_format=AccessLogFormat.JSON, port=free_port())
    await send(bench.port, request_)
    told = await syslog.line()
    assert told["status"] in {400, 404}
    assert told["container"] == "<NOSRV>"
