"""The settings themselves, as frozen values."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

from interlock.core.problems import Problem
from interlock.settings.option import Option

DEFAULT_ENGINE_URL = "unix:///var/run/docker.sock"


class LogFormat(enum.StrEnum):
    """How log lines look."""

    LOGFMT = "logfmt"
    """``time=… level=… msg=…``, the original's."""
    JSON = "json"
    """One JSON object a line."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One engine to watch, and how to speak with it."""

    name: str = "docker"
    """Its name in logs, metrics and container keys."""
    url: Annotated[
        str,
        Option(
            key="DockerURL",
            env="DOCKER_HOST",
            flag="--swarm-url",
            doc="Engine or classic Swarm manager to watch: a unix://, tcp://, http:// or https:// URL. The flag may be "
            "repeated, with a name before each URL: node1=tcp://10.0.0.5:2376. In the file, several have [[Engines]] "
            "tables with Name and these keys.",
        ),
    ] = DEFAULT_ENGINE_URL
    tls_ca: Annotated[
        str,
        Option(
            key="TLSCACert",
            flag="--swarm-tls-ca-cert",
            doc="File of the CA that signed the engine's certificate; the three TLS files go together.",
        ),
    ] = ""
    tls_cert: Annotated[
        str, Option(key="TLSCert", flag="--swarm-tls-cert", doc="File of the client certificate shown to the engine.")
    ] = ""
    tls_key: Annotated[
        str, Option(key="TLSKey", flag="--swarm-tls-key", doc="File of the client certificate's private key.")
    ] = ""
    allow_insecure: Annotated[
        bool,
        Option(
            key="AllowInsecure",
            flag="--swarm-allow-insecure",
            doc="Take any certificate of the engine, also a forged one; TLS then only keeps honest people out.",
        ),
    ] = False
    swarm_mode: Annotated[
        bool,
        Option(
            key="SwarmMode",
            env="INTERLOCK_SWARM_MODE",
            flag="--swarm-mode",
            doc="The engine is a manager of a swarm (docker swarm): route to the tasks of its services on every node. "
            "Without it, a manager is an engine like any other, and only its own containers count.",
        ),
    ] = False
    swarm_nodes: Annotated[
        tuple[str, ...],
        Option(
            key="SwarmNodes",
            env="INTERLOCK_SWARM_NODES",
            flag="--swarm-node",
            doc="More addresses of that swarm, with the same TLS files: other managers to ask when one fails, and the "
            "agents (or engines) of nodes, whose containers then count the moment they start. The flag may be "
            "repeated; tcp://tasks.NAME stands for all tasks of the service NAME. Implies swarm mode.",
        ),
    ] = ()

    @property
    def is_swarm(self) -> bool:
        """Whether it stands for a whole swarm."""
        return self.swarm_mode or bool(self.swarm_nodes)

    @property
    def tls_files(self) -> tuple[str, str, str]:
        """CA, client certificate and key; all "" without them."""
        return (self.tls_ca, self.tls_cert, self.tls_key)


class PluginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One enabled plugin."""

    name: str
    table: Mapping[str, object] = {}
    """Its ``[[Extensions]]`` table as written, without Name and without the keys that other plugins of 1.4.5 had."""
    where: str = ""
    """The table's place, for messages."""
    options: msgspec.Struct | None = None
    """The plugin's own settings struct, read from environment and table; None for a plugin that has none."""


class Rule(msgspec.Struct, frozen=True):
    """A ``[Rules.NAME]`` table of 1.4.5: which containers its beacon measured."""

    type: str = ""
    regex: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set, read once at the start."""

    engines: tuple[EngineSettings, ...] = (EngineSettings(),)
    """At least one, each with a name of its own."""
    plugins: tuple[PluginSettings, ...] = ()
    """The enabled ones, in the order in which they were named."""
    debug: Annotated[
        bool, Option(key="Debug", env="INTERLOCK_DEBUG", flag="--debug", doc="Log every decision, not only outcomes.")
    ] = False
    log_format: Annotated[
        LogFormat,
        Option(
            key="LogFormat",
            env="INTERLOCK_LOG_FORMAT",
            flag="--log-format",
            doc="Look of the log on stderr: logfmt (the original's) or one JSON object a line.",
        ),
    ] = LogFormat.LOGFMT
    state_dir: Annotated[
        str,
        Option(
            key="StateDir",
            env="INTERLOCK_STATE_DIR",
            doc="Directory for what survives a restart: the last good configuration, generated passwords. "
            "Unset: /var/lib/interlock for root, else $XDG_STATE_HOME/interlock or ~/.local/state/interlock.",
        ),
    ] = ""
    run_dir: Annotated[
        str,
        Option(
            key="RunDir",
            env="INTERLOCK_RUN_DIR",
            flag="--run-dir",
            doc="Directory for sockets and pid files. "
            "Unset: /run/interlock for root, else $XDG_RUNTIME_DIR/interlock or /tmp/interlock-UID (mode 0700).",
        ),
    ] = ""
    reconcile_interval: Annotated[
        float,
        Option(
            key="ReconcileInterval",
            env="INTERLOCK_RECONCILE_INTERVAL",
            unit="s",
            minimum=1,
            maximum=86400,
            doc="Seconds between two full comparisons of engine and proxy, beside those that events cause.",
        ),
    ] = 60.0
    keep_lost: Annotated[
        float,
        Option(
            key="KeepLost",
            env="INTERLOCK_KEEP_LOST",
            unit="s",
            minimum=1,
            maximum=604800,
            doc="Seconds for which what an engine said last is believed while it is out of reach; then what it ran "
            "takes no more requests where others can.",
        ),
    ] = 300.0
    locality: Annotated[
        tuple[str, ...],
        Option(
            key="Locality",
            env="INTERLOCK_LOCALITY",
            flag="--locality",
            doc="Engines by name, or nodes of a swarm by host name, whose containers come first: as long as one of "
            "them is up, what runs elsewhere stands by. The flag may be repeated. Unset: all share the requests.",
        ),
    ] = ()
    hold_removals: Annotated[
        float,
        Option(
            key="HoldRemovals",
            env="INTERLOCK_HOLD_REMOVALS",
            unit="s",
            minimum=0,
            maximum=3600,
            doc="Seconds for which a list is held that lost more than half of what ran, before a second one is asked "
            "and believed; `interlock confirm` ends it.",
        ),
    ] = 0.5
    keep_revisions: Annotated[
        int,
        Option(
            key="KeepRevisions",
            env="INTERLOCK_KEEP_REVISIONS",
            minimum=1,
            maximum=100000,
            doc="How many of the last revisions are kept, for `interlock history`, `diff` and `rollback`.",
        ),
    ] = 500
    listen_addr: Annotated[
        str,
        Option(
            key="ListenAddr",
            env="INTERLOCK_LISTEN_ADDR",
            doc="Address for /healthz, /readyz and, with EnableMetrics, /metrics, open to everybody who reaches it: "
            ":8080, or 127.0.0.1:8080 for this machine only. Unset: none.",
        ),
    ] = ""
    enable_metrics: Annotated[
        bool,
        Option(
            key="EnableMetrics",
            env="INTERLOCK_ENABLE_METRICS",
            doc="Whether /metrics is there on ListenAddr. The API has it in any case.",
        ),
    ] = False
    metrics_limit: Annotated[
        int,
        Option(
            key="MetricsLimit",
            env="INTERLOCK_METRICS_LIMIT",
            minimum=1,
            doc="How many routes and servers of one proxy /metrics has counters for; each is some series.",
        ),
    ] = 1000
    api_addr: Annotated[
        str,
        Option(
            key="ApiAddr",
            env="INTERLOCK_API_ADDR",
            doc="Address for the API beside its unix socket: 127.0.0.1:8100. Callers show a token, or a certificate "
            "with ApiClientCA. Unset: none.",
        ),
    ] = ""
    api_read_token_file: Annotated[
        str,
        Option(
            key="ApiReadTokenFile",
            env="INTERLOCK_API_READ_TOKEN_FILE",
            doc="File of the token that may look; made if missing. Unset: api-read-token in StateDir.",
        ),
    ] = ""
    api_operate_token_file: Annotated[
        str,
        Option(
            key="ApiOperateTokenFile",
            env="INTERLOCK_API_OPERATE_TOKEN_FILE",
            doc="File of the token that may look and operate; made if missing. Unset: api-operate-token in StateDir.",
        ),
    ] = ""
    api_tls_cert: Annotated[
        str,
        Option(
            key="ApiTLSCert",
            env="INTERLOCK_API_TLS_CERT",
            doc="File of the certificate (and chain) that ApiAddr shows. Unset: no TLS, so tokens travel in the clear.",
        ),
    ] = ""
    api_tls_key: Annotated[
        str, Option(key="ApiTLSKey", env="INTERLOCK_API_TLS_KEY", doc="File of that certificate's private key.")
    ] = ""
    api_client_ca: Annotated[
        str,
        Option(
            key="ApiClientCA",
            env="INTERLOCK_API_CLIENT_CA",
            doc="File of the CA whose client certificates ApiAddr wants instead of tokens; each of them may look.",
        ),
    ] = ""
    api_operators: Annotated[
        tuple[str, ...],
        Option(
            key="ApiOperators",
            env="INTERLOCK_API_OPERATORS",
            doc="Names (CN or DNS) of the client certificates that may operate too; * for all of them.",
        ),
    ] = ()
    api_hosts: Annotated[
        tuple[str, ...],
        Option(
            key="ApiHosts",
            env="INTERLOCK_API_HOSTS",
            doc="Host names that ApiAddr and ListenAddr are asked by, beside addresses and names without a dot.",
        ),
    ] = ()
    external_dir: Annotated[
        str,
        Option(
            key="ExternalDir",
            env="INTERLOCK_EXTERNAL_DIR",
            doc="Directory that containers labelled interlock.ext.name=haproxy or nginx have mounted at the same path. "
            "With it, the proxies run in them, and Interlock writes their configurations there and runs their checks "
            "in them. Unset: they are run here, and nothing is done to any container.",
        ),
    ] = ""
    poll_interval: Annotated[
        float, Option(key="PollInterval", unit="s", minimum=0, doc="Of 1.4.5: poll the engine instead of following it.")
    ] = 0.0
    rules: Mapping[str, Rule] = {}
    """``[Rules.NAME]`` of 1.4.5."""
    warnings: tuple[Problem, ...] = ()
    """What was accepted but does not do what its author may expect; for the log's first lines."""
