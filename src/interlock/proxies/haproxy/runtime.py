"""HAProxy's runtime language: steps -> commands, answers -> what is served. Text in, text out.

Commands and answers as of HAProxy 2.6 to 3.2 (docs: "Management Guide", 9.3). Every argument comes from a value whose
type says which characters it may hold, so that one command stays one command.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from interlock.core.model import CheckKind, HealthCheck, Match, Options, Server
from interlock.core.plan import Served
from interlock.core.problems import TemporaryError, shown
from interlock.proxies.haproxy.names import backend_name
from interlock.proxies.haproxy.render import ROUTES_MAP
from interlock.proxies.haproxy.sections import CHECK_HOSTS_MAP, CHECKS_MAP, server_arguments

WHOLE_STATE = "show servers state"
WHOLE_MAP = f"show map {ROUTES_MAP}"
GENERATION = "get var proc.interlock_generation"

NO_STATE = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port\n"
)
"""A server-state file that knows of no server; 2.6 warns of an empty one."""

LINES = 250
"""Lines of a long answer that are read at a stretch: about a millisecond."""

_MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20
"""Bits of srv_admin_state that keep a server out of rotation: forced, inherited, by configuration, by name."""
_DRAINED = 0x08 | 0x10
_STOPPED = "0"
"""srv_op_state of a server whose check fails."""
_NO_SUCH_SERVER = "No such server."
_GENERATION = re.compile(r"value=<([0-9a-f]+)>")


class Command(msgspec.Struct, frozen=True):
    """One command, and what a good answer looks like: anything else is a refusal."""

    text: str
    good: re.Pattern[str]


_SILENCE = re.compile(r"\s*")
_ANYTHING = re.compile(r".*", re.DOTALL)
_ADDED = re.compile(r"\s*New server registered\.\s*", re.DOTALL)
_ADDRESS = re.compile(r"(?!.*(?:[Ii]nvalid|No such|[Uu]nknown|rror)).*", re.DOTALL)


def add_server(match: Match, server: Server, options: Options, *, backend_ca: str) -> list[Command]:
    """Bring a server in; in one burst, so that its checks are on before its first request."""
    name = _name(match, server.name)
    commands = [Command(f"add server {name} {server_arguments(options, server, backend_ca=backend_ca)}", _ADDED)]
    if options.check.kind is not CheckKind.NONE:
        commands.append(Command(f"enable health {name}", _SILENCE))
    return [*commands, Command(f"set server {name} state ready", _SILENCE)]


def move_server(match: Match, server: Server) -> list[Command]:
    """Out of rotation, another address, back in: no request goes to the old address under the new owner."""
    name = _name(match, server.name)
    address, port = server.address, server.port
    return [
        Command(f"set server {name} state maint", _SILENCE),
        Command(f"set server {name} addr {address} port {port}", _ADDRESS),
        Command(f"set server {name} weight {server.weight}", _SILENCE),
        Command(f"set server {name} state ready", _SILENCE),
    ]


def weigh_server(match: Match, name: str, weight: int) -> list[Command]:
    return [Command(f"set server {_name(match, name)} weight {weight}", _SILENCE)]


def enable_server(match: Match, name: str) -> list[Command]:
    return [Command(f"set server {_name(match, name)} state ready", _SILENCE)]


def drain_server(match: Match, name: str) -> list[Command]:
    """`maint`, not `drain`: a draining server still gets the clients that hold its cookie."""
    return [Command(f"set server {_name(match, name)} state maint", _SILENCE)]


def delete_server(match: Match, name: str) -> Command:
    """Refused while the server has connections; the caller asks again later."""
    return Command(f"del server {_name(match, name)}", _ANYTHING)


def end_sessions(match: Match, name: str) -> Command:
    return Command(f"shutdown sessions server {_name(match, name)}", _SILENCE)


def is_deleted(answer: str) -> bool:
    """Whether `del server` left nothing behind."""
    return "Server deleted" in answer or _NO_SUCH_SERVER in answer


def set_route(key: str, entry: str) -> list[Command]:
    """`add map` would make a second entry of a key that is there, `set map` fails where it is not."""
    return [delete_route(key), Command(f"add map {ROUTES_MAP} {key} {entry}", _SILENCE)]


def set_check(match: Match, check: HealthCheck, host: str) -> list[Command]:
    """What the HTTP checks of a backend ask for, where it was loaded without; `host` unless the check names one."""
    name = backend_name(match)
    return [
        Command(f"del map {CHECKS_MAP} {name}", _ANYTHING),
        Command(f"add map {CHECKS_MAP} {name} {check.uri}", _SILENCE),
        Command(f"del map {CHECK_HOSTS_MAP} {name}", _ANYTHING),
        Command(f"add map {CHECK_HOSTS_MAP} {name} {check.host or host}", _SILENCE),
    ]


def replace_route(key: str, entry: str) -> list[Command]:
    """Change an entry that is there; no request finds it missing meanwhile."""
    return [Command(f"set map {ROUTES_MAP} {key} {entry}", _SILENCE)]


def delete_route(key: str) -> Command:
    """A key that is not there is none the worse."""
    return Command(f"del map {ROUTES_MAP} {key}", _ANYTHING)


def ask_servers(match: Match) -> str:
    return f"{WHOLE_STATE} {backend_name(match)}"


def ask_route(key: str) -> str:
    return f"get map {ROUTES_MAP} {key}"


def ask_sessions(match: Match) -> str:
    return f"show servers conn {backend_name(match)}"


def judge(command: Command, answer: str) -> None:
    """Raise TemporaryError when HAProxy did not do as it was told."""
    if not command.good.fullmatch(answer):
        raise TemporaryError(f"haproxy refused {shown(command.text)!r}: {shown(answer.strip())}")


def read_generation(answer: str) -> str:
    """The structure that the running HAProxy was started with; "" when it was not started by Interlock."""
    found = _GENERATION.search(answer)
    return found[1] if found else ""


def read_servers(answer: str) -> dict[str, dict[str, Served]]:
    """Backend name -> server name -> server, from `show servers state` (format version 1)."""
    columns: dict[str, int] = {}
    backends: dict[str, dict[str, Served]] = {}
    for line in answer.splitlines():
        if line.startswith("# "):
            columns = {name: position for position, name in enumerate(line[2:].split())}
            continue
        fields = line.split()
        if not columns or len(fields) < len(columns):
            continue
        admin = int(fields[columns["srv_admin_state"]])
        address, port = fields[columns["srv_addr"]], fields[columns["srv_port"]]
        backends.setdefault(fields[columns["be_name"]], {})[fields[columns["srv_name"]]] = Served(
            endpoint=f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
            weight=int(fields[columns["srv_uweight"]]),
            takes_traffic=not admin & (_MAINTENANCE | _DRAINED),
            passes_check=bool(admin & (_MAINTENANCE | _DRAINED)) or fields[columns["srv_op_state"]] != _STOPPED,
        )
    return backends


def parts_of_state(answer: str) -> Iterable[str]:
    """`show servers state` in parts, each with the line that names the columns, to be read one after the other."""
    lines = answer.splitlines()
    head = next((position for position, line in enumerate(lines) if line.startswith("# ")), 0)
    return ("\n".join((lines[head], *part)) for part in _parts(lines[head + 1 :]))


def parts_of_map(answer: str) -> Iterable[str]:
    """`show map` in parts, to be read one after the other."""
    return map("\n".join, _parts(answer.splitlines()))


def _parts(lines: list[str]) -> Iterable[list[str]]:
    return (lines[start : start + LINES] for start in range(0, len(lines), LINES))


def read_sessions(answer: str) -> dict[str, int]:
    """Server name -> connections to it that carry a request, from `show servers conn` (2.6 to 3.2); idle ones not."""
    columns: dict[str, int] = {}
    sessions: dict[str, int] = {}
    for line in answer.splitlines():
        if line.startswith("# "):
            columns = {name: position for position, name in enumerate(line[2:].split())}
            continue
        fields = line.split()
        if columns and len(fields) >= len(columns):
            name = fields[columns["bkname/svname"]].partition("/")[2]
            sessions[name] = int(fields[columns["used_cur"]])
    return sessions


def read_state_lines(answer: str) -> str:
    """What a new process should know of the old one's servers: only those that failed their checks.

    The others start anew from the configuration, which is newer than the state of the old process.
    """
    head, kept = [], []
    operational = 5
    for line in answer.splitlines():
        fields = line.split()
        if line.startswith("#") or len(fields) == 1:
            head.append(line)
        elif len(fields) > operational + 1 and fields[operational] == "0" and fields[operational + 1] == "0":
            kept.append(line)
    return "".join(f"{line}\n" for line in (*(head or ["1"]), *kept))


def read_map(answer: str) -> dict[str, str]:
    """Key -> entry, from `show map` (lines of pointer, key, value)."""
    entries = (line.split() for line in answer.splitlines() if line.startswith("0x"))
    return {fields[1]: fields[2] for fields in entries if len(fields) == _MAP_FIELDS}


def read_route(answer: str, key: str) -> str:
    """The entry of exactly this key, from `get map`, which finds shorter keys too; "" for none."""
    pairs: Mapping[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', answer))
    return pairs.get("value", "") if pairs.get("key") == key else ""


_MAP_FIELDS = 3


def _name(match: Match, server: str) -> str:
    return f"{backend_name(match)}/{server}"
