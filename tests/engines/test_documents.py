import json

import pytest

from interlock.core.model import Health
from interlock.core.problems import TemporaryError
from interlock.engines.documents import decode_entries, decode_entry, decode_inspected

ID = "ab" * 32


def entry(**fields):
    return decode_entry(json.dumps({"Id": ID, **fields}).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"nonsense", b'{"Id":5}', b'{"Id":"x","State":[]}', b'{"Id":"x"', b"<html>Bad Gateway"]
)
def test_what_is_no_inspect_document_is_tried_again(data):
    with pytest.raises(TemporaryError, match="no inspect document"):
        decode_inspected(data)


@pytest.mark.parametrize("data", [b"{}", b"null", b'[{"Id":1}]', b'[{"Id":"a"},', b'{"message":"oh"}'])
def test_what_is_no_list_is_never_taken_for_an_empty_one(data):
    with pytest.raises(TemporaryError, match="list of containers"):
        list(decode_entries(data))


def test_null_is_as_good_as_nothing():
    nothing = dict.fromkeys(("Names", "Image", "Created", "Ports", "Labels", "State", "Status", "NetworkSettings"))
    assert entry(**nothing) == entry()


@pytest.mark.parametrize(
    ("fields", "health"),
    [
        ({"Status": "Up 2 seconds (healthy)"}, Health.HEALTHY),
        ({"Status": "Up 2 seconds (unhealthy)"}, Health.UNHEALTHY),
        ({"Status": "Up Less than a second (health: starting)"}, Health.STARTING),
        ({"Status": "Up 2 seconds", "Health": {"Status": "healthy"}}, Health.HEALTHY),
        ({"Status": "Up 2 seconds", "Health": {"Status": "none"}}, Health.NONE),
        ({"Status": "Up 2 seconds", "Health": {"Status": "a new word"}}, Health.NONE),
        ({"Status": "Up 2 seconds"}, None),
        ({"Status": "Up 2 seconds (Paused)"}, None),
        ({"Status": "Up 2 seconds", "Health": {"Status": ""}}, None),
        ({}, None),
    ],
)
def test_a_list_tells_health_in_words_or_in_a_field_or_not_at_all(fields, health):
    assert entry(**fields).told_health == health


@pytest.mark.parametrize(
    ("status", "up"),
    [("Up 2 seconds", True), ("Up 1 second (Paused)", True), ("Exited (0)", False), ("Host Down", False)],
)
def test_a_list_tells_who_is_up(status, up):
    assert entry(State="running", Status=status).is_up == up


def test_the_lost_node_of_a_classic_swarm_is_seen(recording):
    lost = [
        one.Names
        for one in decode_entries(recording("classic_swarm/containers_json_all_dead_node.json"))
        if one.is_on_lost_node
    ]
    assert lost == [["/cls-n2/w3"], ["/cls-n2/strange_mendeleev"], ["/cls-n2/interesting_napier"]]
