"""Where an engine listens, and how to trust it: URLs as in ``DOCKER_HOST`` and ``--swarm-url``, and their TLS."""

import enum
import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from interlock.core.problems import PermanentError, shown

PLAIN_PORT = 2375
TLS_PORT = 2376
"""Docker's registered ports."""

_EXAMPLES = "unix:///var/run/docker.sock or tcp://HOST:2375"


class Kind(enum.StrEnum):
    """How an engine is reached."""

    UNIX = "unix"
    HTTP = "http"
    HTTPS = "https"


class EngineAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One engine's address, taken apart and checked. Make it with :meth:`parse`."""

    name: str
    """The engine's name in logs, metrics and container keys."""
    url: str
    """As the operator wrote it."""
    kind: Kind
    host: str = ""
    """Host name or IP address without brackets; "" for a unix socket."""
    port: int = 0
    path: str = ""
    """File of a unix socket; else what stands before every request's own path (mostly "")."""
    tls_ca: str | None = None
    """File of the CAs that may vouch for the engine; None means those of the system."""
    tls_cert: str | None = None
    tls_key: str | None = None
    allow_insecure: bool = False
    """Take any certificate. Whoever sits between can then read and forge everything."""
    server_name: str = ""
    """The name that its certificate must have, where that is not `host`."""

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        name: str = "docker",
        tls_ca: str | None = None,
        tls_cert: str | None = None,
        tls_key: str | None = None,
        allow_insecure: bool = False,
    ) -> "EngineAddress":
        """Take a URL apart; ``host:port`` alone is tcp, and tcp is https where TLS files are given, as in the original.

        Raises PermanentError for what cannot be an engine's address.
        """
        has_tls = bool(tls_ca or tls_cert or tls_key)
        kind, rest = _kind(url, has_tls=has_tls)
        if bool(tls_cert) != bool(tls_key):
            given, missing = ("certificate", "key") if tls_cert else ("key", "certificate")
            raise PermanentError(
                f"a TLS client {given} without its {missing}", fix=f"give the file of the {missing} too, or neither"
            )
        if kind is Kind.UNIX:
            return cls(name=name, url=url, kind=kind, path=_socket_path(url, rest))
        host, port, path = _place(url, rest, kind)
        return cls(
            name=name,
            url=url,
            kind=kind,
            host=host,
            port=port,
            path=path,
            tls_ca=tls_ca or None,
            tls_cert=tls_cert or None,
            tls_key=tls_key or None,
            allow_insecure=allow_insecure and kind is Kind.HTTPS,
        )

    @property
    def is_near(self) -> bool:
        """Whether it can only be on this machine: a unix socket, or a loopback address."""
        if self.kind is Kind.UNIX or self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def base_url(self) -> str:
        """What every request's URL begins with, without a slash at its end."""
        if self.kind is Kind.UNIX:
            return "http://docker"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}{self.path}"

    @property
    def endpoint(self) -> str:
        """``host:port``, or the socket's file: the name of the engine's place in log lines."""
        return self.path if self.kind is Kind.UNIX else f"{self.host}:{self.port}"

    def check(self) -> None:
        """Raise PermanentError for what no waiting can mend: files of the operator that are missing or do not fit."""
        if self.kind is Kind.UNIX:
            check_socket_file(self.path)
        else:
            self.tls_context()

    def tls_context(self) -> ssl.SSLContext | None:
        """A fresh context, so that rotated certificates are read again; None where TLS is not spoken.

        Raises PermanentError naming the file that is at fault.
        """
        if self.kind is not Kind.HTTPS:
            return None
        for file in filter(None, (self.tls_ca, self.tls_cert, self.tls_key)):
            if not Path(file).is_file():
                raise PermanentError(f"no TLS file {shown(file)}", fix="correct its name, or the mount that brings it")
        context = self._trust()
        if self.tls_cert and self.tls_key:
            _load_client_certificate(context, self.tls_cert, self.tls_key)
        return context

    def _trust(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.tls_ca)
        except (OSError, ValueError) as error:
            raise PermanentError(
                f"no CA certificate in {shown(self.tls_ca or '')}: {error}", fix="give a PEM file of CA certificates"
            ) from error
        if self.allow_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def check_socket_file(path: str) -> None:
    """Raise PermanentError where a unix socket can never be: a directory, or some other file."""
    file = Path(path)
    if file.is_dir():
        raise PermanentError(
            f"{path} is a directory",
            fix="name the socket in it; Docker makes such a directory when it mounts a socket that is not there yet",
        )
    if file.exists() and not file.is_socket():
        raise PermanentError(f"{path} is no socket", fix=f"name the engine's socket, as in {_EXAMPLES}")


def _load_client_certificate(context: ssl.SSLContext, cert: str, key: str) -> None:
    def refuse() -> str:
        raise PermanentError(f"the TLS key {shown(key)} is encrypted", fix="store it without a passphrase, mode 600")

    try:
        context.load_cert_chain(cert, key, password=refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise PermanentError(
                f"the TLS key {shown(key)} does not fit the certificate {shown(cert)}",
                fix="give the key that the certificate was made from",
            ) from error
        raise PermanentError(
            f"no certificate and key in {shown(cert)} and {shown(key)}: {error}", fix="give both as PEM files"
        ) from error
    except OSError as error:
        raise PermanentError(
            f"cannot read the TLS files {shown(cert)} and {shown(key)}: {error}",
            fix="let the user that Interlock runs as read them",
        ) from error


def _kind(url: str, *, has_tls: bool) -> tuple[Kind, str]:
    """The kind of an address, and the rest of the URL behind the scheme."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "tcp", url
        if url.startswith("/") or not url:
            raise _wrong(url, "has no scheme", f"write unix://{url}" if url else f"write {_EXAMPLES}")
    match scheme.lower():
        case "unix":
            return Kind.UNIX, rest
        case "tcp":
            return (Kind.HTTPS if has_tls else Kind.HTTP), rest
        case "https":
            return Kind.HTTPS, rest
        case "http" if has_tls:
            raise _wrong(url, "is not TLS, but TLS files are given", "write https://, or drop the files")
        case "http":
            return Kind.HTTP, rest
        case "ssh":
            fix = "forward the socket with ssh -L, and write unix:// with its path here"
            raise _wrong(url, "is an ssh URL, which only the docker command speaks", fix)
        case _:
            raise _wrong(url, "has a scheme that is none of unix, tcp, http, https", f"write {_EXAMPLES}")


def _socket_path(url: str, path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise _wrong(url, "holds no absolute path", f"write unix:///{path.split('/', 1)[-1] or 'PATH'}")
    return path


def _place(url: str, rest: str, kind: Kind) -> tuple[str, int, str]:
    """Host, port and leading path."""
    example = f"write tcp://HOST:{TLS_PORT if kind is Kind.HTTPS else PLAIN_PORT}"
    if not rest.isprintable() or " " in rest:  # before urlsplit, which drops some of these silently
        raise _wrong(url, "holds a character that no URL holds", example)
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _wrong(url, f"is no URL: {error}", example) from error
    if not host or not all(c.isalnum() or c in "-._:%" for c in host):
        raise _wrong(url, "names no host", example)
    if surplus := _surplus(parts):
        raise _wrong(url, f"holds {surplus}, which no engine understands", example)
    if port is None:
        port = TLS_PORT if kind is Kind.HTTPS else PLAIN_PORT
    return host, port, parts.path.rstrip("/")


def _surplus(parts: SplitResult) -> str:
    found = {"a user name": parts.username is not None, "a query": parts.query, "a fragment": parts.fragment}
    return next((what for what, there in found.items() if there), "")


def _wrong(url: str, what: str, fix: str) -> PermanentError:
    without_password = re.sub("//[^/@]*@", "//...@", url)
    return PermanentError(f"the engine's address {shown(without_password)} {what}", fix=shown(fix))
