"""What can be set, under the names that OpenTelemetry has for it."""

from typing import Annotated

import msgspec

from interlock.settings import Option


class OtelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The SDK reads its other variables itself, such as OTEL_EXPORTER_OTLP_HEADERS."""

    endpoint: Annotated[
        str,
        Option(
            key="Endpoint",
            env="OTEL_EXPORTER_OTLP_ENDPOINT",
            doc="URL of the collector's OTLP/HTTP receiver, without /v1/traces.",
        ),
    ] = "http://localhost:4318"
    service_name: Annotated[
        str, Option(key="ServiceName", env="OTEL_SERVICE_NAME", doc="Name of this Interlock in traces.")
    ] = "interlock"
