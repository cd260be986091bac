"""Mistakes that people make with containers that should have a route, what to be told, and how each is mended."""

import json

import msgspec

from testbed import images

DOMAIN = "example.com"
REFUSED_OPTION = "tcpka"
"""An option that the HAProxy of these tests does not know, as one of another build might not."""
SERVER = """
use Socket;
socket S, PF_INET, SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1;
bind S, sockaddr_in(5000, inet_aton($ENV{ADDRESS})) or die; listen S, 100;
while (accept C, S) {
    sysread C, $_, 4096;
    syswrite C, "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n";
    close C;
}
"""
"""A web server without an image that exposes its port."""


def labels(**keys: str) -> list[str]:
    given = {"hostname": "{name}", "domain": DOMAIN} | keys
    return [word for key, value in given.items() for word in ("--label", f"interlock.{key}={value}") if value]


def data(**keys: object) -> list[str]:
    return [
        "--env",
        f"INTERLOCK_DATA={json.dumps(keys)}".replace("{", "{{").replace("}", "}}").replace("NAME", "{name}"),
    ]


def compose(project: str) -> list[str]:
    return ["--label", f"com.docker.compose.project={project}", "--label", "com.docker.compose.service=web"]


def check(*, start_period: str) -> list[str]:
    """A HEALTHCHECK that passes once /ok is there."""
    times = ["--health-interval=200ms", f"--health-start-period={start_period}", "--health-retries=1"]
    return ["--health-cmd", "test -f /ok", *times]


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """``{name}`` stands for the container's name, and for the first part of its host."""

    name: str
    title: str
    """For the page: what is wrong, as its owner would say it."""
    wrong: list[str] = []
    """How the container is run."""
    right: list[str] | None = None
    """How it is run instead, by what the fix says; None where it is mended as it is."""
    image: str = images.WEB
    command: list[str] = []
    right_command: list[str] = []
    before: list[list[str]] = []
    """What the world is like, as arguments of `docker`."""
    then: list[list[str]] = []
    """What happens to it once it runs: arguments of `docker`, or a whole `interlock` command."""
    mend: list[list[str]] = []
    """The same, for the fix."""
    step: str
    says: str
    """A part of the cause."""
    fix: str
    """A part of the fix."""
    warns: bool = False
    """It takes traffic all the same."""
    elsewhere: bool = False
    """Interlock runs on another machine than the engine."""


ELDER = labels(
    hostname="other-options", title="two containers with different options for one host", balance_algorithm="roundrobin"
)
PERL = ["perl", "-e", SERVER]
MISTAKES = [
    Mistake(
        name="asks-for-nothing",
        title="no label and no variable at all",
        right=labels(),
        step="asks",
        says="it asks for no route",
        fix="--label interlock.hostname=www --label interlock.domain=example.com",
    ),
    Mistake(
        name="no-domain",
        title="no domain",
        wrong=data(hostname="NAME"),
        right=data(hostname="NAME", domain=DOMAIN),
        step="host",
        says="INTERLOCK_DATA.domain is missing",
        fix='add "domain": "example.com"',
    ),
    Mistake(
        name="no-hostname",
        title="no hostname",
        wrong=labels(hostname=""),
        right=labels(),
        step="host",
        says="label interlock.hostname is missing",
        fix="add the label interlock.hostname=www",
    ),
    Mistake(
        name="wrong-port",
        title="a port that the image does not expose",
        wrong=labels(port="5001"),
        right=labels(port="5000"),
        step="port",
        says="label interlock.port=5001 is not exposed by the container, which exposes 5000",
        fix="name one of them",
    ),
    Mistake(
        name="deaf-port",
        title="a port that nobody listens on",
        wrong=[*labels(port="5001"), "--expose", "5001"],
        right=labels(port="5000"),
        step="ready",
        says="Connection refused",
        fix="name the port that it listens on",
    ),
    Mistake(
        name="several-ports",
        title="several ports, none named",
        wrong=[*labels(), "--expose", "6000"],
        right=[*labels(port="5000"), "--expose", "6000"],
        step="port",
        says="label interlock.port is not named, and the container exposes 5000, 6000",
        fix="set label interlock.port",
    ),
    Mistake(
        name="no-ports",
        title="an image that exposes no port",
        wrong=[*labels(), "--env", "ADDRESS=0.0.0.0"],
        right=[*labels(port="5000"), "--env", "ADDRESS=0.0.0.0"],
        image=images.BASE,
        command=PERL,
        right_command=PERL,
        step="port",
        says="the container exposes none",
        fix="set label interlock.port",
    ),
    Mistake(
        name="loopback-only",
        title="an application that listens on 127.0.0.1 only",
        wrong=[*labels(port="5000"), "--env", "ADDRESS=127.0.0.1"],
        right=[*labels(port="5000"), "--env", "ADDRESS=0.0.0.0"],
        image=images.BASE,
        command=PERL,
        right_command=PERL,
        step="ready",
        says="nobody answers a first connection at",
        fix="listen on that port on 0.0.0.0",
    ),
    Mistake(
        name="no-network",
        title="no network",
        wrong=[*labels(), "--network", "none"],
        right=labels(),
        step="address",
        says="has no address that is reached from here",
        fix="put it on a network with Interlock",
    ),
    Mistake(
        name="no-shared-network",
        title="no network shared with Interlock",
        wrong=labels(),
        right=[*labels(), "--publish", "5000"],
        elsewhere=True,
        step="address",
        says="has no address that is reached from here; the container has the networks bridge",
        fix="publish its port",
    ),
    Mistake(
        name="other-network",
        title="a network that it is not on",
        wrong=labels(network="appnet"),
        before=[["network", "create", "appnet"]],
        mend=[["network", "connect", "appnet", "{name}"]],
        step="address",
        says="label interlock.network=appnet is not a network that the container has an address on",
        fix="docker network connect appnet other-network",
    ),
    Mistake(
        name="borrowed-network",
        title="another container's network",
        wrong=[*labels(), "--network", "container:lender"],
        before=[["run", "--detach", "--name", "lender", images.DATABASE]],
        right=labels(),
        step="address",
        says="shares another container's network",
        fix="ask for the route on that container",
    ),
    Mistake(
        name="host-network",
        title="the host's network, and another port than the image's",
        wrong=[*labels(), "--network", "host", "--env", "PORT=5017"],
        right=[*labels(port="5017"), "--network", "host", "--env", "PORT=5017", "--expose", "5017"],
        step="ready",
        says="nobody answers a first connection at 127.0.0.1:5000",
        fix="name the port that it listens on",
    ),
    Mistake(
        name="unhealthy",
        title="an unhealthy container",
        wrong=[*labels(), *check(start_period="0s")],
        mend=[["exec", "{name}", "touch", "/ok"]],
        step="ready",
        says="its HEALTHCHECK fails",
        fix="docker inspect --format '{{json .State.Health}}' unhealthy",
    ),
    Mistake(
        name="starting",
        title="a HEALTHCHECK that takes long to pass",
        wrong=[*labels(), *check(start_period="1h")],
        right=[*labels(ready="ignore"), *check(start_period="1h")],
        step="ready",
        says="its HEALTHCHECK has not passed yet",
        fix="--label interlock.ready=ignore",
    ),
    Mistake(
        name="wrong-type",
        title="a value of the wrong type",
        wrong=labels(port="http"),
        right=labels(port="5000"),
        step="port",
        says="label interlock.port=http",
        fix="write interlock.port=8080",
    ),
    Mistake(
        name="typo",
        title="a typo in a label",
        wrong=["--label", "interlock.hostnam={name}", *labels(hostname="")],
        right=labels(),
        step="asks",
        says="label interlock.hostnam=typo is not a key that Interlock knows",
        fix="write interlock.hostname",
    ),
    Mistake(
        name="capitals",
        title="a label in capitals",
        wrong=["--label", "Interlock.Hostname={name}"],
        right=labels(),
        step="asks",
        says="label Interlock.Hostname=capitals is not a key that Interlock knows",
        fix="write interlock.hostname",
    ),
    Mistake(
        name="comma",
        title="two hosts in one name",
        wrong=labels(hostname="{name},other"),
        right=labels(alias_domain="other.example.com"),
        step="host",
        says="each host needs an entry of its own",
        fix="write one host name",
    ),
    Mistake(
        name="quoted",
        title="quotes around the JSON",
        wrong=["--env", f'INTERLOCK_DATA=\'{{{{"hostname":"{{name}}","domain":"{DOMAIN}"}}}}\''],
        right=data(hostname="NAME", domain=DOMAIN),
        step="asks",
        says="begins with a quote",
        fix="remove the quotes around the value",
    ),
    Mistake(
        name="no-json",
        title="JSON without quotes",
        wrong=["--env", "INTERLOCK_DATA={{hostname: {name}}}"],
        right=data(hostname="NAME", domain=DOMAIN),
        step="asks",
        says="is not JSON",
        fix="with double quotes inside",
    ),
    Mistake(
        name="own-label",
        title="a label that marks Interlock's own",
        wrong=[*labels(), "--label", "interlock.app=true"],
        right=labels(),
        step="asks",
        says="marks a container of Interlock itself",
        fix="remove this label",
    ),
    Mistake(
        name="other-options",
        title="two containers with different options for one host",
        wrong=labels(balance_algorithm="leastconn"),
        before=[["run", "--detach", "--name", "elder", *ELDER, images.WEB]],
        right=labels(balance_algorithm="roundrobin"),
        step="shared",
        says="is shared with the older container elder, which asks for another value",
        fix="give every container of other-options.example.com the same value",
        warns=True,
    ),
    Mistake(
        name="two-projects",
        title="one host in two projects",
        wrong=[*labels(), *compose("shop")],
        before=[
            ["run", "--detach", "--name", "squatter", *labels(hostname="two-projects"), *compose("blog"), images.WEB]
        ],
        mend=[["rm", "--force", "squatter"]],
        step="shared",
        says="two-projects.example.com is asked for by another project too",
        fix="give one of them another host or path, or stop it",
        warns=True,
    ),
    Mistake(
        name="paused",
        title="a paused container",
        wrong=labels(),
        then=[["pause", "{name}"]],
        mend=[["unpause", "{name}"]],
        step="seen",
        says="it is paused",
        fix="docker unpause paused",
    ),
    Mistake(
        name="stopped",
        title="a stopped container",
        wrong=labels(),
        then=[["stop", "{name}"]],
        mend=[["start", "{name}"]],
        step="seen",
        says="it is exited, not running",
        fix="docker start stopped",
    ),
    Mistake(
        name="crashing",
        title="a container that keeps ending",
        wrong=[*labels(), "--restart", "always"],
        command=["sh", "-c", "sleep 0.2; exit 1"],
        right=labels(),
        step="seen",
        says="it ended, and waits to be restarted",
        fix="docker logs crashing",
    ),
    Mistake(
        name="quarantined",
        title="an option that the proxy's check refuses",
        wrong=labels(backend_option=REFUSED_OPTION),
        right=labels(),
        step="proxy",
        says="haproxy's own check refused the route's configuration",
        fix="take away the option",
    ),
    Mistake(
        name="failing-check",
        title="a health check that the application fails",
        wrong=labels(health_check="httpchk GET /status?is=500", health_check_interval="100"),
        right=labels(),
        step="proxy",
        says="haproxy's health check of it fails",
        fix="answer the check with 2xx or 3xx",
    ),
    Mistake(
        name="drained",
        title="drained, and forgotten",
        wrong=labels(),
        then=[["interlock", "drain", "{name}"]],
        mend=[["interlock", "undrain", "{name}"]],
        step="orders",
        says="the operator drained it",
        fix="interlock undrain drained",
    ),
    Mistake(
        name="weightless",
        title="a weight of 0",
        wrong=labels(weight="0"),
        mend=[["interlock", "weigh", "{name}", "100"]],
        step="orders",
        says="its weight is 0 by label interlock.weight",
        fix="interlock weigh weightless 100",
    ),
    Mistake(
        name="closed",
        title="a host left under maintenance",
        wrong=labels(),
        then=[["interlock", "maintenance", "on", "{name}.example.com"]],
        mend=[["interlock", "maintenance", "off", "{name}.example.com"]],
        step="orders",
        says="closed.example.com is under maintenance",
        fix="interlock maintenance off closed.example.com",
    ),
]
