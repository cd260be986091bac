"""The description is drawn from the table, and the server keeps to it, whatever it is asked."""

import asyncio
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from interlock.desk import Desk
from interlock.history import History
from interlock.reconciler import Reconciler
from interlock.testing.worlds import ENGINE, container, listed, placed
from interlock.web.access import Door, TokenGate
from interlock.web.endpoint import Right
from interlock.web.openapi import described
from interlock.web.server import ENDPOINTS, serve

ROOT = Path(__file__).parents[2]
TOKEN = "operates-everything"
READ_TOKEN = "reads-everything"
DESCRIPTION = described(ENDPOINTS)
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
STREAMS = ["/v1/events", "/v1/recording"]
"""They have no end, so that no generated request can wait for one; test_news.py and test_past.py have their tests."""


@pytest.fixture(scope="module")
def url():
    """A desk with one site and no proxy, behind a port, in a thread of its own."""
    with tempfile.TemporaryDirectory(prefix="il-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        loop = asyncio.new_event_loop()
        tasks = loop.run_until_complete(opened(Path(folder), listener))
        thread = threading.Thread(target=loop.run_until_complete, args=(asyncio.wait(tasks),))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        thread.join(timeout=30)
        loop.close()


async def opened(folder, listener):
    """The tasks of a desk that takes orders at this listener."""
    reconciler = Reconciler([ENGINE])
    history = History(reconciler.routes.table, keep=10)
    desk = Desk(reconciler, [], folder / "overrides.json", stale_after=1e9, history=history)
    desk.open()
    for event in (placed(), listed(container("web_1"))):
        reconciler.post(event)
    door = Door(TokenGate(read=READ_TOKEN, operate=TOKEN), frozenset())
    work = (reconciler.run(), desk.run(), serve(desk, listener, door=door))
    return [asyncio.get_running_loop().create_task(each) for each in work]


@pytest.mark.filterwarnings("default")
@SCHEMA.exclude(path=STREAMS).parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_the_answer_is_as_described_and_never_a_failure_of_ours(case, url):
    case.call_and_validate(
        base_url=url,
        timeout=60,
        headers={"Authorization": f"Bearer {TOKEN}"},
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            response_headers_conformance,
            unsupported_method,
            negative_data_rejection,
            ignored_auth,
        ],
    )


def test_every_endpoint_is_in_it_once():
    described_ones = [(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods]
    assert len(described_ones) == len(ENDPOINTS)
    ids = [each["operationId"] for methods in DESCRIPTION["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_what_it_says_of_rights_is_what_the_server_asks_for(endpoint):
    path = re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", endpoint.path)
    operation = DESCRIPTION["paths"][path][endpoint.method.lower()]
    assert bool(operation["security"]) == (endpoint.right > Right.NOTHING)
    assert ("403" in operation["responses"]) == (endpoint.right is Right.OPERATE)


def test_the_manual_has_every_endpoint():
    script = [sys.executable, ROOT / "scripts/api-table"]
    table = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout
    manual = (ROOT / "docs/api.md").read_text()
    within = manual.partition("<!-- endpoints -->\n")[2].partition("<!-- end of endpoints -->")[0]
    assert within == table, "replace it by the output of scripts/api-table"
