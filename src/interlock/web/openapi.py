"""``GET /v1/openapi.json``: the API's description (OpenAPI 3.1), drawn from the table of endpoints and their types."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from interlock.version import __version__
from interlock.web.answers import Fault, json
from interlock.web.endpoint import JSON, Endpoint, Right, plain_path
from interlock.web.orders import Orders

OPENAPI = "3.1.0"
SCHEMAS = "#/components/schemas/{name}"
DESCRIPTION: "web.AppKey[Mapping[str, Any]]" = web.AppKey("description")
"""Where an application keeps its own."""

_NO_WORD = re.compile(r"\W+")
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_NOT_READ = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.SERVICE_UNAVAILABLE)
"""What a body may get: it is wrong, too large, or does not arrive."""
_NOT_ADMITTED = {
    Right.NOTHING: (),
    Right.READ: (HTTPStatus.UNAUTHORIZED,),
    Right.OPERATE: (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
}
_MISDIRECTED = HTTPStatus.MISDIRECTED_REQUEST
_RIGHTS = {
    Right.NOTHING: "Open to everybody.",
    Right.READ: "Needs the right to read.",
    Right.OPERATE: "Needs the right to operate.",
}


async def description(request: web.Request, _orders: Orders) -> web.Response:
    return json(request.app[DESCRIPTION])


def described(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The description of these endpoints."""
    endpoints = tuple(endpoints)
    types = [type_ for each in endpoints for type_ in _types(each)]
    schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMAS)
    schema_of = {id(type_): schema for type_, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(plain_path(each.path), {})[each.method.lower()] = _operation(each, schema_of)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Interlock",
            "version": __version__,
            "description": "What Interlock routes, why, and orders to it. Times are Unix seconds unless they are text.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "One token reads, another operates."}
            },
        },
    }


def _types(endpoint: Endpoint) -> list[Any]:
    """Every type that its description names."""
    named = [endpoint.answer, Fault, endpoint.body, endpoint.unready, *(each.type for each in endpoint.parameters)]
    return [type_ for type_ in named if type_ is not None]


def _operation(endpoint: Endpoint, schema_of: Mapping[int, Any]) -> dict[str, Any]:
    name = plain_path(endpoint.path).removeprefix("/v1").replace("{", "").replace("}", "")
    operation: dict[str, Any] = {
        "operationId": _NO_WORD.sub("_", endpoint.method.lower() + name),
        "summary": endpoint.summary,
        "description": _RIGHTS[endpoint.right],
        "responses": _responses(endpoint, schema_of),
        "security": [{"token": []}] if endpoint.right else [],
    }
    if parameters := _parameters(endpoint, schema_of):
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {"schema": schema_of[id(endpoint.body)], "example": msgspec.json.decode(endpoint.example)}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    return operation


def _parameters(endpoint: Endpoint, schema_of: Mapping[int, Any]) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(plain_path(endpoint.path))
    ]
    in_query = [
        {
            "name": each.name,
            "in": "query",
            "required": each.required,
            "description": each.doc,
            "schema": schema_of[id(each.type)],
        }
        for each in endpoint.parameters
    ]
    return in_path + in_query


def _responses(endpoint: Endpoint, schema_of: Mapping[int, Any]) -> dict[str, Any]:
    answers = {HTTPStatus.OK: _answer(schema_of[id(endpoint.answer)], endpoint.content_type)}
    faults = {*_NOT_ADMITTED[endpoint.right], *map(HTTPStatus, endpoint.faults), _MISDIRECTED}
    faults |= set(_NOT_READ) if endpoint.body is not None else set()
    answers |= {status: _answer(schema_of[id(Fault)], JSON) for status in faults}
    if endpoint.unready is not None:
        answers[HTTPStatus.SERVICE_UNAVAILABLE] = _answer(schema_of[id(endpoint.unready)], JSON)
    return {
        str(status.value): {"description": status.phrase, "content": content}
        for status, content in sorted(answers.items())
    }


def _answer(schema: Any, content_type: str) -> dict[str, Any]:
    return {content_type: {"schema": schema}}
