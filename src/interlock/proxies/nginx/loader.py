"""Brings configurations into NGINX: checked, written, reloaded, confirmed; or else everything is as it was."""

import time
from collections.abc import Collection, Sequence

import msgspec
import structlog

from interlock.core.model import Match, Options
from interlock.core.problems import InterlockError, Problem
from interlock.host.slices import in_slices, in_thread
from interlock.proxies.nginx import seats
from interlock.proxies.nginx.blame import culprits
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.nginx.frame import Certificates, Frame
from interlock.proxies.nginx.master import Master, messages
from interlock.proxies.nginx.render import Rendered, render
from interlock.proxies.nginx.trial import prove
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.sieve import Verdict, sift
from interlock.proxies.serving.sites import LastGood, Site
from interlock.proxies.serving.template_choice import TemplateChoice
from interlock.proxies.serving.templating import Template

log = structlog.get_logger()


class Loader:
    """The configurations of one NGINX. What renders and writes does so in a thread; a large fleet takes a second."""

    def __init__(
        self,
        frame: Frame,
        *,
        templates: TemplateChoice,
        store: Store,
        master: Master,
        ledger: Ledger,
    ) -> None:
        self.frame = frame
        self.generation = ""
        """Of the configuration that was loaded last."""
        self.loaded_at = 0.0
        """When, by the monotonic clock."""
        self._templates = templates
        self.store = store
        """The operator's certificates."""
        self._disk = master.disk
        self._master = master
        self._ledger = ledger

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the operator's template."""
        return (self._templates.problem,) if self._templates.problem is not None else ()

    async def choose_template(self, sites: Sequence[Site]) -> None:
        """Put the operator's template in force if it is new and proves itself, with these sites too.

        Raises:
            PermanentError: it does not, and there is no good one to go on with.
            TemporaryError: it could not be found out.
        """

        async def prove_with_sites(template: Template) -> None:
            frame = msgspec.structs.replace(self.frame.on_trial, template=template)
            await prove(frame, sites, self.certificates_of, self._disk.write_candidate, self._master.check)

        await self._templates.choose(prove_with_sites)
        self.frame = msgspec.structs.replace(self.frame, template=self._templates.in_force)

    async def boot(self, last: LastGood) -> None:
        """Start NGINX with the last good state, as far as it still takes it.

        Raises:
            PermanentError: it takes not even the settings, or cannot start.
            TemporaryError: it comes to no verdict, or does not answer.
        """
        sites = (await sift("nginx", last.sites, self._judge)).sites
        rendered = await in_thread(self._write, sites)
        await self._master.start()
        if (await self._master.control.generation()).generation != rendered.generation:
            await self._master.reload(rendered.generation)  # it was started by others, before we wrote
        self._note(sites, rendered.generation)

    async def take_over(self, last: LastGood) -> None:
        """Go on with an NGINX that runs already, if it runs what we would have it run; else load that."""
        answer = await self._master.control.generation()
        if answer.generation == self._render(last.sites).generation:
            self._note(last.sites, answer.generation)
        else:
            await self.load(last.sites)

    async def load(self, sites: Sequence[Site]) -> bool:
        """Check, write, reload, and find out that it worked; else put back what was there.

        False where no reload was needed: with Lua, what is different may all be in the records.

        Raises:
            PermanentError: the disk cannot be written.
            TemporaryError: the old configuration still serves.
        """
        await self.choose_template(sites)
        if self.frame.live is not None and (await in_thread(self._render, sites)).generation == self.generation:
            rendered = await in_thread(self._write, sites)
            self._note(sites, rendered.generation)
            return False
        sifted = await sift("nginx", sites, self._judge)
        loaded = self._ledger.loaded
        kept = [loaded[refused.match] for refused in sifted.refused if refused.match in loaded]
        good = sifted.sites
        if kept:  # the last good version of what was refused, as it was
            both = sorted((*good, *kept), key=lambda site: site.match)
            good = (await sift("nginx", both, self._judge)).sites
        if self.frame.live is not None:
            good = tuple(self._dressed(site) for site in good)
        before = await in_thread(self._disk.snapshot, self._render(()).files)
        try:
            rendered = await in_thread(self._write, good)
            await self._master.reload(rendered.generation)
        except InterlockError:
            await in_thread(self._disk.restore, before)
            raise
        self._note(good, rendered.generation)
        self._ledger.note_refused(sifted.refused)
        return True

    async def catch_up(self) -> None:
        """Bring the files up to what is served: the structure that is loaded, the servers as they are now."""
        await in_thread(self._write, await in_slices(self._dressed, self._served()))

    def _served(self) -> list[Site]:
        """Every site that is loaded or seated by now, with the servers that it was loaded with."""
        return sorted((*self._ledger.loaded.values(), *self._ledger.seated.values()), key=lambda site: site.match)

    def may_seat(self, match: Match, options: Options, hosts: Collection[str]) -> bool:
        """Whether a new site can be served without a reload, beside these hosts (and wildcards).

        With Lua, if it differs in nothing but its servers; not with a template of the operator's,
        which may say something of this very host.
        """
        return (
            self.frame.live is not None
            and not self.frame.template.is_custom
            and self.store.of(match.host, options).pair is None
            and seats.fits(match, options, hosts)
        )

    def outdated(self) -> str:
        """Why what is loaded would not be rendered so any more; "" where it would."""
        if self._templates.is_new():
            return "template changed"
        current = self._render(tuple(self._ledger.loaded.values())).generation
        return "" if current == self.generation else "certificates changed"

    async def start(self) -> None:
        """Start NGINX again, with what is served; if the disk is in the way, with the files as they are."""
        if self.frame.live is not None:
            served = tuple(map(self._dressed, self._served()))
            try:
                rendered = await in_thread(self._write, served)
            except InterlockError as error:
                log.warning(f"[{self._master.name}] starting from the files as they are: {error}")
            else:
                self._note(served, rendered.generation)
        await self._master.start()

    def _write(self, sites: Sequence[Site]) -> Rendered:
        rendered = self._render(sites)
        self._disk.write(rendered.files, rendered.generation, tuple(sites))
        return rendered

    def _render(self, sites: Sequence[Site]) -> Rendered:
        return render(self.frame, sites, self.certificates_of(sites))

    def certificates_of(self, sites: Sequence[Site]) -> Certificates:
        """Those of the hosts of some sites; none without HTTPS."""
        return self.store.for_sites(sites) if self.frame.https_port else Certificates()

    async def _judge(self, sites: Sequence[Site]) -> Verdict:
        """Have NGINX check these sites as a candidate."""
        rendered = await in_thread(lambda: render(self.frame.on_trial, sites, self.certificates_of(sites)))
        await in_thread(self._disk.write_candidate, rendered.files)
        ended = await self._master.check()
        if ended.code == 0:
            return Verdict(accepted=True)
        why = messages(ended.output) or ended.output.strip()[-200:]
        return Verdict(accepted=False, why=why, culprits=culprits(ended.output, rendered.files, sites))

    def _dressed(self, site: Site) -> Site:
        """The site with its servers as they are wanted by now."""
        table = self._ledger.table
        return site if table is None else self._ledger.dressed(site, table)

    def _note(self, sites: Sequence[Site], generation: str) -> None:
        self._ledger.note_loaded(sites)
        self.generation, self.loaded_at = generation, time.monotonic()
