"""Which template is in force: the operator's as it is now, or else as it was when it last proved itself.

A template that does not prove itself changes nothing: the last good one stays in force, also over a restart, and the
problem is there for everybody to see. Only where nothing has ever been served is it fatal, as any wrong setting is.
"""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from interlock.core.problems import PermanentError, Problem, Severity, shown
from interlock.host import files
from interlock.host.slices import in_thread
from interlock.proxies.serving.disk import Disk
from interlock.proxies.serving.templating import Template

log = structlog.get_logger()

Prove = Callable[[Template], Awaitable[None]]
"""Raises PermanentError for a template that must not be used, with the reason."""


class TemplateChoice:
    """The template of one proxy."""

    def __init__(self, name: str, builtin: Template, *, setting: str, path: str, disk: Disk) -> None:
        """What is to be used is known once :meth:`choose` has returned.

        Args:
            name: the proxy's, for messages.
            builtin: Interlock's own, where the operator has none.
            setting: the variable that names the operator's.
            path: the operator's; "" for none.
            disk: where the last good one is written down, and whether the proxy has served before.
        """
        self.in_force = builtin
        self.problem: Problem | None = None
        """Why the operator's is not in force as it is."""
        self._name = name
        self._builtin = builtin
        self._setting = setting
        self._path = path
        self._kept = disk.state_dir / "last-good-template.json"
        self._served = disk.last_good
        self._candidate = builtin.replaced(Path(path)) if path else builtin
        """The operator's template when it was last tried, or will first be."""
        self._tried: dict[str, str] = {}
        """Its texts then."""

    def is_new(self) -> bool:
        """Whether the operator has changed a template since it was last tried."""
        return self._candidate.look() != self._tried

    async def choose(self, prove: Prove) -> None:
        """Put the operator's template in force if it is new and proves itself.

        Raises:
            PermanentError: it does not, and there is nothing good to go on with.
            TemporaryError: it could not be found out.
        """
        if not self._path:
            with contextlib.suppress(OSError):  # on a read-only disk it is no harm either
                self._kept.unlink(missing_ok=True)
        if not self.is_new():
            return
        candidate = self._candidate = self._builtin.replaced(Path(self._path))
        try:
            await prove(candidate)
        except PermanentError as error:
            if not self.in_force.is_custom:
                self.in_force = await self._last_good(prove, error)
            self.problem = self._problem(error)
            log.error(f"[{self._name}] the last good template stays in force: {error}")
        else:
            self.in_force, self.problem = candidate, None
            text = msgspec.json.encode(candidate.sources).decode()
            await in_thread(files.write, self._kept, text, mode=0o600)
        self._tried = candidate.look() | candidate.sources

    async def _last_good(self, prove: Prove, why_not: PermanentError) -> Template:
        """What was in force when Interlock ran last; the built-in one if that was before any template."""
        text = files.read(self._kept)
        if text is None and self._served.exists():
            return self._builtin
        try:
            sources = msgspec.json.decode(text or "null", type=dict[str, str])
            template = self._builtin.replaced(Path(self._path), kept=sources)
            await prove(template)
        except (msgspec.DecodeError, PermanentError):
            raise why_not from None
        return template

    def _problem(self, error: PermanentError) -> Problem:
        return Problem(
            container="",
            key=self._setting,
            value=shown(self._path),
            what=f"the last good template stays in force, for {error.what}",
            fix=error.fix,
            severity=Severity.WARNING,
        )
