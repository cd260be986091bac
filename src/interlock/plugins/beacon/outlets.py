"""Who is told of measurements beside the page of metrics: a Pushgateway, or InfluxDB."""

from base64 import b64encode
from typing import Protocol

import aiohttp
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from yarl import URL

from interlock.core.problems import PermanentError, shown
from interlock.plugins.beacon.gauges import Gauges
from interlock.plugins.beacon.points import lines
from interlock.plugins.beacon.settings import Backend, BeaconSettings
from interlock.plugins.urls import http_url

TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
"""Prometheus' text format."""
GROUP = "metrics/job/beacon/source/beacon"
"""Of the Pushgateway: the labels that 1.4.5 grouped by."""
NOT_FOUND = 404


class Outlet(Protocol):
    """Takes what was measured last."""

    @property
    def name(self) -> str:
        """For the log: no user, path or query, which may be secrets."""

    async def tell(self, session: aiohttp.ClientSession, gauges: Gauges, at: float) -> str:
        """Why it was not taken; "" if it was. `at` is in Unix seconds. Raises aiohttp.ClientError and OSError."""


class Gateway:
    """A Pushgateway, where everything of us is replaced: a container that has gone is gone there too."""

    def __init__(self, url: URL) -> None:
        self.name = f"gateway {url.origin()}"
        self._url = url / GROUP

    async def tell(self, session: aiohttp.ClientSession, gauges: Gauges, _at: float) -> str:
        registry = CollectorRegistry()
        registry.register(gauges)
        async with session.put(self._url, data=generate_latest(registry), headers=TEXT) as response:
            return _complaint(response)


class InfluxDB:
    """The HTTP API of InfluxDB 1.x; the database is made when it is not there."""

    def __init__(self, url: URL, settings: BeaconSettings) -> None:
        self.name = f"InfluxDB {url.origin()}"
        self._database, self._precision = settings.influx_database, settings.influx_precision
        self._write = (url / "write").with_query(db=self._database, precision=self._precision)
        name = self._database.replace("\\", "\\\\").replace('"', '\\"')
        self._create = (url / "query").with_query(q=f'CREATE DATABASE "{name}"')
        credentials = f"{settings.influx_user}:{settings.influx_password}"
        basic = f"Basic {b64encode(credentials.encode()).decode()}"  # RFC 7617
        self._headers = {"Authorization": basic} if settings.influx_user else {}

    async def tell(self, session: aiohttp.ClientSession, gauges: Gauges, at: float) -> str:
        text = lines(gauges, at, self._precision).encode()
        async with session.post(self._write, data=text, headers=self._headers) as response:
            if response.status != NOT_FOUND:
                return _complaint(response)
        async with session.post(self._create, headers=self._headers) as response:
            if why := _complaint(response):
                return why
        async with session.post(self._write, data=text, headers=self._headers) as response:
            return _complaint(response)


def outlet_of(settings: BeaconSettings) -> Outlet | None:
    """What the settings ask for, if anything. Raises PermanentError for what is no URL or names no database."""
    if settings.backend is Backend.INFLUXDB:
        if not settings.influx_database:
            raise PermanentError("InfluxDB needs the name of a database", fix="set StatsInfluxDBDatabase")
        fix = "set StatsInfluxDBAddress to http://HOST:8086"
        return InfluxDB(_checked(settings.influx_address, "the address of InfluxDB", fix), settings)
    if not settings.push_gateway:
        return None
    return Gateway(_checked(settings.push_gateway, "the push gateway's URL", "write http://HOST:9091"))


def _complaint(response: aiohttp.ClientResponse) -> str:
    return "" if response.status // 100 == 2 else f"it answers {response.status}"  # noqa: PLR2004 - RFC 9110: successful


def _checked(url: str, what: str, fix: str) -> URL:
    parsed = http_url(url)
    if parsed is None:
        raise PermanentError(f"{what} {shown(url)} is none", fix=fix)
    return parsed
