"""A whole service: all of it or, after a failure, nothing further; and what is refused beforehand."""

import asyncio

import pytest

from interlock.core.problems import TemporaryError
from interlock.rollout.documents import Image
from interlock.rollout.events import NeverReadyError, RefusedError


async def test_one_after_the_other_each_new_one_serves_before_its_predecessor_goes(shop):
    assert await shop.roll_out() == 2
    assert shop.engine.names == ["shop_web_3", "shop_web_4"]
    assert shop.engine.done == [
        ("create", "shop_web_3"),
        ("start", "shop_web_3"),
        ("drain", "shop_web_1"),
        ("stop", "shop_web_1", 10),
        ("remove", "shop_web_1"),
        ("create", "shop_web_4"),
        ("start", "shop_web_4"),
        ("drain", "shop_web_2"),
        ("stop", "shop_web_2", 10),
        ("remove", "shop_web_2"),
    ]
    assert shop.told[:6] == [
        ("created", "shop_web_3"),
        ("started", "shop_web_3"),
        ("ready", "shop_web_3"),
        ("draining", "shop_web_1"),
        ("stopped", "shop_web_1"),
        ("removed", "shop_web_1"),
    ]
    assert shop.told[-1] == ("done", "shop/web")
    assert shop.events[0].replaces == "shop_web_1"


async def test_several_at_a_time_are_never_fewer_than_before(shop):
    shop.engine.gates["start"] = asyncio.Event()
    under_way = asyncio.get_running_loop().create_task(shop.roll_out(surge=2))
    await shop.until("created", "shop_web_4")
    assert len(shop.engine.all) == 4
    shop.engine.gates["start"].set()
    await under_way
    assert shop.engine.names == ["shop_web_3", "shop_web_4"]


async def test_a_new_image_is_used_and_one_that_is_not_there_refused(shop):
    shop.engine.images["web:2"] = Image("sha256:2", {})
    await shop.roll_out(image="web:2")
    assert {each.image for each in shop.engine.all.values()} == {"web:2"}
    with pytest.raises(RefusedError, match="no image web:3") as refused:
        await shop.roll_out(image="web:3")
    assert refused.value.fix == "docker pull web:3, or build it"


async def test_after_a_failure_nothing_further_is_begun(shop):
    def exit_at_once(container):
        container.status, container.exit_code = "exited", 3

    shop.engine.behave = exit_at_once
    with pytest.raises(NeverReadyError, match="exited with code 3") as failed:
        await shop.roll_out()
    assert failed.value.log == ("shop_web_3 says goodbye",)
    assert shop.engine.names == ["shop_web_1", "shop_web_2"]
    assert not any(each.drained for each in shop.engine.all.values())
    assert [order[1] for order in shop.engine.done if order[0] == "create"] == ["shop_web_3"]


async def test_what_is_under_way_beside_a_failure_is_finished(shop):
    def third_fails(container):
        if container.name == "shop_web_3":
            container.status = "exited"

    shop.engine.behave = third_fails
    with pytest.raises(NeverReadyError, match="shop_web_3"):
        await shop.roll_out(surge=2)
    assert shop.engine.names == ["shop_web_1", "shop_web_4"]


async def test_what_cannot_work_is_refused_before_anything_is_done(shop):
    first = shop.engine.named("shop_web_1")
    for spoil, mend, what in (
        (
            lambda: first.host.update(PortBindings={"80/tcp": [{"HostPort": "80"}]}),
            first.host.clear,
            "fixed host port 80",
        ),
        (lambda: setattr(first, "routes", 0), lambda: setattr(first, "routes", 1), "routes nothing to shop_web_1"),
    ):
        spoil()
        with pytest.raises(RefusedError, match=what):
            await shop.roll_out()
        mend()
    shop.engine.add("shop_db_1", 1, labels={"com.docker.compose.service": "db"})
    with pytest.raises(RefusedError, match="no container of the Compose service dbb"):
        await shop.roll_out(service="dbb")
    assert shop.engine.done == []


async def test_an_interlock_of_another_engine_is_noticed(shop):
    class Elsewhere:
        async def look(self, _container):
            return None

    shop.traffic = Elsewhere()
    with pytest.raises(RefusedError, match="does not know shop_web_1"):
        await shop.roll_out()


async def test_an_engine_that_fails_is_reported_in_its_own_words(shop):
    shop.engine.failures["create"] = TemporaryError("the engine answers 500")
    with pytest.raises(TemporaryError, match="answers 500"):
        await shop.roll_out()
    assert shop.engine.names == ["shop_web_1", "shop_web_2"]
