"""What Prometheus is told of the vendors."""

from datetime import UTC, datetime

from gateway.agent.messages import Happened, TurnTimings, Used
from gateway.calls import metrics
from gateway.calls.record import CallRecord, Usage
from gateway.calls.vendor_metrics import VendorMetrics
from gateway.metrics import REGISTRY

RECORD = CallRecord(id="c1", direction="inbound")


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"trunkline_{name}", labels) or 0.0


def used(vendor: str, **more: object) -> Used:
    return Used(call="c1", vendor=vendor, began_at=1.0, ended_at=2.0, **more)  # type: ignore[arg-type]


def test_requests_are_counted_by_how_they_ended() -> None:
    told = VendorMetrics().told
    for more in ({"finish": "stop"}, {"finish": "stop"}, {}, {"fault": "quota"}):
        told(RECORD, {}, used("counted", part="thinking", first_at=1.4, tokens_in=10,
                              tokens_cached=4, tokens_out=3, **more))  # fmt: skip
    found = [
        value("vendor_requests_total", part="thinking", vendor="counted", outcome=outcome)
        for outcome in ("whole", "cut_short", "failed")
    ]
    assert found == [2, 1, 1]
    tokens = [value("tokens_total", vendor="counted", kind=k) for k in ("in", "cached", "out")]
    assert tokens == [40, 16, 12]
    first = {"part": "thinking", "vendor": "counted"}
    assert value("vendor_first_seconds_count", **first) == 4
    assert value("vendor_first_seconds_bucket", le="0.3", **first) == 0
    assert value("vendor_first_seconds_bucket", le="0.5", **first) == 4


def test_sound_and_characters_are_added_up() -> None:
    told = VendorMetrics().told
    told(RECORD, {}, used("mouth", part="speaking", characters=50, seconds=3.0, finish="stop"))
    told(RECORD, {}, used("ears", part="hearing", seconds=10.0, finish="stop"))
    assert value("voice_characters_total", vendor="mouth") == 50
    assert value("vendor_sound_seconds_total", part="speaking", vendor="mouth") == 3
    assert value("vendor_sound_seconds_total", part="hearing", vendor="ears") == 10


def test_troubles_and_interruptions_have_their_counters() -> None:
    told, before = VendorMetrics().told, value("interruptions_total", what="false_alarm")
    facts = {"vendor": "shaky", "fault": "overload"}
    told(RECORD, {}, Happened(call="c1", what="substituted", at=1.0, facts=facts))
    told(RECORD, {}, Happened(call="c1", what="false_alarm", at=1.0))
    told(RECORD, {}, Happened(call="c1", what="digit", at=1.0))
    assert value("vendor_troubles_total", what="substituted", **facts) == 1
    assert value("interruptions_total", what="false_alarm") == before + 1


def test_what_a_call_cost_is_counted_by_vendor() -> None:
    calls, sum_ = value("call_cost_dollars_count"), value("call_cost_dollars_sum")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    VendorMetrics().ended(
        CallRecord(
            id="c1", direction="inbound", trunk="carrier", transport_cost=0.25, answered_at=at,
            usage=[Usage(part="thinking", vendor="dear", cost=0.5),
                   Usage(part="speaking", vendor="unpriced")],
        ),
        {},
    )  # fmt: skip
    assert value("cost_dollars_total", part="thinking", vendor="dear") == 0.5
    assert value("cost_dollars_total", part="transport", vendor="carrier") == 0.25
    assert value("call_cost_dollars_count") == calls + 1
    assert value("call_cost_dollars_sum") == sum_ + 0.75


def test_a_segment_is_its_vendors() -> None:
    metrics.turn(
        TurnTimings(
            call="c1", turn=1, total_ms=300.0, own_ms=10.0,
            segments=(("first_sentence", 290.0), ("queue", 10.0)), vendors={"thinking": "slow"},
        )
    )  # fmt: skip
    slow = {"segment": "first_sentence", "vendor": "slow"}
    assert value("turn_segment_seconds_sum", **slow) == 0.29
    assert value("turn_segment_seconds_count", segment="queue", vendor="") >= 1
