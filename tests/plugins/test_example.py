"""The smallest observer logs what happens."""

from structlog.testing import capture_logs

from interlock.core.happenings import EngineLost
from interlock.plugins.example import PLUGIN
from interlock.testing.worlds import container


async def test_it_logs_every_happening_and_the_container_of_an_event(scene):
    web = container()
    with capture_logs() as lines:
        async with scene.running(PLUGIN.build(scene.context(PLUGIN.settings()))):
            scene.tell_event("start", web, at=12.5)
            scene.tell(EngineLost(at=13.0, engine="docker", reason="gone"))
            await scene.until(lambda: len(lines) == 2)
    assert [line["event"] for line in lines] == [
        f"[example] action=received event={web.id} time=12.500",
        "[example] action=received event=EngineLost time=13.000",
    ]
