"""Certificates out of the operator's folder: checked one by one, and copied to where an unprivileged NGINX reads them.

A host's certificate is the one that its container names, else ``HOST.pem`` (or ``HOST.crt`` with ``HOST.key``), else
``default.pem`` (or ``default.crt`` with ``default.key``), which serves every host over HTTPS. One bad file costs the
hosts that it is for.
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec

from interlock.core.model import Match, Options
from interlock.host import files
from interlock.host.certificate import fault_of
from interlock.proxies.nginx.frame import Certificates, Pair
from interlock.proxies.serving.sites import Site

DEFAULT = "default"
_CERTIFICATE_ENDINGS = (".pem", ".crt", ".cert", ".cer")


class Choice(msgspec.Struct, frozen=True):
    """What came of the search for a host's certificate."""

    pair: Pair | None = None
    fault: str = ""
    """Why the certificate that was named cannot be used; "" where it can, or where none was named."""


class Store:
    """The operator's folder, as it was when it was last looked at."""

    def __init__(self, source: str, target: Path, *, group: int) -> None:
        self._source = Path(source)
        self._target = target
        self._group = group
        self._known: dict[tuple[str, str], Choice] = {}
        self._names: frozenset[str] = frozenset()
        self.look()

    def look(self) -> None:
        """Look at the folder again."""
        self._known.clear()
        try:
            self._names = frozenset(path.name for path in self._source.iterdir())
        except OSError:
            self._names = frozenset()  # no folder is no certificates

    def has_any(self) -> bool:
        """Whether the folder has anything that could be served; without it there is no HTTPS."""
        return any(name.endswith(_CERTIFICATE_ENDINGS) for name in self._names)

    def of(self, host: str, options: Options) -> Choice:
        """The certificate for a host, by the options of one of its sites."""
        if options.ssl_certificate:
            return self._named(options.ssl_certificate, options.ssl_certificate_key)
        return Choice(self._by_stem(host.replace("*", "_")))

    def for_sites(self, sites: Iterable[Site]) -> Certificates:
        """For every host; where two sites of one host name different ones, that of the shorter path counts."""
        found: dict[str, Pair] = {}
        for site in sites:
            pair = self.of(site.match.host, site.options).pair if site.match.host not in found else None
            if pair is not None:
                found[site.match.host] = pair
        return Certificates(found, self._by_stem(DEFAULT))

    def is_served(self, match: Match, options: Options) -> bool:
        """Whether the host is served over HTTPS."""
        return (self.of(match.host, options).pair or self._by_stem(DEFAULT)) is not None

    def _by_stem(self, stem: str) -> Pair | None:
        for ending in _CERTIFICATE_ENDINGS:
            if f"{stem}{ending}" in self._names:
                return self._named(f"{stem}{ending}", "").pair
        return None

    def _named(self, certificate: str, key: str) -> Choice:
        names = (certificate, key)
        if names not in self._known:
            self._known[names] = self._install(certificate, key)
        return self._known[names]

    def _install(self, certificate: str, key: str) -> Choice:
        path = self._source / certificate
        beside = path.with_suffix(".key").name
        key_path = self._source / (key or (beside if beside in self._names else certificate))
        why = fault_of(path, key_path)
        if why:
            return Choice(fault=why)
        return Choice(Pair(self._copy(path), self._copy(key_path)))

    def _copy(self, path: Path) -> str:
        """A copy named by its content, so that another content is another configuration."""
        text = path.read_text()
        files.folder(self._target, group=self._group)
        copy = self._target / f"{sha256(text.encode()).hexdigest()[:16]}.pem"
        if not copy.is_file():
            files.write(copy, text, mode=0o640, group=self._group)
        return str(copy)
