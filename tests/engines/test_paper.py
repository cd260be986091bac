import json

import pytest

from interlock.core.problems import PermanentError
from interlock.engines.paper import read_containers

ID = "ab" * 32


def read(document, kept):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_containers(data, engine="paper", kept=kept)


def test_both_forms_are_told_apart_also_side_by_side(recording, kept):
    listed = json.loads(recording("engine/list_healthy.json"))
    inspected = json.loads(recording("engine/inspect_healthy.json"))
    containers, problems = read([*listed, inspected], kept)
    assert problems == []
    assert [one.name for one in containers] == ["web", "web"]
    assert [one.domainname for one in containers] == ["", "example.com"]
    assert {one.engine for one in containers} == {"paper"}


def test_a_list_of_podman_has_a_config_and_is_still_a_list(recording, kept):
    containers, problems = read(recording("podman/list.json"), kept)
    assert (problems, containers[0].name, containers[0].bindings[0].host_port) == ([], "web", 44535)


def test_a_single_document_is_a_list_of_one(recording, kept):
    containers, problems = read(recording("engine/inspect_healthy.json"), kept)
    assert (problems, len(containers)) == ([], 1)


def test_documents_of_the_oldest_engines_are_enough(kept):
    document = {
        "Id": ID,
        "Name": "/c1",
        "Config": {"Hostname": "www", "Env": []},
        "NetworkSettings": {
            "IPAddress": "172.17.0.2",
            "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}]},
        },
        "State": {"Running": True},
    }
    (container,), _ = read([document], kept)
    assert (container.is_up, container.attachments[0].ipv4) == (True, "172.17.0.2")


def test_a_bad_document_is_a_problem_with_its_index_and_the_others_are_read(recording, kept):
    good = json.loads(recording("engine/inspect_healthy.json"))
    containers, problems = read([{"Names": 5, "Id": ID}, good, None, "text", {"no": "id"}], kept)
    assert len(containers) == 1
    assert [problem.key for problem in problems] == ["document 0", "document 2", "document 3", "document 4"]
    assert all("docker inspect" in problem.fix for problem in problems)


def test_a_hostile_document_is_quoted_printably(kept):
    _, (problem,) = read([{"x": "\x1b[31m" * 100}], kept)
    assert problem.value.isprintable()
    assert len(problem.value) < 200


@pytest.mark.parametrize("data", [b"", b"null", b"5", b'"x"', b"[1,", b"not json", b"[" * 100_000, b"\xff\xfe"])
def test_a_file_that_is_no_list_is_refused_as_a_whole(data, kept):
    with pytest.raises(PermanentError, match="no JSON list") as refused:
        read(data, kept)
    assert "docker inspect" in refused.value.fix


def test_text_that_is_no_unicode_is_replaced(kept):
    (container,), problems = read(b'[{"Id":"x","Names":["/a\xff"]}]', kept)
    assert (container.name, problems) == ("a\ufffd", [])


def test_an_empty_list_is_an_empty_list(kept):
    assert read([], kept) == ([], [])
