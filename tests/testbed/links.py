"""A cable between this machine and an engine's own network namespace."""

import ipaddress

from testbed.namespaces import Namespaces
from testbed.programs import ProgramError, run, succeeds

RANGE = ipaddress.ip_network("10.213.0.0/16")
"""Where cables take their addresses from, four each; used only between our own namespaces and this machine."""


class Link:
    """A veth pair. It is gone when the engine's namespace is, or after `close`."""

    def __init__(self, name: str, near: str, far: str) -> None:
        self.name = name
        self.near = near
        """This machine's address on it."""
        self.far = far
        """The engine's."""

    @classmethod
    def plug(cls, namespaces: Namespaces) -> "Link":
        """Take the first free cable; its name is the lock, since the kernel gives a name only once."""
        for number, subnet in enumerate(RANGE.subnets(new_prefix=30)):
            near, far = (str(address) for address in subnet.hosts())
            link = cls(f"ilktest{number}", near, far)
            peer = ["peer", "name", "eth0", "netns", str(namespaces.keeper.pid)]
            if not succeeds(["ip", "link", "add", link.name, "type", "veth", *peer]):
                if not succeeds(["ip", "link", "show", link.name]):
                    raise ProgramError(f"cannot make the network link {link.name}; are we root?")
                continue
            for command in (
                f"ip addr add {near}/30 dev {link.name}",
                f"ip link set {link.name} up",
            ):
                run(command.split())
            for command in (
                "ip link set lo up",
                "ip link set eth0 up",
                f"ip addr add {far}/30 dev eth0",
                # No way out: what asks for a registry must fail at once, not hang.
                "ip route add unreachable default",
            ):
                run(namespaces.inside(command.split()))
            return link
        raise ProgramError(f"no free network left in {RANGE}")

    def close(self) -> None:
        succeeds(["ip", "link", "del", self.name])
