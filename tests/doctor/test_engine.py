from datetime import UTC, datetime, timedelta

import pytest

from interlock.doctor import Verdict
from interlock.doctor.engine import check_clock, check_engine
from interlock.settings import EngineSettings
from interlock.testing import CLASSIC_SWARM, FakeEngine, FakeSwarm, Fault

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def fake():
    return FakeEngine()


@pytest.fixture
def socket_path(tmp_path):
    return tmp_path / "docker.sock"


@pytest.fixture
def examined(socket_path):
    """Examines a fake engine: the checks by what they are about."""

    async def examined(fake, **more):
        async with fake.serve_unix(socket_path) as url:
            checks, _ = await check_engine(EngineSettings(url=url, **more), override_address="")
        return {check.about: check for check in checks}

    return examined


async def test_one_that_answers_is_well(fake, examined):
    fake.run("db")
    found = await examined(fake)

    assert {check.verdict for check in found.values()} <= {Verdict.OK, Verdict.WARNING}
    assert found["engine docker"].what.startswith("Docker 20.10.24, API 1.41 at /")
    assert found["engine docker"].what.endswith(", 1 containers")
    assert found["routes"].what == "0 routes to 0 containers; 0 that run ask for one"


async def test_a_manager_of_a_swarm_that_is_watched_as_a_lone_engine_is_told_of(examined):
    swarm = FakeSwarm()
    swarm.start(swarm.serve("web", labels={"interlock.hostname": "www"}), port=32768)
    found = await examined(FakeEngine(swarm=swarm))
    assert found["swarm of engine docker"].verdict is Verdict.WARNING
    assert found["swarm of engine docker"].fix == "start Interlock with --swarm-mode"


async def test_a_swarm_is_well_and_its_tasks_are_counted(examined):
    swarm = FakeSwarm()
    swarm.start(swarm.serve("web", labels={"interlock.hostname": "www"}), port=32768)
    found = await examined(FakeEngine(swarm=swarm), swarm_mode=True)
    assert "swarm of engine docker" not in found
    assert found["network"].verdict is Verdict.OK
    assert "at the addresses of the nodes" in found["network"].what
    assert "swarm of 1 node at" in found["engine docker"].what
    assert found["routes"].what == "1 routes to 1 containers; 1 that run ask for one"


async def test_one_that_is_not_there_is_a_problem(socket_path):
    (check,), seen = await check_engine(EngineSettings(url=f"unix://{socket_path}"), override_address="")

    assert (check.verdict, seen) == (Verdict.PROBLEM, None)
    assert "no such file or directory" in check.what
    assert check.fix.startswith("start the engine")


async def test_a_url_that_is_none_is_a_problem():
    (check,), _ = await check_engine(EngineSettings(url="gopher://x"), override_address="")

    assert check.verdict is Verdict.PROBLEM


async def test_a_container_that_gets_no_route_is_a_problem_with_its_fix(fake, examined):
    fake.run("web", labels={"interlock.hostname": "www", "interlock.port": "eighty"})
    found = await examined(fake)

    assert found["container web"].verdict is Verdict.PROBLEM
    assert found["container web"].what == "label interlock.port=eighty: is not a whole number"
    assert found["container web"].fix == "write interlock.port=8080"


async def test_of_many_the_first_are_told(fake, examined):
    for number in range(30):
        fake.run(f"web{number}", labels={"interlock.hostname": "www", "interlock.port": "eighty"})
    found = await examined(fake)

    assert found["containers"].what == "20 more containers get no route"
    assert len([about for about in found if about.startswith("container ")]) == 10


async def test_a_clock_that_is_wrong_is_a_warning(fake, examined):
    fake.seconds_ahead = 3600
    check = (await examined(fake))["clock of engine docker"]

    assert check.verdict is Verdict.WARNING
    assert "s ahead of ours" in check.what


async def test_a_clock_that_may_not_be_asked_for_is_a_warning(fake, examined):
    fake.faults.append(Fault(call="info", status=403))
    check = (await examined(fake))["clock of engine docker"]

    assert check.verdict is Verdict.WARNING
    assert check.what.startswith("it cannot be asked for: ")


async def test_a_classic_swarm_manager_does_not_tell_its_time(examined):
    check = (await examined(FakeEngine(CLASSIC_SWARM)))["clock of engine docker"]

    assert (check.verdict, check.what) == (Verdict.OK, "the engine does not tell its time")


@pytest.mark.parametrize(
    ("seconds", "what"), [(4, "less than 5 s"), (-4, "less than 5 s"), (6, "6 s ahead of"), (-6, "6 s behind ours")]
)
def test_a_few_seconds_are_no_difference(seconds, what):
    check = check_clock("clock", NOW + timedelta(seconds=seconds), NOW)

    assert what in check.what
    assert check.verdict is (Verdict.OK if "less" in what else Verdict.WARNING)
