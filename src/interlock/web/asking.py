"""What can be asked: why a container takes traffic or not, and what becomes of a URL."""

from aiohttp import web

from interlock.core.problems import PermanentError
from interlock.web.answers import json
from interlock.web.orders import Orders


async def explain(request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.explain(request.match_info["who"]))


async def trace(request: web.Request, orders: Orders) -> web.Response:
    url = request.query.get("url", "")
    if not url:
        raise PermanentError("no URL is asked for", fix="ask for /v1/trace?url=http://www.example.com/")
    return json(await orders.trace(url))
