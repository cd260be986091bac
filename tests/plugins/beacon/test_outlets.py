"""InfluxDB is told each measurement; the database is made when it is not there."""

import base64
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from interlock.plugins.beacon.gauges import Gauges, Totals
from interlock.plugins.beacon.outlets import outlet_of
from interlock.plugins.beacon.settings import Backend, BeaconSettings


class PaperInflux:
    """Knows the databases that were made, and what was written."""

    def __init__(self):
        self.databases = set()
        self.written = []
        self.asked = []
        self.status = 204
        self.url = ""

    async def query(self, request):
        self.asked.append(request.query["q"])
        self.databases.add(request.query["q"].removeprefix("CREATE DATABASE ").strip('"'))
        return web.json_response({"results": [{"statement_id": 0}]})

    async def write(self, request):
        if request.query["db"] not in self.databases:
            return web.json_response({"error": "database not found"}, status=404)
        if self.status // 100 == 2:
            self.written.append((dict(request.query), request.headers.get("Authorization"), await request.text()))
        return web.Response(status=self.status)

    @asynccontextmanager
    async def serving(self):
        app = web.Application()
        app.router.add_post("/query", self.query)
        app.router.add_post("/write", self.write)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def influx():
    async with PaperInflux().serving() as serving:
        yield serving


async def told(influx, **settings):
    gauges = Gauges()
    gauges.tell([], Totals(containers=3))
    asked = BeaconSettings(
        backend=Backend.INFLUXDB, influx_address=influx.url, influx_database="docker stats", **settings
    )
    async with aiohttp.ClientSession() as session:
        return await outlet_of(asked).tell(session, gauges, 10.0)


async def test_the_database_is_made_once_and_everything_is_written(influx):
    assert await told(influx) == ""
    assert await told(influx) == ""
    assert influx.asked == ['CREATE DATABASE "docker stats"']
    query, authorization, text = influx.written[0]
    assert (query, authorization) == ({"db": "docker stats", "precision": "s"}, None)
    assert text.startswith("containers,type=totals total_containers=3i 10\n")
    assert len(influx.written) == 2


async def test_who_we_are_is_told_in_a_header_and_not_in_the_url(influx):
    await told(influx, influx_user="beacon", influx_password="a secret: it is")
    authorization = influx.written[0][1]
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == "beacon:a secret: it is"


async def test_an_answer_that_is_no_success_is_a_complaint(influx):
    influx.status = 401
    assert await told(influx) == "it answers 401"


def test_neither_user_nor_password_is_in_the_name():
    asked = BeaconSettings(
        backend=Backend.INFLUXDB, influx_address="http://me:pw@db:8086/x", influx_database="d", influx_password="pw"
    )
    assert outlet_of(asked).name == "InfluxDB http://db:8086"
