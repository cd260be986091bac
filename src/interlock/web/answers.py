"""JSON in, JSON out: bodies that are typed or refused, and every fault as ``{"problem": …, "fix": …}``."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web

from interlock.core.problems import InterlockError, PermanentError, TemporaryError, shown
from interlock.core.revisions import UnknownRevisionError
from interlock.core.targets import UnknownTargetError
from interlock.web.endpoint import JSON, Endpoint, plain_path

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
"""Bytes of a request; an order is far smaller."""
READ_SECONDS = 10.0
"""For a body to arrive."""

STATUS_OF_ERROR = ((UnknownTargetError, 404), (UnknownRevisionError, 404), (PermanentError, 400), (TemporaryError, 503))
"""The first that fits counts."""

T = TypeVar("T")


class Fault(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx, but that of ``/readyz``."""

    problem: str
    fix: str = ""


def json(value: Any, *, status: int = 200) -> web.Response:
    """A value as the answer."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type=JSON,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


async def body(request: web.Request, type_: type[T], *, example: str) -> T:
    """The typed body. Raises PermanentError with an example of a good one."""
    fix = f"send {example} with Content-Type: {JSON}"
    if request.content_type != JSON:  # which no page of another site can send without being asked first
        raise PermanentError(f"the body of {request.path} is not said to be JSON", fix=fix)
    try:
        async with asyncio.timeout(READ_SECONDS):
            content = await request.read()
    except TimeoutError:
        raise TemporaryError(f"the body did not arrive within {READ_SECONDS:g} s", fix=fix) from None
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PermanentError(f"the body of {request.path} is not understood: {shown(str(error))}", fix=fix) from None


def explained(endpoints: Iterable[Endpoint]) -> Any:
    """A middleware: whatever goes wrong becomes an answer that says what, and how to mend it; never a traceback."""
    paths = sorted({plain_path(endpoint.path) for endpoint in endpoints})

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except InterlockError as error:
            status = next(code for kind, code in STATUS_OF_ERROR if isinstance(error, kind))
            return json(Fault(error.what, error.fix), status=status)
        except web.HTTPException as error:
            answer = json(_fault_of(request, error, paths), status=error.status)
            answer.headers.update({name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers})
            return answer
        except Exception:
            log.exception(f"[interlock] the API failed over {request.method} {shown(request.path)}")
            return json(
                Fault("Interlock failed over this request", "see its log, and report this as a bug"), status=500
            )

    return middleware


_KEPT_HEADERS = ("Allow", "WWW-Authenticate")


def _fault_of(request: web.Request, error: web.HTTPException, paths: Iterable[str]) -> Fault:
    match error:
        case web.HTTPNotFound():
            return Fault(f"there is no {shown(request.path)}", f"ask for one of {', '.join(paths)}")
        case web.HTTPMethodNotAllowed(allowed_methods=allowed):
            methods = " or ".join(sorted(allowed))
            return Fault(f"{shown(request.path)} does not take {shown(request.method)}", f"use {methods}")
        case web.HTTPRequestEntityTooLarge():
            return Fault(f"the body has more than {LARGEST_BODY} bytes", "send less")
        case _:
            advice = error.text if error.text != f"{error.status}: {error.reason}" else ""
            return Fault(error.reason.lower(), advice or "")
