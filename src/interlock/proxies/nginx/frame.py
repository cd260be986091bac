"""The operator's part of the configuration, checked; what the templates know beside the sites."""

import msgspec

from interlock.proxies.nginx.quoting import quoted, word
from interlock.proxies.serving.templating import Template, indented

CONFIG = "nginx.conf"
SERVER = "server.conf"
TLS = "tls.conf"
"""The files that have templates."""
TRIAL = ".try"
"""Ends the name of the control socket in a configuration that is only checked."""
BUILTIN = Template(
    "interlock.proxies.nginx",
    main=f"{CONFIG}.j2",
    filters={"indented": indented, "word": word, "quoted": quoted},
)


class Live(msgspec.Struct, frozen=True):
    """NGINX has its Lua module, so that servers change without a reload."""

    modules: tuple[str, ...]
    """Files to load, absolute; none where the module is built in."""
    scripts: str
    """Folder with our Lua."""
    records: str
    """File with the records of a start."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the configuration that is the operator's or the machine's; paths are absolute."""

    control_socket: str
    pid_file: str
    temp_dir: str
    """For bodies that are buffered; NGINX makes folders in it."""
    spare_temp_paths: tuple[str, ...] = ("fastcgi", "uwsgi", "scgi")
    """Modules that this NGINX has and we do not use, but that insist on a folder."""
    http_port: int
    https_port: int = 0
    """0 without certificates."""
    protocols: str = "TLSv1.2 TLSv1.3"
    ciphers: str = "HIGH:!aNULL:!MD5"
    http2_by_itself: bool = True
    """Whether HTTP/2 has a directive of its own (NGINX 1.25.1), and no longer belongs to `listen`."""
    spares_idle_clients: bool = False
    """Whether old workers can leave idle clients their connections for a moment (NGINX 1.27.4)."""
    backend_ca: str = ""
    """File of CAs for containers' certificates; "" where none can be verified."""
    worker_processes: int = 2
    max_connections: int = 16_384
    open_files: int = 65_535
    connect_timeout: int = 2
    send_timeout: int = 600
    read_timeout: int = 600
    client_timeout: int = 600
    shutdown_timeout: int = 3600
    buffering: bool = False
    max_body: int = 0
    """MB; 0 for any."""
    syslog: str = ""
    json_log: bool = False
    """Whether each request is one JSON object in the access log."""
    trusted: tuple[str, ...] = ()
    status_allow: tuple[str, ...] = ()
    has_status: bool = True
    """Whether NGINX was built with its status module."""
    unknown_status: int = 404
    live: Live | None = None
    template: Template = BUILTIN

    @property
    def on_trial(self) -> "Frame":
        """The same for a check, which binds the sockets that it finds and removes them: not those that are in use."""
        return msgspec.structs.replace(self, control_socket=f"{self.control_socket}{TRIAL}")


class Pair(msgspec.Struct, frozen=True, order=True):
    """A certificate and its key, as files that NGINX can read; one file may be both."""

    certificate: str
    key: str


class Certificates(msgspec.Struct, frozen=True):
    """Which hosts are served over HTTPS, and how."""

    of_host: dict[str, Pair] = {}
    default: Pair | None = None
    """For every other host; None where those are not served over HTTPS."""
