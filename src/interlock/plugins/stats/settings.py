"""What can be set for the stats plugin; names and defaults are those of 0.3.3."""

from typing import Annotated

import msgspec

from interlock.settings import Option


class StatsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``stats``."""

    carbon_address: Annotated[
        str,
        Option(
            key="CarbonAddress",
            env="STATS_CARBON_ADDRESS",
            doc="host:port of Carbon's plaintext receiver; its port is 2003 unless named.",
        ),
    ] = ""
    prefix: Annotated[
        str, Option(key="Prefix", env="STATS_PREFIX", doc="What every path begins with, dots and all.")
    ] = "docker.stats"
    image_name_filter: Annotated[
        str,
        Option(
            key="ImageNameFilter",
            env="STATS_IMAGE_NAME_FILTER",
            doc="Regular expression; containers are measured in whose image's name it is found.",
        ),
    ] = ".*"
    interval: Annotated[
        int,
        Option(
            key="Interval",
            env="STATS_INTERVAL",
            unit="s",
            minimum=1,
            maximum=86400,
            doc="Seconds between two measurements; each is made when the clock is at a multiple of it.",
        ),
    ] = 10
