"""A container's inspect document -> how to make another one like it. Pure: documents in, documents out.

What the container has only because its image has it is left out, so that a newer image brings its own. What belongs
to one container alone (name, addresses, the host name that the engine made up) is left out too.
"""

import re
from collections.abc import Mapping

import msgspec

from interlock.core.problems import shown
from interlock.rollout.documents import Inspected, Json
from interlock.rollout.events import RefusedError

NUMBER_LABEL = "com.docker.compose.container-number"
IMAGE_LABEL = "com.docker.compose.image"
"""Compose v2 recreates a container whose value here is not the id of its image."""

SHORT_ID = 12
DEFAULT_NETWORKS = frozenset({"bridge", "default"})
"""Networks on which the engine takes no aliases."""

_WHOLE = ("User", "WorkingDir", "Healthcheck", "StopSignal", "Shell", "OnBuild")
"""Fields of Config that are the image's or the container's as a whole."""
_TABLES = ("Labels", "ExposedPorts", "Volumes")
"""Fields of Config that hold the image's entries beside the container's own."""
_OF_ONE = ("Image", "Hostname", "MacAddress")
"""Fields of Config that are set anew."""
_OF_ENDPOINT = ("Links", "DriverOpts", "GwPriority")
"""Fields of a network's endpoint that are wishes; the others are what the engine made of them."""

_RANGE = re.compile(r"\d+-\d+")


class Clone(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask the engine for."""

    name: str
    body: Json
    """Of ``POST /containers/create``."""
    networks: Mapping[str, Json]
    """Networks to be attached to it after that, with the endpoint's settings: an older engine creates with one only."""


def make_clone(old: Inspected, *, name: str, number: int, image: str, image_id: str, inherited: Json | None) -> Clone:
    """Another container like `old`, of the image with the reference `image`, which means `image_id` now.

    `inherited` is the Config of the image that `old` was made from; None where that is gone.
    """
    config = _own(old.Config, inherited or {})
    labels = {**(config.get("Labels") or {}), NUMBER_LABEL: str(number)}
    if IMAGE_LABEL in labels:
        labels[IMAGE_LABEL] = image_id
    config |= {"Image": image, "Labels": labels}
    if _chose_hostname(old):
        config["Hostname"] = old.Config["Hostname"]
    host = {**old.HostConfig, "Links": _links(old)}
    host.pop("ContainerIDFile", None)
    endpoints = {
        network: _endpoint(endpoint or {}, old, name)
        for network, endpoint in (old.NetworkSettings.Networks or {}).items()
    }
    first = _primary(old, endpoints)
    others = {network: settings for network, settings in endpoints.items() if network != first}
    if first is not None and first not in DEFAULT_NETWORKS:
        host["NetworkMode"] = first
    networking = {first: endpoints[first]} if first is not None and endpoints[first] else {}
    body = {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": networking}}
    return Clone(name=name, body=body, networks=others)


def refuse_conflicts(old: Inspected) -> None:
    """Raise RefusedError where two such containers cannot run at the same time."""
    who, host = shown(old.name), old.HostConfig
    mode = str(host.get("NetworkMode") or "")
    if mode == "host" or mode.startswith("container:"):
        raise RefusedError(
            f"{who} has no network of its own (network_mode {shown(mode)}), so its successor could not use its ports",
            fix="give the service a network of its own, and let Interlock route to it",
        )
    fixed = sorted(
        f"{binding.get('HostPort')}->{port}"
        for port, bindings in (host.get("PortBindings") or {}).items()
        for binding in bindings or ()
        if _is_fixed(str(binding.get("HostPort") or ""))
    )
    if fixed:
        port = fixed[0].partition("->")[2].partition("/")[0]
        raise RefusedError(
            f"{who} publishes the fixed host port {', '.join(map(shown, fixed))}, which its successor could not have "
            "while the old one still serves",
            fix=f'publish the port without a number for the host (ports: ["{port}"]) and let Interlock route to it',
        )


def _is_fixed(host_port: str) -> bool:
    return host_port not in {"", "0"} and not _RANGE.fullmatch(host_port)


def _own(config: Json, inherited: Json) -> Json:
    """The container's Config without what it has of its image."""
    own = {key: value for key, value in config.items() if key not in _OF_ONE}
    for key in _WHOLE:
        if (own.get(key) or None) == (inherited.get(key) or None):
            own.pop(key, None)
    for key in _TABLES:
        own[key] = {
            entry: value
            for entry, value in (own.get(key) or {}).items()
            if (inherited.get(key) or {}).get(entry, ...) != value
        }
    of_image = set(inherited.get("Env") or ())
    own["Env"] = [entry for entry in own.get("Env") or () if entry not in of_image]
    # The engine drops the image's command as soon as a container has an entry point of its own.
    if (own.get("Entrypoint") or None) == (inherited.get("Entrypoint") or None):
        own.pop("Entrypoint", None)
        if (own.get("Cmd") or None) == (inherited.get("Cmd") or None):
            own.pop("Cmd", None)
    return own


def _chose_hostname(old: Inspected) -> bool:
    """Whether the host name is somebody's choice, and may be given again."""
    hostname = old.Config.get("Hostname") or ""
    return hostname not in {"", old.Id[:SHORT_ID]} and old.HostConfig.get("UTSMode") != "host"


def _links(old: Inspected) -> list[str] | None:
    """Links of the default bridge, told as ``/db_1:/web_1/db`` and wished for as ``db_1:db``."""
    told = old.HostConfig.get("Links")
    if told is None:
        return None
    pairs = (str(link).partition(":") for link in told)
    return [f"{target.removeprefix('/')}:{alias.rpartition('/')[2]}" for target, _, alias in pairs]


def _endpoint(endpoint: Json, old: Inspected, name: str) -> Json:
    """The wishes of an endpoint; its aliases without those that the engine added for this one container."""
    wishes = {key: endpoint[key] for key in _OF_ENDPOINT if endpoint.get(key)}
    aliases = [name if alias == old.name else alias for alias in endpoint.get("Aliases") or ()]
    aliases = [alias for alias in dict.fromkeys(aliases) if alias != old.Id[:SHORT_ID]]
    return wishes | ({"Aliases": aliases} if aliases else {})


def _primary(old: Inspected, endpoints: Mapping[str, Json]) -> str | None:
    """The network that the container is created with: that of its mode where it still has that one."""
    mode = str(old.HostConfig.get("NetworkMode") or "default")
    networks = old.NetworkSettings.Networks or {}
    for network, endpoint in networks.items():
        if mode in {network, (endpoint or {}).get("NetworkID")} or (mode == "default" and network == "bridge"):
            return network
    return next(iter(endpoints), None)
