"""The dashboard's files as they are served: what a browser is told of them, and what is not in them."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest

from interlock.web.pages import HEADERS, pages
from testbed.paper import PaperInterlock

ALL = pages()
SCRIPTS = {path: page.content.decode() for path, page in ALL.items() if path.endswith(".js")}


@pytest.fixture
async def url(tmp_path):
    async with PaperInterlock(tmp_path).running() as one:
        yield one.url


@pytest.mark.parametrize("path", sorted(ALL))
async def test_every_file_is_served_with_its_type_and_the_strict_policy(url, path):
    async with aiohttp.ClientSession() as session, session.get(url + path[1:]) as answer:
        assert (answer.status, answer.content_type) == (200, ALL[path].content_type)
        assert await answer.read() == ALL[path].content
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


async def test_a_browser_that_has_a_file_is_told_that_it_is_the_same(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as first:
            etag = first.headers["ETag"]
        async with session.get(url, headers={"If-None-Match": etag}) as again:
            assert (again.status, await again.read()) == (304, b"")
        async with session.get(url, headers={"If-None-Match": '"older"'}) as changed:
            assert changed.status == 200


@pytest.mark.parametrize("path", ["pages.py", "../server.py", "%2e%2e/server.py", "dashboard/index.html", "nothing.js"])
async def test_nothing_else_is_served(url, path):
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        assert (await reader.readline()).split()[1] == b"404"
    writer.close()


class Tags(HTMLParser):
    """The tags of a page with their attributes, and whether anything is written inline."""

    def __init__(self):
        super().__init__()
        self.linked, self.inline = [], []
        self._within = ""

    def handle_starttag(self, tag, attributes):
        self._within = tag
        for name, value in attributes:
            if name in {"src", "href"} and not value.startswith("#"):
                self.linked.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append((tag, name))

    def handle_endtag(self, _tag):
        self._within = ""

    def handle_data(self, data):
        if self._within in {"script", "style"} and data.strip():
            self.inline.append((self._within, data))


def test_the_page_has_nothing_inline_and_links_only_to_its_own_files():
    tags = Tags()
    tags.feed(ALL["/"].content.decode())
    assert tags.inline == []
    assert tags.linked
    assert {f"/{name}" for name in tags.linked} <= ALL.keys()


def test_every_module_is_imported_from_here():
    imported = {name for text in SCRIPTS.values() for name in re.findall(r'from "([^"]+)"', text)}
    assert imported
    assert {name.replace("./", "/", 1) for name in imported} <= ALL.keys()


@pytest.mark.parametrize("path", sorted(SCRIPTS))
def test_no_script_makes_markup_or_code_out_of_text(path):
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|Function\(",
        SCRIPTS[path],
    )


@pytest.mark.parametrize("path", sorted(ALL))
def test_no_file_names_another_host(path):
    text = ALL[path].content.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text)


def test_the_manual_names_every_key_of_the_page():
    help_ = re.search(r"const KEYS = \[(.*?)\n\];", SCRIPTS["/keyboard.js"], re.DOTALL)[1]
    keys = {key for keys in re.findall(r'\["([^"]+)",', help_) for key in keys.split("  ")}
    manual = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text()
    table = "\n".join(line.split("|")[1] for line in manual.splitlines() if line.startswith("| `"))
    assert keys == set(re.findall(r"`([^`]+)`", table))


def test_the_manuals_pictures_are_there():
    manual = Path(__file__).parents[2] / "docs" / "dashboard.md"
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", manual.read_text())
    assert len(pictures) == 3
    for picture in pictures:
        assert (manual.parent / picture).read_bytes().startswith(b"\x89PNG")
