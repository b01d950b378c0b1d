"""Traces by OTLP/HTTP, through OpenTelemetry's SDK: the extra ``otel``.

A call's spans are made and sent when it has ended, by threads of their own. A collector that is
slow or gone costs traces, and nothing else.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from gateway.agent.messages import FromAgent
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord
from gateway.calls.traceparent import ids
from gateway.telemetry.settings import TelemetrySettings
from gateway.telemetry.spans import Notes, Span

log = logging.getLogger(__name__)

MOST_WAITING = 20_000  # spans; more are left out while the collector is away
PATIENCE_S = 5.0
PATH = "/v1/traces"


class _Ids(RandomIdGenerator):
    """A call's trace, and its first span, have their numbers from its id."""

    trace = span = 0

    def begin(self, call_id: str) -> None:
        self.trace, self.span = ids(call_id)

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        first, self.span = self.span, 0
        return first or super().generate_span_id()


class Traces:
    """Implements ``calls.ports.Listener``."""

    def __init__(self, settings: TelemetrySettings) -> None:
        endpoint = settings.otlp_endpoint.rstrip("/")
        if endpoint and not endpoint.endswith(PATH):
            endpoint += PATH
        exporter = OTLPSpanExporter(endpoint=endpoint or None, timeout=PATIENCE_S)
        self._ids = _Ids()
        resource = Resource.create({"service.name": settings.service})
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING))
        self._tracer = self._provider.get_tracer("trunkline")
        self._notes: dict[str, Notes] = {}
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="traces")

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        """The end tells all of it."""

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        notes = self._notes.get(record.id)
        if notes is None:
            notes = self._notes[record.id] = Notes(time.time() - time.monotonic())
        notes.take(message)

    def ended(self, record: CallRecord, papers: Papers) -> None:
        notes = self._notes.pop(record.id, None) or Notes(0.0)
        self._maker.submit(self._make, record, notes)

    def close(self) -> None:
        """Send what is waiting, for as long as the collector is given; blocks."""
        self._maker.shutdown()
        self._provider.shutdown()

    def _make(self, record: CallRecord, notes: Notes) -> None:
        try:
            self._ids.begin(record.id)
            self._record(notes.span(record), None)
        except Exception:
            log.exception("no trace could be made of call %s", record.id)

    def _record(self, span: Span, parent: object) -> None:
        made = self._tracer.start_span(
            span.name,
            context=parent,  # type: ignore[arg-type]
            kind=SpanKind.CLIENT if span.client else SpanKind.INTERNAL,
            attributes=span.attributes,
            start_time=_ns(span.began),
        )
        for name, at, facts in span.events:
            made.add_event(name, facts, _ns(at))
        if span.error:
            made.set_attribute("error.type", span.error)
            made.set_status(Status(StatusCode.ERROR))
        context = set_span_in_context(made)
        for below in span.below:
            self._record(below, context)
        made.end(_ns(span.ended))


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
