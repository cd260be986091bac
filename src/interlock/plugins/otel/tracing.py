"""Hands traces to the SDK, which sends them from a thread of its own; needs the extra ``interlock[otel]``."""

import asyncio
from collections.abc import AsyncIterator

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context

from interlock.core.happenings import AnyHappening
from interlock.plugins.otel.settings import OtelSettings
from interlock.plugins.otel.spans import Trace, Traces
from interlock.version import __version__

EXPORT_SECONDS = 5
"""For one batch to leave; meanwhile up to 2,048 spans wait (the SDK's own bound), and more are dropped."""
PATH = "/v1/traces"
"""Of OTLP over HTTP."""
NANOSECONDS = 1_000_000_000


class Tracing:
    """One observer."""

    def __init__(self, settings: OtelSettings, processor: SpanProcessor | None = None) -> None:
        """With a processor spans go there instead of to the collector."""
        resource = Resource.create({"service.name": settings.service_name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor if processor is not None else _sending(settings))
        self._tracer = self._provider.get_tracer("interlock", __version__)
        self._traces = Traces()

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        try:
            async for happening in news:
                trace = self._traces.hear(happening)
                if trace is not None:
                    _record(self._tracer, trace)
        finally:
            await asyncio.to_thread(self._provider.shutdown)


def _sending(settings: OtelSettings) -> SpanProcessor:
    exporter = OTLPSpanExporter(endpoint=settings.endpoint.rstrip("/") + PATH, timeout=EXPORT_SECONDS)
    return BatchSpanProcessor(exporter)


def _record(tracer: Tracer, trace: Trace) -> None:
    """A root, and its parts below it; all are over already."""
    whole = tracer.start_span(
        trace.whole.name, Context(), attributes=trace.whole.attributes, start_time=_nanoseconds(trace.whole.begin)
    )
    below = set_span_in_context(whole, Context())
    for part in trace.parts:
        span = tracer.start_span(part.name, below, attributes=part.attributes, start_time=_nanoseconds(part.begin))
        if part.error:
            span.set_status(Status(StatusCode.ERROR, part.error))
        span.end(_nanoseconds(part.end))
    if trace.whole.error:
        whole.set_status(Status(StatusCode.ERROR, trace.whole.error))
    whole.end(_nanoseconds(trace.whole.end))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANOSECONDS)
