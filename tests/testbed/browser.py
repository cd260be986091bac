"""A real browser, and what went wrong in it."""

import contextlib
import json
import os
import shutil

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

PROGRAM = os.environ.get("INTERLOCK_TEST_CHROMIUM") or shutil.which("chromium") or "chromium"
WAIT_MS = 20_000
"""For what will come, on a slow machine."""
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
GRAVE = {"serious", "critical"}


class Browser:
    """Opens pages; nothing may be wrong in them when the test is over."""

    def __init__(self, chromium):
        self._chromium = chromium
        self._contexts = []
        self.complaints = []
        """Errors of scripts and of the console, and requests to anybody but the one who served the page."""

    async def open(self, url, *, ready=".route", viewport=None, **context):
        """A page that shows something by now."""
        opened = await self._chromium.new_context(viewport=viewport or DESK, **context)
        self._contexts.append(opened)
        page = await opened.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self._see(request.url, url))
        await page.goto(url)
        await page.wait_for_selector(ready)
        return page

    async def close(self):
        while self._contexts:
            await self._contexts.pop().close()

    async def forgive(self):
        """Close everything; what went wrong until now was meant to."""
        await self.close()
        self.complaints.clear()

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def _see(self, asked, own):
        if not asked.startswith(own):
            self.complaints.append(f"a request to {asked}")


@contextlib.asynccontextmanager
async def running_chromium():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield chromium
        finally:
            await chromium.close()


@contextlib.asynccontextmanager
async def browsing(chromium):
    """Pages of one test; they are closed when it is over."""
    browser = Browser(chromium)
    try:
        yield browser
    finally:
        await browser.close()
    assert not browser.complaints, browser.complaints


async def grave_violations(page):
    """What axe-core finds serious or critical, as text."""
    found = await Axe().run(page)
    return [
        f"{violation['id']}: {json.dumps([node['html'] for node in violation['nodes']][:3])}"
        for violation in found.response["violations"]
        if violation["impact"] in GRAVE
    ]
