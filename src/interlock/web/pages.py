"""The dashboard: files of this package, as they are. All that they show they ask of the API."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

import msgspec
from aiohttp import web

FOLDER = "dashboard"
START = "index.html"
TYPES = MappingProxyType({"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"})
"""Content type by the end of a name; no other file is served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: nothing but our own files, nothing inline, and in nobody's frame."""
HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
)
"""A browser asks each time whether a file is still the same: it belongs to the version that serves it."""


class Page(msgspec.Struct, frozen=True):
    """One file."""

    content: bytes
    content_type: str
    etag: str

    async def answer(self, request: web.Request) -> web.Response:
        known = {each.value for each in request.if_none_match or ()}
        headers = {**HEADERS, "ETag": f'"{self.etag}"'}
        if self.etag in known:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.content, content_type=self.content_type, charset="utf-8", headers=headers)


def pages() -> Mapping[str, Page]:
    """Path -> file, read once."""
    found = {}
    for file in files("interlock.web").joinpath(FOLDER).iterdir():
        content_type = TYPES.get(file.name.rpartition(".")[2])
        if content_type is not None:
            content = file.read_bytes()
            page = Page(content, content_type, sha256(content).hexdigest()[:16])
            found["/" if file.name == START else f"/{file.name}"] = page
    return MappingProxyType(found)
