"""The dashboard of a real Interlock, before a real engine and a real HAProxy, in a real browser."""

import asyncio
from datetime import datetime

import pytest
import pytest_asyncio
from playwright.async_api import expect

from testbed.browser import WAIT_MS, browsing, running_chromium

pytestmark = pytest.mark.real

expect.set_options(timeout=WAIT_MS)
PORT = 7999
"""On the engine's own network, where no container publishes a port this low."""
WATCH = """
count => {
  window.reached = 0;
  new MutationObserver(() => {
    const rows = document.querySelectorAll(".servers tbody tr").length;
    if (rows >= count && !window.reached) window.reached = Date.now() / 1000;
  }).observe(document.getElementById("routes"), { childList: true, subtree: true });
}
"""


@pytest.fixture
def variables():
    return {"INTERLOCK_API_ADDR": f"0.0.0.0:{PORT}"}


@pytest_asyncio.fixture
async def page(stage):
    """As an operator sees it; closed before the Interlock that it shows."""
    token = (stage.interlock.folder / "state" / "api-operate-token").read_text().strip()
    async with running_chromium() as chromium, browsing(chromium) as browser:
        page = await browser.open(f"http://{stage.site.address}:{PORT}/", ready="dialog")
        await page.get_by_label("Token").last.fill(token)
        await page.get_by_role("button", name="Use it").click()
        await expect(page.locator("#link")).to_have_text("live")
        await page.wait_for_selector(".route")
        browser.complaints.clear()  # of the 401s that came before the token
        yield page


async def in_thread(work, *arguments):
    """Compose and visits, while the browser goes on."""
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def started(docker, ids):
    """Unix seconds when the last of these containers was started, as the engine says."""
    times = docker("inspect", "--format", "{{.State.StartedAt}}", *ids).split()
    return max(datetime.fromisoformat(text).timestamp() for text in times)


async def test_what_compose_scales_is_shown_as_it_happens(page, stage, docker, tell):
    ready = page.locator(".servers .state[data-state=ready]")
    await expect(ready).to_have_count(1)
    await page.evaluate(WATCH, 3)
    await in_thread(stage.application.scale, "web", 3)
    await expect(ready).to_have_count(3)
    late = await page.evaluate("window.reached") - started(docker, stage.application.containers("web").values())
    tell(f"shown {late * 1000:.0f} ms after the last of three containers was started")
    await expect(page.locator(".happened .facts").first).to_contain_text("because of")
    await in_thread(stage.application.scale, "web", 1)
    await expect(page.locator(".servers tbody tr")).to_have_count(1)


async def test_a_server_is_drained_by_button_and_put_back(page, stage):
    await in_thread(stage.application.scale, "web", 2)
    await expect(page.locator(".servers .state[data-state=ready]")).to_have_count(2)
    drained, stays = sorted(stage.application.containers("web").items())
    await page.get_by_role("button", name=drained[0], exact=True).click()
    await page.get_by_role("button", name="Drain", exact=True).click()
    await expect(page.locator(".notices .notice")).to_contain_text(f"{drained[0]} is out of rotation")
    tally = await in_thread(stage.site.ask, 20)
    assert tally.is_clean
    assert set(tally.servers) == {stays[1][:12]}
    with stage.site.visitors():
        await expect(page.locator(".servers td.rate").last).not_to_have_text("0")
    await page.get_by_role("button", name="Undrain", exact=True).click()
    await expect(page.locator(".servers .state[data-state=ready]")).to_have_count(2)
    tally = await in_thread(stage.site.ask, 20)
    assert len(tally.servers) == 2


async def test_a_problem_appears_with_its_fix_and_goes_with_its_container(page, docker, web_image):
    data = '{"hostname":"bad","domain":"interlock.com","port":"80a"}'
    key = await in_thread(docker, "run", "--detach", "--env", f"INTERLOCK_DATA={data}", web_image)
    await expect(page.locator(".problem")).to_contain_text("80a")
    await expect(page.locator(".problem .fix")).to_have_count(1)
    await in_thread(docker, "rm", "--force", key.strip())
    await expect(page.locator("#problems")).to_be_hidden()
