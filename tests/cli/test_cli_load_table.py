"""The table of `interlock top`."""

import io

from rich.console import Console

from interlock.cli.load_table import Row, Sort, lines, rows_of, screen
from interlock.core.loads import Load, Loads, RouteLoad, ServerLoad, Silent
from interlock.core.model import ServerState


def server(name, requests=0.0, **load):
    made = Load(requests=requests, **load)
    return ServerLoad(name=name, state=ServerState.READY, container="c" * 64, load=made)


def route(host, *servers, path="/", **load):
    return RouteLoad(host=host, path=path, load=Load(**load), servers=servers)


BUSY = Loads(
    routes=(
        route("a.com", server("a_1"), requests=1.0),
        route("b.com", server("b_1", 2.0), server("b_2", 7.0, errors=1.0), path="/app", requests=9.0, latency=1200),
    )
)


def drawn(renderable, width=80):
    text = io.StringIO()
    Console(file=text, width=width, highlight=False).print(renderable)
    return text.getvalue().splitlines()


def names(rows):
    return [row.key[2] or row.key[0] for row in rows]


def test_servers_stand_below_their_route_in_their_own_order():
    assert names(rows_of(BUSY, Sort.NAME)) == ["a.com", "a_1", "b.com", "b_1", "b_2"]


def test_the_busiest_routes_and_their_busiest_servers_come_first_where_that_is_asked():
    assert names(rows_of(BUSY, Sort.RATE)) == ["b.com", "b_2", "b_1", "a.com", "a_1"]
    assert names(rows_of(BUSY, Sort.LATENCY))[0] == "b.com"


def test_every_order_follows_the_one_before_and_the_first_the_last():
    order, seen = Sort.NAME, []
    for _ in Sort:
        seen.append(order)
        order = order.next
    assert (set(seen), order) == (set(Sort), Sort.NAME)


def test_it_fits_eighty_columns():
    told = drawn(lines(BUSY, Sort.NAME))
    assert told[0].startswith("2 routes   10.0 req/s   0.0 err/s   0 sessions")
    assert told[1].split() == ["ROUTE", "/", "SERVER", "STATE", "REQ/S", "ERR/S", "SESSIONS", "LATENCY"]
    assert told[4].split() == ["b.com/app", "9.0", "0.0", "0", "1200", "ms"]
    assert told[6].split() == ["b_2", "ready", "7.0", "1.0", "0", "-"]
    assert max(map(len, told)) <= 80


def test_names_are_printable_and_no_markup():
    hostile = Loads(routes=(route("a.com", server("x\x1b[2J[red]y")),), silent=(Silent("p\x1b", "no\x1b[2J"),))
    told = "\n".join(drawn(lines(hostile, Sort.NAME)))
    assert "\x1b[2J" not in told
    assert "x\\x1b[2J[red]y" in told
    assert "no\\x1b[2J" in told


def test_a_screen_shows_the_rows_around_the_chosen_one_and_never_more_than_fit():
    many = Loads(routes=tuple(route(f"r{number:03}.com") for number in range(200)))
    for number in (0, 57, 199):
        told = drawn(screen(many, Sort.NAME, chosen=(f"r{number:03}.com", "/", ""), height=24, told="done"))
        assert any(f"r{number:03}.com" in line for line in told)
        assert len(told) <= 24
        assert told[-1] == "done"


def test_a_row_is_named_by_its_route_and_server():
    assert Row(route=BUSY.routes[1]).key == ("b.com", "/app", "")
    assert Row(route=BUSY.routes[1], server=BUSY.routes[1].servers[0]).key == ("b.com", "/app", "b_1")


def test_a_server_that_stands_by_is_shown_as_one():
    waiting = ServerLoad(name="b_1", state=ServerState.READY, container="c" * 64, load=Load(), waits=True)
    told = drawn(lines(Loads(routes=(route("a.com", server("a_1"), waiting),)), Sort.NAME))
    assert [line.split()[:2] for line in told[3:]] == [["a_1", "ready"], ["b_1", "stand-by"]]
