"""Routes that are held as they were: which are there, with which options, and who serves them."""

import pytest

from interlock.core.events import Vanished
from interlock.core.holds import Held, Hold, frozen, pinned
from interlock.core.model import Balance, Health, Maintenance, Match, Options, Phase
from interlock.core.overrides import Overrides, decode, encode
from interlock.core.problems import PermanentError
from interlock.core.routes import Routes
from interlock.core.world import World
from interlock.testing.worlds import LONG_AGO, changed, container, listed, placed, replaced

A, B = Match("a.com"), Match("b.com")


def asking(name, number, host="a.com", **fields):
    return container(name, f'{{"hostname":"{host}","domain":"{host}"}}', number=number, **fields)


class Site:
    """A world whose routes can be held."""

    def __init__(self, *containers):
        self.routes = Routes(World())
        self.hear(placed(), listed(*containers))

    def hear(self, *events):
        for event in events:
            self.routes.update(self.routes.world.advance(event, settled_before=LONG_AGO))

    def order(self, **orders):
        self.routes.world.order(Overrides(**orders))
        return self.routes.update((), matches=self.routes.known)

    def names(self, match=A):
        return [server.name for server in self.routes.table[match].backend.servers]

    @property
    def said(self):
        return [(each.container, each.what) for each in self.routes.problems]


class TestAFreeze:
    def test_changes_nothing_when_it_begins(self):
        site = Site(asking("a_1", 1), asking("b_1", 2, "b.com"))
        assert site.order(freeze=frozen(site.routes.table, "")) == frozenset()

    def test_lets_containers_of_known_routes_come_and_go(self):
        site = Site(asking("a_1", 1))
        site.order(freeze=frozen(site.routes.table, ""))
        site.hear(listed(asking("a_1", 1), asking("a_2", 2)))
        assert site.names() == ["a_1", "a_2"]
        site.hear(Vanished(asking("a_1", 1).key))
        assert site.names() == ["a_2"]

    def test_has_new_routes_wait_and_says_so_until_it_is_over(self):
        site = Site(asking("a_1", 1))
        site.order(freeze=frozen(site.routes.table, "2026-11-24T18:00:00Z"))
        site.hear(listed(asking("a_1", 1), asking("b_1", 2, "b.com")))
        assert list(site.routes.table) == [A]
        assert site.said == [("b_1", "it is new, and the routes are frozen until 2026-11-24T18:00:00Z")]
        assert B in site.order()
        assert site.names(B) == ["b_1"]
        assert site.said == []

    def test_keeps_options_whatever_newer_containers_ask_for(self):
        site = Site(asking("a_1", 1))
        site.order(freeze=frozen(site.routes.table, ""))
        data = '{"hostname":"a.com","domain":"a.com","balance_algorithm":"leastconn"}'
        site.hear(listed(container("a_2", data, number=2)))
        assert (site.names(), site.routes.table[A].backend.options) == (["a_2"], Options())
        site.order()
        assert site.routes.table[A].backend.options.balance is Balance.LEASTCONN

    def test_keeps_a_route_that_nobody_asks_for_any_more(self):
        site = Site(asking("a_1", 1))
        site.order(freeze=frozen(site.routes.table, ""))
        site.hear(listed())
        assert site.names() == []
        site.order()
        assert A not in site.routes.table

    def test_does_not_stand_in_the_way_of_maintenance(self):
        site = Site(asking("a_1", 1))
        freeze = frozen(site.routes.table, "")
        site.hear(listed(asking("a_1", 1), asking("b_1", 2, "b.com")))
        site.order(freeze=freeze, maintenance={"a.com": Maintenance("Later"), "b.com": Maintenance("Later")})
        assert site.routes.table[A].maintenance == site.routes.table[B].maintenance == Maintenance("Later")
        assert (site.names(A), site.names(B)) == (["a_1"], [])


class TestAPin:
    def then(self, *containers):
        return pinned(Site(*containers).routes.table, 7, "")

    def test_is_served_by_the_containers_of_then_while_one_takes_traffic(self):
        one, two, new = (asking(name, number) for number, name in enumerate(("a_1", "a_2", "a_9"), 1))
        site = Site(one, two, new)
        site.order(pin=self.then(one, two))
        assert site.names() == ["a_1", "a_2"]
        site.hear(Vanished(one.key))
        assert site.names() == ["a_2"]
        site.hear(changed(replaced(two, health=Health.UNHEALTHY)))
        assert site.names() == ["a_2", "a_9"], "rather than nobody"
        site.hear(Vanished(two.key))
        assert site.names() == ["a_9"]

    def test_brings_back_a_route_and_takes_away_those_it_has_not(self):
        old, new = asking("a_1", 1), asking("b_1", 2, "b.com")
        site = Site(new)
        site.order(pin=self.then(old))
        assert list(site.routes.table) == [A]
        assert site.names() == []
        assert site.said == [("b_1", "it is not in revision 7, and the routes are pinned to that")]

    def test_of_a_route_without_servers_then_gives_it_none(self):
        site = Site(asking("a_1", 1))
        site.order(pin=self.then(asking("a_0", 9, phase=Phase.EXITED)))
        assert site.names() == []

    def test_beats_a_freeze(self):
        old, new = asking("a_1", 1), asking("b_1", 2, "b.com")
        site = Site(old, new)
        freeze = frozen(site.routes.table, "")
        site.order(pin=self.then(old), freeze=freeze)
        assert list(site.routes.table) == [A]
        site.order(freeze=freeze)
        assert list(site.routes.table) == [A, B]


def test_a_stopped_container_that_asks_for_a_route_that_is_not_held_is_no_problem():
    site = Site(asking("a_1", 1), asking("b_1", 2, "b.com", phase=Phase.EXITED))
    site.order(pin=Hold(routes={A: Held(Options())}, revision=1))
    assert site.said == []


def test_the_same_world_gives_the_same_table_whatever_came_first():
    one, two = asking("a_1", 1), asking("b_1", 2, "b.com")
    pin = pinned(Site(one).routes.table, 1, "")
    before, after = Site(), Site(two)
    before.order(pin=pin)
    before.hear(listed(two))
    after.order(pin=pin)
    assert dict(before.routes.table.items()) == dict(after.routes.table.items())
    assert before.routes.problems == after.routes.problems


class TestInTheFile:
    def test_a_hold_is_what_it_was(self):
        table = Site(asking("a_1", 1), asking("b_1", 2, "*.b.com")).routes.table
        orders = Overrides(pin=pinned(table, 3, "2026-11-24T18:00:00Z"), freeze=frozen(table, "2026-11-25T18:00:00Z"))
        assert decode(encode(orders)) == orders
        assert encode(decode(encode(orders))) == encode(orders)

    def test_equal_options_are_written_once(self):
        table = Site(*(asking(f"a_{n}", n, f"a{n}.com") for n in range(1, 20))).routes.table
        assert encode(Overrides(freeze=frozen(table, ""))).count("check_interval") == 1

    @pytest.mark.parametrize(
        ("good", "bad"),
        [
            ('"a.com"', '"a.com\\nuse_backend x"'),
            ('"path": "/"', '"path": "/ x"'),
            ('"options": 0', '"options": 1'),
            ('"options": 0', '"options": -1'),
            ('"until": ""', '"until": "soon"'),
        ],
    )
    def test_what_no_order_could_have_written_is_refused(self, good, bad):
        text = encode(Overrides(freeze=frozen(Site(asking("a_1", 1)).routes.table, "")))
        assert good in text
        with pytest.raises(PermanentError):
            decode(text.replace(good, bad))
