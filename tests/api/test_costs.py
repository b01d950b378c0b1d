"""A call's cost in the API: the documented items and sums."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from vapi import types as sdk

from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.calls.record import CallRecord, Status, Usage

VIEW = CallView("org", "http://gw")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def record() -> CallRecord:
    return CallRecord(
        id="11111111-2222-3333-4444-555555555555",
        direction="outbound",
        status=Status.ENDED,
        answered_at=AT,
        ended_at=AT + timedelta(seconds=90),
        transport_cost=0.015,
        usage=[
            Usage(part="hearing", vendor="deepgram", model="nova-3", seconds=90, cost=0.01155),
            Usage(part="thinking", vendor="openai", model="gpt-4.1", tokens_in=1200,
                  tokens_cached=1024, tokens_out=80, cost=0.0015),
            Usage(part="thinking", vendor="groq", model="llama", tokens_in=300, tokens_out=20,
                  tokens_estimated=320),
            Usage(part="speaking", vendor="11labs", characters=400, seconds=25, cost=0.02),
        ],
    )  # fmt: skip


def test_every_vendor_has_its_item() -> None:
    shown = VIEW.show(record(), {})
    assert shown["costs"] == [
        {"type": "transport", "provider": "vapi.sip", "minutes": 1.5, "cost": 0.015},
        {"type": "transcriber", "transcriber": {"provider": "deepgram", "model": "nova-3"},
         "minutes": 1.5, "cost": 0.01155},
        {"type": "model", "model": {"provider": "openai", "model": "gpt-4.1"},
         "promptTokens": 1200, "completionTokens": 80, "cachedPromptTokens": 1024,
         "usageComplete": True, "cost": 0.0015},
        {"type": "model", "model": {"provider": "groq", "model": "llama"}, "promptTokens": 300,
         "completionTokens": 20, "cachedPromptTokens": 0, "usageComplete": False, "cost": 0,
         "unpriced": True},
        {"type": "voice", "voice": {"provider": "11labs"}, "characters": 400, "cost": 0.02},
        {"type": "vapi", "subType": "normal", "minutes": 1.5, "cost": 0},
    ]  # fmt: skip


def test_the_parts_sum_to_the_total() -> None:
    shown = VIEW.show(record(), {})
    breakdown: dict[str, Any] = shown["costBreakdown"]
    parts = ("transport", "stt", "llm", "tts", "vapi")
    assert [breakdown[name] for name in parts] == [0.015, 0.01155, 0.0015, 0.02, 0]
    assert shown["cost"] == breakdown["total"] == pytest.approx(sum(breakdown[n] for n in parts))
    assert breakdown["total"] == pytest.approx(sum(item["cost"] for item in shown["costs"]))
    tokens = ("llmPromptTokens", "llmCompletionTokens", "llmCachedPromptTokens", "ttsCharacters")
    assert [breakdown[name] for name in tokens] == [1500, 100, 1024, 400]
    assert breakdown["analysisCostBreakdown"]["summaryPromptTokens"] == 0


def test_the_official_sdk_reads_them() -> None:
    call = sdk.Call.model_validate(VIEW.show(record(), {}))
    assert call.cost_breakdown
    assert call.cost_breakdown.total == 0.04805
    assert call.costs
    assert [item.type for item in call.costs] == [  # type: ignore[union-attr]
        "transport", "transcriber", "model", "model", "voice", "vapi",
    ]  # fmt: skip


def test_the_report_at_the_end_has_them_too() -> None:
    message = Messages(VIEW).end_of_call_report(record(), {})["message"]
    assert message["cost"] == 0.04805
    assert len(message["costs"]) == 6
    assert message["costBreakdown"]["llm"] == 0.0015


def test_what_is_asked_when_the_call_is_over_has_items_of_its_own() -> None:
    over = record()
    over.usage += [
        Usage(part="analysis", vendor="openai", model="gpt-4.1", answers="summary", tokens_in=500,
              tokens_out=50, tokens_cached=10, cost=0.004),
        Usage(part="analysis", vendor="openai", model="gpt-4.1", answers="structuredData",
              tokens_in=300, tokens_out=30, cost=0.002),
    ]  # fmt: skip
    shown = VIEW.show(over, {})
    assert next(item for item in shown["costs"] if item["type"] == "analysis") == {
        "type": "analysis", "analysisType": "summary",
        "model": {"provider": "openai", "model": "gpt-4.1"}, "promptTokens": 500,
        "completionTokens": 50, "cachedPromptTokens": 10, "usageComplete": True, "cost": 0.004,
    }  # fmt: skip
    breakdown = shown["costBreakdown"]
    assert (breakdown["llm"], breakdown["llmPromptTokens"]) == (0.0015, 1500)
    analyses = breakdown["analysisCostBreakdown"]
    names = (
        "summary", "summaryPromptTokens", "summaryCompletionTokens", "structuredData",
        "summaryCachedPromptTokens", "structuredDataPromptTokens", "successEvaluation",
    )  # fmt: skip
    assert [analyses[name] for name in names] == [0.004, 500, 50, 0.002, 10, 300, 0]
    assert shown["cost"] == breakdown["total"] == pytest.approx(0.05405)
    assert breakdown["total"] == pytest.approx(sum(item["cost"] for item in shown["costs"]))
    call = sdk.Call.model_validate(shown)
    assert call.cost_breakdown
    assert call.cost_breakdown.analysis_cost_breakdown
    assert call.cost_breakdown.analysis_cost_breakdown.summary == 0.004


def test_a_call_that_goes_on_costs_nothing_yet() -> None:
    going = record()
    going.status, going.transport_cost = Status.IN_PROGRESS, 0
    for usage in going.usage:
        usage.cost = None
    shown = VIEW.show(going, {})
    assert (shown["cost"], shown["costs"]) == (0, [])
    assert shown["costBreakdown"]["llmPromptTokens"] == 1500
