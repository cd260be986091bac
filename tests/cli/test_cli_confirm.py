"""`interlock confirm`."""

import json

from interlock.core.problems import PermanentError


def test_a_list_is_believed(run, daemon):
    assert run("confirm") == (0, "engine docker: its list is believed\n", "")
    assert json.loads(run("confirm", "--json")[1])["engines"] == ["docker"]
    assert daemon.orders == [("confirm",), ("confirm",)]


def test_where_none_is_held_it_says_so(run, daemon):
    daemon.failure = PermanentError("no engine's list is held", fix="nothing to do")
    code, out, err = run("confirm")
    assert (code, out) == (2, "")
    assert "no engine's list is held\nfix: nothing to do" in err
