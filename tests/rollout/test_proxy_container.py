"""Programs are run in containers that are labelled for it, and in no other; nothing else is done to any."""

import json

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.host.process import Ended
from interlock.rollout import client
from interlock.rollout.proxy_container import LABEL, LabelledContainer

KEY = "0" * 64
FRAMED = b"\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\4 err"


def inspected(status="running", **labels):
    document = {"Id": KEY, "Name": "/edge", "State": {"Status": status}, "Config": {"Labels": labels}}
    return 200, json.dumps(document).encode()


@pytest.fixture
def place(engine):
    engine.answers["POST", f"/v1.41/containers/{KEY}/exec"] = (201, b'{"Id": "e1"}')
    engine.answers["POST", "/v1.41/exec/e1/start"] = (200, FRAMED)
    engine.answers["GET", "/v1.41/exec/e1/json"] = (200, b'{"ExitCode": 3}')
    return LabelledContainer(engine.address, KEY, "haproxy")


def changes(engine):
    return [(method, path) for method, path, _ in engine.asked if method != "GET"]


async def test_a_program_runs_in_it_to_the_end(engine, place):
    engine.answers["GET", f"/v1.41/containers/{KEY}/json"] = inspected(**{LABEL: "haproxy"})
    assert await place.run(["haproxy", "-v"], seconds=30) == Ended(3, "out err")
    assert changes(engine) == [("POST", f"/v1.41/containers/{KEY}/exec"), ("POST", "/v1.41/exec/e1/start")]
    asked = json.loads(next(body for method, path, body in engine.asked if path.endswith("/exec")))
    assert asked == {"Cmd": ["haproxy", "-v"], "AttachStdout": True, "AttachStderr": True}


async def test_a_program_without_an_exit_code_has_not_ended_well(engine, place, monkeypatch):
    monkeypatch.setattr(client, "LOOK_PAUSE", 0.001)
    engine.answers["GET", f"/v1.41/containers/{KEY}/json"] = inspected(**{LABEL: "haproxy"})
    engine.answers["GET", "/v1.41/exec/e1/json"] = (200, b'{"ExitCode": null, "Running": true}')
    with pytest.raises(TemporaryError, match="no exit code"):
        await place.run(["haproxy", "-v"], seconds=30)


@pytest.mark.parametrize("labels", [{}, {LABEL: "nginx"}, {LABEL: ""}, {"interlock.app": "main"}])
async def test_one_without_the_label_is_never_touched(engine, place, labels):
    engine.answers["GET", f"/v1.41/containers/{KEY}/json"] = inspected(**labels)
    with pytest.raises(PermanentError, match=r"not labelled interlock.ext.name=haproxy"):
        await place.run(["haproxy", "-v"], seconds=30)
    assert changes(engine) == []


@pytest.mark.parametrize("answer", [(404, b"{}"), inspected("exited", **{LABEL: "haproxy"})])
async def test_one_that_does_not_run_is_waited_for(engine, place, answer):
    engine.answers["GET", f"/v1.41/containers/{KEY}/json"] = answer
    with pytest.raises(TemporaryError, match="does not run"):
        await place.run(["haproxy", "-v"], seconds=30)
    assert changes(engine) == []


async def test_an_engine_that_does_not_allow_it_says_so(engine, place):
    engine.answers["GET", f"/v1.41/containers/{KEY}/json"] = inspected(**{LABEL: "haproxy"})
    engine.answers["POST", f"/v1.41/containers/{KEY}/exec"] = (403, b'{"message": "forbidden"}')
    with pytest.raises(PermanentError) as refused:
        await place.run(["haproxy", "-v"], seconds=30)
    assert "/exec" in refused.value.fix
