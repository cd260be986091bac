"""The engines that a fake engine can play, as far as they differ. Each difference was seen on the real one."""

import msgspec


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """How one engine speaks."""

    version: str
    api: tuple[int, int]
    """The newest API that it speaks."""
    oldest_api: tuple[int, int]
    component: str = "Engine"
    is_swarm: bool = False
    """Whether it is a classic Swarm manager."""
    tells_version_in_ping: bool = True
    separator: bytes = b"\n"
    """Between two events."""
    honours_filters: bool = True
    stop_events: tuple[str, ...] = ("kill", "die", "disconnect", "stop")
    crash_events: tuple[str, ...] = ("die", "disconnect")
    remove_event: str = "destroy"
    names_signals: bool = True
    """Whether a ``kill`` says which signal it was."""
    network_actor_is_container: bool = False
    tells_health_in_list: bool = True


DOCKER_20 = Flavour(version="20.10.24", api=(1, 41), oldest_api=(1, 12))

DOCKER_29 = Flavour(
    version="29.0.0",
    api=(1, 56),
    oldest_api=(1, 40),
    stop_events=("kill", "disconnect", "stop", "die"),
    crash_events=("disconnect", "die"),
)
"""Tells events without `status`, `id` and `from` from API 1.52 on."""

CLASSIC_SWARM = Flavour(
    version="swarm/1.2.9", api=(1, 40), oldest_api=(1, 12), is_swarm=True, separator=b"", honours_filters=False
)

PODMAN_4 = Flavour(
    version="4.3.1",
    api=(1, 41),
    oldest_api=(1, 24),
    component="Podman Engine",
    stop_events=("die", "cleanup"),
    crash_events=("die", "cleanup"),
    remove_event="remove",
    names_signals=False,
    network_actor_is_container=True,
    tells_health_in_list=False,
)
