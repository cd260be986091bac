"""The containers that Compose would make of a file: no engine has said anything of them yet."""

from collections.abc import Iterable
from hashlib import sha256

from interlock.compose.project import Project
from interlock.compose.service import Service
from interlock.core.dialects import ENVIRONMENT_KEYS, LABEL_PREFIXES
from interlock.core.model import Attachment, Container, Health, Port
from interlock.core.overrides import PROJECT_LABEL, SERVICE_LABEL

LEGACY_BRIDGE = "bridge"
"""Where the containers of a file without ``services`` are: on the engine's first network."""


def containers_of(project: Project, *, engine: str) -> list[Container]:
    """Every container of a project, as if it ran, was healthy, and had started in the order of the file.

    Its own address on a network is only known once it runs; the service's name, by which Docker's own name server finds
    it there, stands for it. Ports that only its image exposes are not known either.
    """
    return [
        _container(project, service, number, order, engine)
        for order, service in enumerate(project.services)
        for number in range(1, service.replicas + 1)
    ]


def _container(project: Project, service: Service, number: int, order: int, engine: str) -> Container:
    separator = "_" if project.legacy else "-"
    name = service.container_name or separator.join((project.name, service.name, str(number)))
    digest = sha256(f"{project.name}/{service.name}/{number}".encode(errors="replace")).hexdigest()
    ours = {label: text for label, text in service.labels.items() if label.lower().startswith(LABEL_PREFIXES)}
    return Container(
        engine=engine,
        id=digest,
        name=name,
        image=service.image,
        hostname=service.hostname or digest[:12],
        domainname=service.domainname,
        environment={key: text for key, text in service.environment.items() if key in ENVIRONMENT_KEYS},
        labels=ours | {PROJECT_LABEL: project.name, SERVICE_LABEL: service.name},
        health=Health.HEALTHY if service.has_healthcheck else Health.NONE,
        stop_signal=service.stop_signal or "SIGTERM",
        stop_timeout=service.stop_timeout,
        created=f"{order:06d}.{number:06d}",
        exposed=tuple(sorted({*service.expose, *(Port(each.port, each.protocol) for each in service.ports)})),
        bindings=tuple(binding for binding in service.ports if binding.host_port),
        attachments=tuple(_attachments(project, service)),
        network_mode=service.network_mode or "default",
    )


def _attachments(project: Project, service: Service) -> Iterable[Attachment]:
    if service.network_mode:
        return
    if project.legacy:
        yield Attachment(LEGACY_BRIDGE, "", service.name)
        return
    for key in service.networks or ("default",):
        name = project.networks.get(key, key)
        yield Attachment(name, "", service.name)
