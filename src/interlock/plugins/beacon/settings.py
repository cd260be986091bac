"""What can be set for the beacon plugin; keys and defaults are those of 1.4.5, which had no variables."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

from interlock.settings import Option, Rule


class Backend(enum.StrEnum):
    """Where measurements go."""

    PROMETHEUS = "prometheus"
    INFLUXDB = "influxdb"
    """Version 1.x, and what speaks as it does."""


class Precision(enum.StrEnum):
    """Of a point's time; the words are those of InfluxDB's HTTP API."""

    NANOSECONDS = "n"
    MICROSECONDS = "u"
    MILLISECONDS = "ms"
    SECONDS = "s"
    MINUTES = "m"
    HOURS = "h"


class BeaconSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``beacon``."""

    interval: Annotated[
        float,
        Option(
            key="StatsInterval",
            env="BEACON_STATS_INTERVAL",
            unit="s",
            minimum=1,
            maximum=86400,
            doc="Seconds between two measurements.",
        ),
    ] = 30.0
    backend: Annotated[
        Backend,
        Option(
            key="StatsBackendType",
            env="BEACON_STATS_BACKEND_TYPE",
            doc="Who is told: prometheus, by the page of metrics and a Pushgateway, or influxdb.",
        ),
    ] = Backend.PROMETHEUS
    push_gateway: Annotated[
        str,
        Option(
            key="StatsPrometheusPushGatewayURL",
            env="BEACON_STATS_PROMETHEUS_PUSH_GATEWAY_URL",
            doc="URL of a Pushgateway that is told too, after each measurement.",
        ),
    ] = ""
    influx_address: Annotated[
        str,
        Option(
            key="StatsInfluxDBAddress",
            env="BEACON_STATS_INFLUXDB_ADDRESS",
            doc="URL of InfluxDB 1.x: http://HOST:8086.",
        ),
    ] = ""
    influx_user: Annotated[
        str, Option(key="StatsInfluxDBUser", env="BEACON_STATS_INFLUXDB_USER", doc="Whom it knows us as.")
    ] = ""
    influx_password: Annotated[
        str,
        Option(
            key="StatsInfluxDBPassword",
            env="BEACON_STATS_INFLUXDB_PASSWORD",
            secret=True,
            doc="That user's password.",
        ),
    ] = ""
    influx_database: Annotated[
        str,
        Option(
            key="StatsInfluxDBDatabase",
            env="BEACON_STATS_INFLUXDB_DATABASE",
            doc="Database; it is made when it is not there.",
        ),
    ] = ""
    influx_precision: Annotated[
        Precision,
        Option(
            key="StatsInfluxDBPrecision",
            env="BEACON_STATS_INFLUXDB_PRECISION",
            doc="Unit of a point's time: n, u, ms, s, m or h.",
        ),
    ] = Precision.SECONDS
    images: Annotated[
        str,
        Option(
            key="Images",
            env="BEACON_IMAGES",
            doc="Regular expression of images whose containers are measured, beside those of the [Rules]; .* for all.",
        ),
    ] = ""
    rules: Mapping[str, Rule] = {}
    """The file's ``[Rules.NAME]``."""
