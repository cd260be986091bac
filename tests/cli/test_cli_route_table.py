import json

from interlock.cli.route_table import as_json, as_text
from interlock.core.model import (
    Backend,
    Balance,
    CheckKind,
    ContainerKey,
    HealthCheck,
    Match,
    Options,
    Route,
    RouteTable,
    Server,
    ServerState,
)
from interlock.core.problems import Problem, Severity


def server(name, address="10.0.0.1", port=80, **fields):
    return Server(name=name, address=address, port=port, container=ContainerKey("docker", f"id-of-{name}"), **fields)


def route(host, path="/", servers=(), **options):
    return Route(match=Match(host, path), backend=Backend(options=Options(**options), servers=tuple(servers)))


def problem(container, **fields):
    defaults = {"key": "label interlock.port", "value": "http", "what": "is not a port", "fix": "name a number"}
    return Problem(container=container, **(defaults | fields))


def text(routes=(), problems=()):
    """The lines without colours."""
    lines = "\n".join(as_text(RouteTable(routes), problems))
    for code in (0, 31, 32, 33, 36):
        lines = lines.replace(f"\x1b[{code}m", "")
    return lines


def test_routes_are_sorted_and_servers_stand_below_each_other():
    routes = [
        route("www.example.com", "/shop", [server("shop-1")]),
        route("www.example.com", "/", [server("web-1"), server("web-2", "fd00::2", 8080, weight=50)]),
        route("api.example.com", "/", [server("api-1", state=ServerState.DRAINING)]),
    ]
    assert text(routes) == (
        "HOST              PATH    SERVER   ADDRESS          WEIGHT   STATE\n"
        "api.example.com   /       api-1    10.0.0.1:80      100      draining\n"
        "www.example.com   /       web-1    10.0.0.1:80      100      ready\n"
        "                          web-2    [fd00::2]:8080   50       ready\n"
        "www.example.com   /shop   shop-1   10.0.0.1:80      100      ready"
    )


def test_a_stand_by_is_told_from_those_that_take_requests():
    near, far = server("a.web_1"), server("b.web_1", "10.0.0.2", standby=True)
    assert [line.split()[-1] for line in text([route("a.com", servers=[near, far])]).splitlines()[1:]] == [
        "ready",
        "stand-by",
    ]
    assert text([route("a.com", servers=[far])]).splitlines()[1].split()[-1] == "ready"


def test_a_route_without_servers_says_what_it_answers():
    assert text([route("www.example.com")]).splitlines()[1] == (
        "www.example.com   /       none: the host is known, and answers 503"
    )


def test_only_unusual_options_are_told():
    options = {
        "balance": Balance.LEASTCONN,
        "check": HealthCheck(kind=CheckKind.HTTP, uri="/ping", host="x"),
        "check_interval": 1000,
        "ssl_only": True,
        "backend_options": ("forceclose", "http-keep-alive"),
    }
    assert text([route("a", servers=[server("s")], **options)]).splitlines()[2].strip() == (
        "options: balance=leastconn check=httpchk GET /ping HTTP/1.1 x check_interval=1000 ssl_only=true "
        "backend_options=forceclose,http-keep-alive"
    )
    assert "options" not in text([route("a", servers=[server("s")])])
    assert "check=redis-check" in text([route("a", check=HealthCheck(kind=CheckKind.REDIS))])


def test_problems_follow_sorted_with_their_fixes():
    problems = [problem("web-2", severity=Severity.WARNING), problem("", key="--x", value="", fix="")]
    assert text(problems=problems) == (
        "There are no routes.\n"
        "\n"
        "error: interlock: --x\n"
        "  is not a port\n"
        "  fix: \n"
        "\n"
        "warning: web-2: label interlock.port=http\n"
        "  is not a port\n"
        "  fix: name a number"
    )


def test_states_and_severities_have_colours():
    lines = list(as_text(RouteTable([route("a", servers=[server("s", state=ServerState.DOWN)])]), [problem("c")]))
    assert lines[1].endswith("\x1b[31mdown\x1b[0m")
    assert lines[3].startswith("\x1b[31merror\x1b[0m: c")


def test_json_has_everything_sorted():
    routes = [route("b"), route("a", servers=[server("s", weight=7)], ssl_only=True)]
    picture = json.loads(as_json(RouteTable(routes), [problem("z"), problem("y")]))
    assert [each["host"] for each in picture["routes"]] == ["a", "b"]
    first = picture["routes"][0]
    assert first["path"] == "/"
    assert first["servers"] == [
        {
            "name": "s",
            "address": "10.0.0.1",
            "port": 80,
            "weight": 7,
            "state": "ready",
            "container": "id-of-s",
            "engine": "docker",
            "standby": False,
        }
    ]
    assert first["backend"].keys() == set(Options.__struct_fields__)
    assert first["backend"]["ssl_only"] is True
    assert first["backend"]["check"] == {"kind": "tcp", "method": "GET", "uri": "/", "version": "HTTP/1.1", "host": ""}
    assert [each["container"] for each in picture["problems"]] == ["y", "z"]
    assert picture["problems"][0]["fix"] == "name a number"


def test_equal_tables_give_equal_json_whatever_the_order():
    routes, problems = [route("b"), route("a")], [problem("z"), problem("y")]
    assert as_json(RouteTable(routes), problems) == as_json(RouteTable(routes[::-1]), problems[::-1])
