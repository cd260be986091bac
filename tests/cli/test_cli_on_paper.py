"""Worlds from files."""

import json

import pytest

from interlock.cli.on_paper import routes_on_paper
from interlock.core.events import Vanished
from interlock.core.model import Match, ServerState
from interlock.core.overrides import Overrides
from interlock.core.recording import FORMAT, Ending, Opening, Ordered, Turn, written
from interlock.settings import SettingsError
from interlock.testing.worlds import ENGINE, LONG_AGO, container, listed, placed

LABELS = {"interlock.hostname": "www", "interlock.domain": "a.com"}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_compose_file_may_be_json_too(tmp_path, as_json):
    content = {"services": {"web": {"image": "x", "expose": ["80"], "labels": LABELS}}}
    file = tmp_path / "compose.yaml"
    file.write_text(json.dumps(content) if as_json else "services: {web: {image: x, expose: ['80'], labels: {}}}")
    routes, problems = routes_on_paper(str(file))
    assert not problems
    assert (Match("www.a.com") in routes.table) is as_json


def test_a_recording_is_as_it_was_at_its_end(tmp_path):
    key = container().key
    lines = (
        Opening(format=FORMAT, version="9.9", at=1.0, engines=(ENGINE,)),
        Turn(at=1.0, settled_before=LONG_AGO, events=(placed(), listed(container(), container("web_2", number=2)))),
        Ordered(at=2.0, orders=Overrides(drained=frozenset({key}))),
        Turn(at=3.0, settled_before=LONG_AGO, events=(Vanished(container("web_2", number=2).key),)),
        Ending(at=4.0, why="it has reached its size"),
    )
    file = tmp_path / "monday.jsonl"
    file.write_bytes(b"".join(map(written, lines)))
    routes, problems = routes_on_paper(str(file))
    (server,) = routes.table[Match("demo.interlock.com")].backend.servers
    assert (server.name, server.state, problems) == ("web_1", ServerState.DRAINING, [])
    file.write_bytes(written(lines[0]) + b"{}\n")
    with pytest.raises(SettingsError, match="line 2 is damaged"):
        routes_on_paper(str(file))


def test_what_is_neither_is_refused(tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text("just a text")
    with pytest.raises(SettingsError, match="has no services"):
        routes_on_paper(str(file))
    file.write_text("[1, 2")
    with pytest.raises(SettingsError, match="no JSON list"):
        routes_on_paper(str(file))
