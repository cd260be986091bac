"""The board in the corridor."""

from structlog.testing import capture_logs

from interlock.bulletin import Bulletin
from interlock.core.happenings import EngineLost

NEWS = EngineLost(at=1.0, engine="docker", reason="it went for lunch")


def test_everybody_who_subscribed_hears_of_everything_until_they_do_not_want_to():
    bulletin, heard, also_heard = Bulletin(), [], []
    leave = bulletin.subscribe(heard.append)
    bulletin.subscribe(also_heard.append)
    bulletin.post(NEWS)
    leave()
    bulletin.post(NEWS)
    assert (heard, also_heard) == ([NEWS], [NEWS, NEWS])


def test_a_listener_that_fails_costs_nobody_else_the_news():
    bulletin, heard = Bulletin(), []
    bulletin.subscribe(lambda _: 1 / 0)
    bulletin.subscribe(heard.append)
    with capture_logs() as logs:
        bulletin.post(NEWS)
    assert heard == [NEWS]
    assert [each["happening"] for each in logs] == ["EngineLost"]


def test_a_listener_may_leave_while_it_is_told():
    bulletin, heard = Bulletin(), []
    leaves = []

    def once(happening):
        heard.append(happening)
        leaves[0]()

    leaves.append(bulletin.subscribe(once))
    bulletin.subscribe(heard.append)
    bulletin.post(NEWS)
    bulletin.post(NEWS)
    assert heard == [NEWS] * 3
