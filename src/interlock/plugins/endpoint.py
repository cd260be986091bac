"""``host:port``, as somebody types where a server is or shall be."""

from typing import NamedTuple, Self
from urllib.parse import urlsplit

from interlock.core.problems import PermanentError, shown


class Endpoint(NamedTuple):
    """A host, by name or address, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, port: int, setting: str) -> Self:
        """Take it apart; `port` is for a text that names none.

        Raises PermanentError, which says what to set `setting` to.
        """
        try:
            parts = urlsplit(f"//{text}" if text.isprintable() else "")  # it would drop line breaks silently
            host, named = parts.hostname or "", parts.port
        except ValueError:
            host, named = "", None
        rest = parts.path or parts.query or parts.fragment or parts.username if host else ""
        if not host or rest or not all(c.isalnum() or c in "-._:%" for c in host) or named == 0:
            raise PermanentError(
                f"{setting} {shown(text)} is not HOST:PORT", fix=f"set {setting} to something like 127.0.0.1:{port}"
            )
        return cls(host, named or port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
