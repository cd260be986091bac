"""The ways into the API: its unix socket, and the ports that settings ask for, each with those whom it lets in."""

import ssl
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack
from pathlib import Path

import structlog

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.listening import Listener, listen_on
from interlock.settings import Settings
from interlock.web.access import CertificateGate, Door, Gate, OpenGate, TokenGate
from interlock.web.metrics import Metrics
from interlock.web.news import News
from interlock.web.orders import Orders
from interlock.web.server import METRICS_PATHS, serve

log = structlog.get_logger()

SOCKET = "interlock.sock"
"""The local API's, in the run folder."""
READ_TOKEN, OPERATE_TOKEN = "api-read-token", "api-operate-token"
"""In the state folder."""
SHORTEST_TOKEN = 16
"""Characters; what can be guessed protects nothing."""
LOOPBACK = ("127.", "[::1]", "localhost:")


class Doors:
    """Opened once, closed at the end."""

    def __init__(self, settings: Settings, metrics: Metrics, news: News) -> None:
        self._settings = settings
        self._metrics = metrics
        self._news = news
        self._opened = ExitStack()

    def open(self, orders: Orders) -> Iterator[tuple[str, Awaitable[None]]]:
        """Each way in: its name, and what answers there until it is cancelled. Raises PermanentError."""
        yield "local API", self._open_socket(orders)
        if self._settings.api_addr:
            yield "API", self._open_api(orders)
        if self._settings.listen_addr:
            yield "metrics", self._open_metrics(orders)

    def close(self) -> None:
        """Stop listening."""
        self._opened.close()

    def _open_socket(self, orders: Orders) -> Awaitable[None]:
        listener = Listener(files.folder(Path(self._settings.run_dir), mode=0o755) / SOCKET)
        self._opened.callback(listener.close)
        return serve(orders, listener.socket, metrics=self._metrics, news=self._news)

    def _open_api(self, orders: Orders) -> Awaitable[None]:
        settings = self._settings
        tls = _tls(settings)
        if tls is None and not settings.api_addr.startswith(LOOPBACK):
            log.warning(
                f"[interlock] tokens travel in the clear to {settings.api_addr}; fix: set ApiTLSCert and ApiTLSKey"
            )
        listener = self._opened.enter_context(listen_on(settings.api_addr, setting="ApiAddr"))
        log.info(f"[interlock] the API listens on {settings.api_addr}", tls=tls is not None)
        return serve(orders, listener, door=self._door(self._gate()), metrics=self._metrics, news=self._news, tls=tls)

    def _open_metrics(self, orders: Orders) -> Awaitable[None]:
        settings = self._settings
        paths = METRICS_PATHS if settings.enable_metrics else METRICS_PATHS - {"/metrics"}
        listener = self._opened.enter_context(listen_on(settings.listen_addr, setting="ListenAddr"))
        log.info(f"[interlock] {', '.join(sorted(paths))} on {settings.listen_addr}")
        return serve(orders, listener, door=self._door(OpenGate()), paths=paths, metrics=self._metrics)

    def _door(self, gate: Gate) -> Door:
        return Door(gate, frozenset(host.casefold() for host in self._settings.api_hosts))

    def _gate(self) -> Gate:
        settings = self._settings
        if settings.api_client_ca:
            return CertificateGate(frozenset(settings.api_operators))
        state = files.folder(Path(settings.state_dir), mode=0o755)
        read = _token(settings.api_read_token_file, state / READ_TOKEN)
        operate = _token(settings.api_operate_token_file, state / OPERATE_TOKEN)
        if read == operate:
            raise PermanentError("both tokens of the API are the same", fix="give ApiReadTokenFile another one")
        return TokenGate(read=read, operate=operate)


def _token(chosen: str, usual: Path) -> str:
    """A token from its file, made there if there is none. Raises PermanentError."""
    path = Path(chosen) if chosen else usual
    token = files.secret(path)
    if len(token) < SHORTEST_TOKEN:
        raise PermanentError(
            f"the token in {path} has fewer than {SHORTEST_TOKEN} characters", fix="remove it, and another will be made"
        )
    return token


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """How ApiAddr speaks TLS; None where it does not. Raises PermanentError."""
    cert, key, client_ca = settings.api_tls_cert, settings.api_tls_key, settings.api_client_ca
    if not (cert or key or client_ca):
        return None
    if not (cert and key):
        raise PermanentError(
            "TLS for ApiAddr needs a certificate and its key", fix="set ApiTLSCert and ApiTLSKey, or none of ApiTLS*"
        )
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca or None)
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(filter(None, (cert, key, client_ca)))
        raise PermanentError(
            f"TLS for ApiAddr: {error.strerror or error}", fix=f"check that these are readable PEM files: {named}"
        ) from error
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
