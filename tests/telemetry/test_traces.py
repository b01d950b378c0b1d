"""A call's trace, as a real OTLP/HTTP receiver gets it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.agent.messages import FromAgent, Spoken, TurnTimings, Used
from gateway.calls.record import CallRecord, Event, Sound
from gateway.calls.traceparent import traceparent
from gateway.telemetry.otlp import Traces
from gateway.telemetry.settings import TelemetrySettings
from tests.simulators.otlp_wire import Collector, collecting, values

pytest.importorskip("opentelemetry.sdk")


CALL = "6f1e6d0a-2f0c-4f5e-9d3b-0a1b2c3d4e5f"
TRACE, ROOT = "6f1e6d0a2f0c4f5e9d3b0a1b2c3d4e5f", "9d3b0a1b2c3d4e5f"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def used(part: str, began_at: float, **more: Any) -> Used:
    return Used(
        call=CALL, part=part, vendor="openai", model="gpt-4.1", began_at=began_at,  # type: ignore[arg-type]
        ended_at=began_at + 0.5, first_at=began_at + 0.2, **more,
    )  # fmt: skip


def said(role: str, at: float, **extra: Any) -> Spoken:
    return Spoken(call=CALL, role=role, text="{}", began_at=at, ended_at=at, extra=extra)  # type: ignore[arg-type]


MESSAGES: list[FromAgent] = [
    used("thinking", 1000.3, tokens_in=11, tokens_out=7, tokens_cached=3, finish="tool_calls"),
    said("tool_call", 1000.8, id="t1", name="look"),
    said("tool_result", 1001.3, id="t1", ok=True),
    used("speaking", 1001.4, characters=40, seconds=2.0, finish="stop").model_copy(
        update={"model": ""}
    ),
    TurnTimings(
        call=CALL, turn=1, began_at=1000.0, total_ms=1700.0, own_ms=20.0,
        segments=(("endpointing", 300.0), ("model_first_token", 200.0), ("wire", 1200.0)),
        vendors={"thinking": "openai"},
    ),
    used("thinking", 1010.0, fault="overload").model_copy(
        update={"vendor": "mistral", "model": "small"}
    ),
]  # fmt: skip


def record() -> CallRecord:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return CallRecord(
        id=CALL, direction="inbound", created_at=at, ended_at=at + timedelta(seconds=60),
        assistant_id="a1", ended_reason="customer-ended-call", sound=Sound(codec="opus", mos=4.2),
        events=[Event(at=at, what="barge_in", facts={"heard": "a secret", "stopped_at": 3.5})],
    )  # fmt: skip


def traced(collector: Collector) -> None:
    traces = Traces(TelemetrySettings(otlp_endpoint=collector.url, service="gw"))
    for message in MESSAGES:
        traces.told(record(), {}, message)
    traces.ended(record(), {})
    traces.close()


def test_a_call_is_one_trace_whose_id_is_the_calls(collector: Collector) -> None:
    traced(collector)
    assert set(collector.paths) == {"/v1/traces"}
    assert {span.trace_id.hex() for span in collector.spans.values()} == {TRACE}
    root = collector.spans["call inbound"]
    assert root.span_id.hex() == ROOT
    assert not root.parent_span_id
    assert root.end_time_unix_nano - root.start_time_unix_nano == 60_000_000_000
    assert traceparent(CALL) == f"00-{TRACE}-{ROOT}-01"
    facts = values(root)
    assert facts["gen_ai.conversation.id"] == facts["trunkline.call.id"] == CALL
    assert facts["gen_ai.agent.id"] == "a1"
    assert facts["trunkline.call.ended_reason"] == "customer-ended-call"
    (event,) = root.events
    assert event.name == "barge_in"
    assert [a.key for a in event.attributes] == ["stopped_at"], "no words"
    (resource,) = {str(r.resource) for r in collector.got.resource_spans}
    assert 'string_value: "gw"' in resource


def test_a_turn_lies_below_the_call_and_its_segments_below_the_turn(collector: Collector) -> None:
    traced(collector)
    spans = collector.spans
    turn = spans["turn 1"]
    assert turn.parent_span_id == spans["call inbound"].span_id
    at = turn.start_time_unix_nano
    for name, ms in (("endpointing", 300), ("model_first_token", 200), ("wire", 1200)):
        segment = spans[name]
        assert segment.parent_span_id == turn.span_id
        assert segment.start_time_unix_nano == pytest.approx(at, abs=2000)
        at = segment.end_time_unix_nano
        assert at - segment.start_time_unix_nano == pytest.approx(ms * 1_000_000, abs=2000)
    assert at == pytest.approx(turn.end_time_unix_nano, abs=2000)
    assert values(spans["model_first_token"])["trunkline.vendor"] == "openai"


def test_models_voices_and_tools_are_named_by_the_conventions(collector: Collector) -> None:
    traced(collector)
    spans = collector.spans
    turn = spans["turn 1"].span_id
    chat = spans["chat gpt-4.1"]
    assert chat.parent_span_id == turn
    assert chat.kind == chat.SPAN_KIND_CLIENT
    facts = values(chat)
    assert facts["gen_ai.operation.name"] == "chat"
    assert facts["gen_ai.provider.name"] == "openai"
    assert facts["gen_ai.request.model"] == "gpt-4.1"
    assert facts["gen_ai.usage.input_tokens"] == 11
    assert facts["gen_ai.usage.output_tokens"] == 7
    assert facts["gen_ai.usage.cache_read.input_tokens"] == 3
    assert facts["gen_ai.response.finish_reasons"].values[0].string_value == "tool_calls"
    tool = spans["execute_tool look"]
    assert tool.parent_span_id == turn
    assert values(tool)["gen_ai.tool.call.id"] == "t1"
    assert tool.end_time_unix_nano - tool.start_time_unix_nano == pytest.approx(5e8, abs=2000)
    voice = values(spans["text_to_speech openai"])
    assert voice["trunkline.characters"] == 40
    failed = spans["chat small"]
    assert values(failed)["error.type"] == "overload"
    assert values(failed)["gen_ai.provider.name"] == "mistral_ai"
    assert failed.status.code == failed.status.STATUS_CODE_ERROR


def test_a_collector_that_refuses_costs_a_trace_and_nothing_else(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    with caplog.at_level(logging.ERROR):
        traced(collector)
    assert not collector.spans
    assert "400" in caplog.text


@pytest.mark.parametrize(
    ("given", "environment", "on"),
    [
        ("", {}, False),
        ("http://here:4318", {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://here:4318"}, True),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://here:4318/v1/traces"}, True),
    ],
)
def test_nothing_is_traced_unless_somebody_says_where_to(
    given: str, environment: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert TelemetrySettings(otlp_endpoint=given).on is on
