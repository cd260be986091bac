"""Traces of what is done, for OpenTelemetry: ``interlock --plugin haproxy --plugin otel start``.

The SDK comes with the extra ``interlock[otel]``, and is imported only where the plugin is enabled.
"""

import importlib

from interlock.core.problems import PermanentError
from interlock.plugins.contract import Observer, ObserverContext, ObserverPlugin
from interlock.plugins.otel.settings import OtelSettings
from interlock.version import __version__

WORK = "interlock.plugins.otel.tracing"


def build(context: ObserverContext) -> Observer:
    """Raises PermanentError where the extra is not installed."""
    try:
        tracing = importlib.import_module(WORK)
    except ModuleNotFoundError as error:
        raise PermanentError(
            f"the OpenTelemetry SDK is not installed: {error}", fix="pip install 'interlock[otel]'"
        ) from error
    made: Observer = tracing.Tracing(context.settings)
    return made


PLUGIN = ObserverPlugin(
    name="otel",
    version=__version__,
    description="traces of each change, for OpenTelemetry",
    url="https://opentelemetry.io/docs/specs/otlp/",
    settings=OtelSettings,
    build=build,
)
