"""What the SDK is given, and what leaves for a collector."""

import asyncio

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from interlock.core.happenings import ApplyFailed, Cause, EventSeen, PlanApplied
from interlock.core.problems import PermanentError
from interlock.plugins import otel
from interlock.plugins.otel.settings import OtelSettings
from interlock.plugins.otel.tracing import Tracing

START = Cause(action="start", at=100.0, engine="docker", container="web_1", container_id="1" * 64)
NEWS = (
    EventSeen(at=100.02, event="Changed", cause=START, touched=1),
    PlanApplied(at=100.10, proxy="haproxy", causes=(START,), steps=(), seconds=0.05),
    ApplyFailed(at=101.0, proxy="nginx", causes=(START,), error="it broke"),
)
SECONDS = 60.0


async def told(happenings, heard=None):
    """The news, and then nothing more."""
    for happening in happenings:
        yield happening
    if heard is not None:
        heard.set()
        await asyncio.Event().wait()


async def test_each_change_is_a_trace_of_its_own_with_its_parts_below_the_root():
    memory = InMemorySpanExporter()
    await Tracing(OtelSettings(service_name="edge"), SimpleSpanProcessor(memory)).run(told(NEWS))
    spans = memory.get_finished_spans()
    assert [span.name for span in spans] == ["event", "plan", "apply", "reconcile"] * 2
    first, second = spans[3], spans[7]
    assert {span.parent.span_id for span in spans[:3]} == {first.context.span_id}
    assert first.context.trace_id != second.context.trace_id
    assert (first.start_time, first.end_time) == (100_000_000_000, 100_100_000_000)
    assert first.attributes["interlock.containers"] == ("web_1",)
    assert first.resource.attributes["service.name"] == "edge"
    assert (first.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)


@pytest.fixture
async def collector():
    """An OTLP/HTTP receiver: its URL, and the spans that it got."""
    got = []

    async def receive(request):
        message = ExportTraceServiceRequest.FromString(await request.read())
        got.extend(span for each in message.resource_spans for scope in each.scope_spans for span in scope.spans)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", got
    await runner.cleanup()


async def test_a_collector_gets_them_before_the_observer_ends(collector):
    url, got = collector
    async with asyncio.timeout(SECONDS):
        await Tracing(OtelSettings(endpoint=f"{url}/")).run(told(NEWS))
    assert [span.name for span in got] == ["event", "plan", "apply", "reconcile"] * 2


async def test_without_a_collector_the_observer_still_ends_when_it_is_told_to():
    heard = asyncio.Event()
    running = asyncio.get_running_loop().create_task(
        Tracing(OtelSettings(endpoint="http://127.0.0.1:9")).run(told(NEWS, heard))
    )
    async with asyncio.timeout(SECONDS):
        await heard.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(otel, "WORK", "interlock_otel_is_not_here")
    with pytest.raises(PermanentError) as caught:
        otel.build(None)
    assert "interlock[otel]" in caught.value.fix
