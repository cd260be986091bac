"""What a proxy has loaded, what it refused, and what it should serve now."""

from collections.abc import Iterable, Mapping

import msgspec

from interlock.core.model import Match, Options, RouteTable, Server, ServerState
from interlock.core.plan import ServingRoute, shape
from interlock.proxies.contract import Refused
from interlock.proxies.serving.sites import Site


class Ledger:
    """The books of one proxy."""

    def __init__(self) -> None:
        self.table: RouteTable | None = None
        """None until the engines have spoken; until then the last good state is what is wanted."""
        self.loaded: dict[Match, Site] = {}
        """As the configuration that runs was rendered."""
        self.hosts: frozenset[str] = frozenset()
        """Hosts and wildcards of these."""
        self.seated: dict[Match, Site] = {}
        """Served beside them, by what the proxy is told while it runs."""
        self.refused: dict[Match, Refused] = {}
        self._endpoints: dict[Match, dict[str, str]] = {}
        """Servers last seen in rotation; only to keep, over a reload, one that still waits for its probe."""

    def note_seen(self, serving: Mapping[Match, ServingRoute]) -> None:
        for match, route in serving.items():
            self._endpoints[match] = {name: s.endpoint for name, s in route.servers.items() if s.takes_traffic}

    def note_loaded(self, sites: Iterable[Site]) -> None:
        """A configuration runs that has all of these, and so nothing is seated beside it."""
        self.loaded = {site.match: site for site in sites}
        self.hosts = frozenset(match.host for match in self.loaded)
        self.seated = {}

    def note_refused(self, refused: Iterable[Refused]) -> None:
        self.refused |= {each.match: each for each in refused}

    def wanted(self, table: RouteTable) -> list[Site]:
        """Everything wanted; a refused route with the options that are loaded, if any, else not at all.

        A closed host whose containers are gone keeps its backend, if any: most likely they come back as they were.
        """
        sites = []
        for match, route in table.items():
            options: Options | None = route.backend.options
            refused = self.refused.get(match)
            if refused is not None and refused.shape == shape(route.backend.options):
                options = self._loaded_options(match)
            elif refused is not None:
                del self.refused[match]
            if route.maintenance is not None and not route.backend.servers:
                options = self._loaded_options(match)
            if options is not None or route.maintenance is not None:
                site = Site(match=match, options=options or Options(), has_backend=options is not None)
                sites.append(self.dressed(site, table))
        return sites

    def dressed(self, site: Site, table: RouteTable) -> Site:
        """The site with its servers, and where its requests go, as the table wants it."""
        route = table.get(site.match)
        return msgspec.structs.replace(
            site,
            servers=self.in_rotation(site.match, table) if site.has_backend else (),
            routed=route is not None,
            maintenance=route.maintenance if route is not None else None,
        )

    def in_rotation(self, match: Match, table: RouteTable) -> tuple[Server, ...]:
        """Who takes traffic: a server that serves already stays in although it has not answered us yet."""
        route = table.get(match)
        if route is None:
            return ()
        seen = self._endpoints.get(match, {})
        return tuple(
            server
            for server in route.backend.servers
            if server.state is ServerState.READY
            or (server.state is ServerState.PROBING and seen.get(server.name) == server.endpoint)
        )

    def _loaded_options(self, match: Match) -> Options | None:
        site = self.loaded.get(match)
        return site.options if site is not None and site.has_backend else None
