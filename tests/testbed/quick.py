"""Containers that answer as soon as they start, so that a measured time is Interlock's and not the application's."""

import json
import time
from collections.abc import Callable

from testbed.visits import Site
from testbed.waiting import wait_for

SERVER = """
use Socket;
$SIG{TERM} = sub { exit };
socket S, PF_INET, SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1;
bind S, sockaddr_in(5000, INADDR_ANY) or die; listen S, 100;
open F, "/etc/hostname"; chomp($name = <F>);
while (accept C, S) {
    sysread C, $_, 4096;
    syswrite C, "HTTP/1.1 200 OK\\r\\nX-Server: $name\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n";
    close C;
}
"""
"""Listens some ms after its container starts."""


def data(host: str) -> str:
    """The variable by which a container asks for a host."""
    hostname, _, domain = host.partition(".")
    return f"INTERLOCK_DATA={json.dumps({'hostname': hostname, 'domain': domain})}"


def start(docker: Callable[..., str], image: str, host: str, *options: str) -> tuple[str, float]:
    """Short id and the time of the `start` event of a container that answers at once."""
    began = time.time()
    key = docker("run", "--detach", "--env", data(host), *options, image, "perl", "-e", SERVER)
    span = [f"--since={began:.3f}", f"--until={time.time():.3f}"]
    event = json.loads(
        docker("events", *span, "--filter", "event=start", "--filter", f"container={key}", "--format", "{{json .}}")
    )
    return key[:12], event["timeNano"] / 1e9


def milliseconds_until_seen(
    site: Site, docker: Callable[..., str], image: str, *options: str, seconds: float = 20
) -> float:
    """From the `start` event to the first 200 of a new container of a site. Raises TimeoutError."""
    with site.visitors() as visitors:
        key, started = start(docker, image, site.host, *options)
        first = wait_for(
            lambda: next((answer for answer in visitors.tally.answers if answer.server == key), None),
            f"{key} behind {site.host}",
            seconds=seconds,
        )
    return (first.ended - started) * 1000
