"""What the operator set for HAProxy: settings, certificates and a template -> the frame of the configuration."""

from collections.abc import Sequence

import msgspec

from interlock.core.problems import Problem
from interlock.host import files
from interlock.proxies.haproxy import certificates
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.frame import build_frame
from interlock.proxies.haproxy.master import Master
from interlock.proxies.haproxy.render import BUILTIN, Frame
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.haproxy.trial import prove
from interlock.proxies.serving.sites import Site
from interlock.proxies.serving.template_choice import TemplateChoice
from interlock.proxies.serving.templating import Template

PASSWORD_FILE = "stats-password"  # noqa: S105 - the name of a file
"""The generated password of the statistics page, in the state folder."""


class Setup:
    """The frame, and what may change it: files of the operator's."""

    def __init__(self, settings: HaproxySettings, disk: Disk, master: Master) -> None:
        """The built-in template is in force until :meth:`choose_template`.

        Raises:
            PermanentError: a setting cannot be written into the configuration, or no certificate can be used.
        """
        self._settings = settings
        self._disk = disk
        self._master = master
        self._templates = TemplateChoice(
            master.name,
            BUILTIN,
            setting="HAPROXY_TEMPLATE_PATH",
            path=settings.template_path,
            disk=disk,
        )
        self._certificates = self._install_certificates()
        self.frame = self._build_frame()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the operator's files."""
        template = self._templates.problem
        return (*self._certificates.problems, *((template,) if template is not None else ()))

    def refresh(self) -> str:
        """Look at the operator's files again; the reason for a reload, or "".

        A new template comes into force with :meth:`choose_template` only.
        """
        now = self._install_certificates()
        if now.path != self._certificates.path:
            self._certificates = now
            self.frame = self._build_frame()
            return "certificates changed"
        return "template changed" if self._templates.is_new() else ""

    async def choose_template(self, sites: Sequence[Site]) -> None:
        """Put the operator's template in force if it is new and proves itself, with these sites too.

        Raises:
            PermanentError: it does not, and there is no good one to go on with.
            TemporaryError: it could not be found out.
        """

        async def prove_with_sites(template: Template) -> None:
            frame = msgspec.structs.replace(self.frame, template=template)
            await prove(frame, sites, self._disk.write_candidate, self._master.check)

        await self._templates.choose(prove_with_sites)
        self.frame = msgspec.structs.replace(self.frame, template=self._templates.in_force)

    def _install_certificates(self) -> certificates.Certificates:
        return certificates.install(
            self._settings.ssl_cert, self._disk.state_dir / "certificates", group=self._disk.group
        )

    def _build_frame(self) -> Frame:
        password = self._settings.admin_pass or files.secret(self._disk.state_dir / PASSWORD_FILE)
        frame = build_frame(self._settings, self._disk, password=password, certificates=self._certificates.path)
        return msgspec.structs.replace(frame, template=self._templates.in_force)
