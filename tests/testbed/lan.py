"""A network of several engines: a switch in a namespace of its own, a cable to each of them and one to this machine.

The switch is no bridge of this machine, whose firewall would have a say in what one engine sends another.
"""

import ipaddress
from typing import Self

from testbed.namespaces import Namespaces
from testbed.programs import ProgramError, run, succeeds

RANGE = ipaddress.ip_network("10.214.0.0/16")
"""Where networks take their addresses from, 256 each."""
SWITCH = "switch"


class Cable:
    """From the switch to an engine. It is gone when the engine's namespace is, or after `close`."""

    def __init__(self, switch: Namespaces, name: str, far: str) -> None:
        self.name = name
        self.far = far
        """The engine's address."""
        self._switch = switch

    def cut(self) -> None:
        """Nothing comes through any more, and neither end is told."""
        run(self._switch.on_host(["ip", "link", "set", self.name, "nomaster"]))

    def mend(self) -> None:
        run(self._switch.on_host(["ip", "link", "set", self.name, "master", SWITCH]))

    def close(self) -> None:
        succeeds(self._switch.on_host(["ip", "link", "del", self.name]))


class Lan:
    """A context manager; whatever is plugged in must be closed before."""

    def __init__(self) -> None:
        self._switch: Namespaces | None = None
        self._subnet = RANGE

    def __enter__(self) -> Self:
        self._switch = Namespaces.open(own_network=True)
        try:
            for command in (f"ip link add {SWITCH} type bridge", f"ip link set {SWITCH} up"):
                run(self._switch.on_host(command.split()))
            self._subnet = self._take_subnet(self._switch)
        except BaseException:
            self._switch.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._switch is not None, "used outside `with`"
        self._switch.close()

    @property
    def near(self) -> str:
        """This machine's address on it."""
        return str(self._subnet[1])

    def plug(self, engine: Namespaces, number: int) -> Cable:
        """Give an engine's namespace a port, which decides its address, and its only way out."""
        assert self._switch is not None, "used outside `with`"
        cable = Cable(self._switch, f"port{number}", str(self._subnet[10 + number]))
        peer = ["peer", "name", "eth0", "netns", str(engine.keeper.pid)]
        run(self._switch.on_host(["ip", "link", "add", cable.name, "type", "veth", *peer]))
        for command in (f"ip link set {cable.name} master {SWITCH}", f"ip link set {cable.name} up"):
            run(self._switch.on_host(command.split()))
        for command in (
            "ip link set lo up",
            "ip link set eth0 up",
            f"ip addr add {cable.far}/{self._subnet.prefixlen} dev eth0",
            # No way out: what asks for a registry must fail at once, not hang.
            "ip route add unreachable default",
        ):
            run(engine.inside(command.split()))
        return cable

    @staticmethod
    def _take_subnet(switch: Namespaces) -> ipaddress.IPv4Network:
        """The first that is free; the name of this machine's end is the lock, since the kernel gives a name only once.

        It is gone when the switch is. Raises ProgramError.
        """
        for number, subnet in enumerate(RANGE.subnets(new_prefix=24)):
            name = f"ilklan{number}"
            peer = ["peer", "name", "uplink", "netns", str(switch.keeper.pid)]
            if not succeeds(["ip", "link", "add", name, "type", "veth", *peer]):
                if not succeeds(["ip", "link", "show", name]):
                    raise ProgramError(f"cannot make the network link {name}; are we root?")
                continue
            for command in (f"ip addr add {subnet[1]}/{subnet.prefixlen} dev {name}", f"ip link set {name} up"):
                run(command.split())
            for command in (f"ip link set uplink master {SWITCH}", "ip link set uplink up"):
                run(switch.on_host(command.split()))
            return subnet
        raise ProgramError(f"no free network left in {RANGE}")
