"""What can be set for the hosts plugin."""

from typing import Annotated

import msgspec

from interlock.settings import Option


class HostsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``hosts``."""

    file: Annotated[
        str, Option(key="File", env="HOSTS_FILE", doc="Hosts file that gets a section of ours; it must exist.")
    ] = "/etc/hosts"
    address: Annotated[
        tuple[str, ...],
        Option(key="Address", env="HOSTS_ADDRESS", doc="IP addresses that each name stands for: the proxy's."),
    ] = ("127.0.0.1",)
