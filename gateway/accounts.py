"""Who keeps accounts of the calls: metrics always, a log and traces if they are wanted."""

import asyncio
from contextlib import AsyncExitStack

from gateway.calls.call_log import CallLog
from gateway.calls.ports import Listener
from gateway.calls.vendor_metrics import VendorMetrics
from gateway.config import Settings
from gateway.errors import ConfigError


def accountants(settings: Settings, life: AsyncExitStack) -> list[Listener]:
    """To be made before the switchboard, so that they outlive the last call. Raises ConfigError."""
    made: list[Listener] = [VendorMetrics()]
    if settings.calls.log:
        call_log = CallLog(settings.calls.log)
        life.push_async_callback(asyncio.to_thread, call_log.close)
        made.append(call_log)
    if settings.telemetry.on:
        try:
            from gateway.telemetry.otlp import Traces
        except ImportError as error:
            raise ConfigError(
                f"[telemetry] otlp_endpoint: traces need the extra otel: "
                f"pip install 'trunkline[otel]' ({error})"
            ) from None
        traces = Traces(settings.telemetry)
        life.push_async_callback(asyncio.to_thread, traces.close)
        made.append(traces)
    return made
