"""For tests of plugins, and of Interlock itself: a fake engine."""

from interlock.testing.fake_container import FakeContainer
from interlock.testing.fake_engine import FakeEngine, Fault
from interlock.testing.fake_swarm import FakeSwarm
from interlock.testing.flavours import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, Flavour

__all__ = [
    "CLASSIC_SWARM",
    "DOCKER_20",
    "DOCKER_29",
    "PODMAN_4",
    "FakeContainer",
    "FakeEngine",
    "FakeSwarm",
    "Fault",
    "Flavour",
]
