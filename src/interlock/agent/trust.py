"""The agent's certificate and the CAs of its clients, read again when their files change."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import msgspec
import structlog

from interlock.core.problems import PermanentError, shown
from interlock.host.certificate import Facts, facts_of

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""Between two looks at the files."""
WARN_DAYS = 30
"""Before a certificate expires."""
WARN_AGAIN = timedelta(days=1)


class TrustFiles(msgspec.Struct, frozen=True):
    """PEM files."""

    ca: str
    """Certificates of the CAs that vouch for clients; two while one takes the other's place."""
    cert: str
    """Of the agent, with those between it and its CA, if any."""
    key: str


class Trust:
    """How to speak TLS with the next client."""

    def __init__(self, files: TrustFiles) -> None:
        """Raises PermanentError for files that cannot be used."""
        self._files = files
        self._seen = self._state()
        self._context = _context(files)
        self._warned_at = datetime.min.replace(tzinfo=UTC)
        self._warn()

    def context(self) -> ssl.SSLContext:
        return self._context

    def look(self) -> None:
        """Read the files again if they are others; if they cannot be used, go on with what there is, and say so."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._context = _context(self._files)
            except PermanentError as error:
                log.warning(f"[agent] the changed TLS files are not used: {error}")
                return
            log.info("[agent] the changed TLS files are in use, for clients that connect from now on")
            self._warned_at = datetime.min.replace(tzinfo=UTC)
        self._warn()

    async def watch(self) -> NoReturn:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _state(self) -> list[tuple[int, int, int] | None]:
        """What tells one state of the files from another; secrets of a swarm and links are followed."""
        return [_stamp(Path(file)) for file in (self._files.ca, self._files.cert, self._files.key)]

    def _warn(self) -> None:
        """Once a day, while the agent's certificate or a CA has less than `WARN_DAYS` left."""
        now = datetime.now(UTC)
        if now - self._warned_at < WARN_AGAIN:
            return
        self._warned_at = now
        for what, expires in self._endings():
            if (days := (expires - now).days) < WARN_DAYS:
                log.warning(
                    f"[agent] {what} expires on {expires:%Y-%m-%d}, in {days} days",
                    fix="interlock agent keys --renew",
                )

    def _endings(self) -> list[tuple[str, datetime]]:
        facts = facts_of(Path(self._files.cert), Path(self._files.key))
        own = [("the agent's certificate", facts.expires)] if isinstance(facts, Facts) else []
        cas = [certificate["notAfter"] for certificate in self._context.get_ca_certs()]
        return [*own, *(("a CA certificate", _time(str(text))) for text in cas)]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _context(files: TrustFiles) -> ssl.SSLContext:
    """Whoever connects must show a certificate of these CAs. Raises PermanentError."""

    def refuse() -> str:
        raise PermanentError(f"the TLS key {shown(files.key)} is encrypted", fix="store it without a passphrase")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0  # a session that is resumed does not look at the client's certificate again
    try:
        context.load_verify_locations(files.ca)
        context.load_cert_chain(files.cert, files.key, password=refuse)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
        raise PermanentError(
            f"the agent's TLS files cannot be used: {shown(str(reason or error)).lower().replace('_', ' ')}",
            fix=f"give readable PEM files that fit: {', '.join(map(shown, (files.ca, files.cert, files.key)))}",
        ) from error
    return context
