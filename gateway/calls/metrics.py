"""What Prometheus is told about calls and turns."""

from prometheus_client import Counter, Gauge, Histogram

from gateway.agent.messages import TurnTimings
from gateway.calls.record import CallRecord
from gateway.metrics import REGISTRY, SECONDS

CALLS = Counter(
    "trunkline_calls",
    "Calls that have ended, by direction and by the reason that the API gives.",
    ["direction", "reason"],
    registry=REGISTRY,
)
REFUSED = Counter(
    "trunkline_calls_refused",
    "INVITEs that never became a call, by the SIP status they were answered with.",
    ["status"],
    registry=REGISTRY,
)
LIVE = Gauge("trunkline_calls_live", "Calls that have not ended.", registry=REGISTRY)
DURATION = Histogram(
    "trunkline_call_duration_seconds",
    "From answer to end, of answered calls.",
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
    registry=REGISTRY,
)
SETUP = Histogram(
    "trunkline_call_setup_seconds",
    "From an inbound INVITE's arrival to our 200.",
    buckets=SECONDS,
    registry=REGISTRY,
)
TURN = Histogram(
    "trunkline_turn_seconds",
    "From the caller's last frame of speech to the agent's first frame on the wire.",
    buckets=SECONDS,
    registry=REGISTRY,
)
OWN = Histogram(
    "trunkline_turn_own_seconds",
    "The gateway's own share of a turn: less the set end-of-speech wait and the vendors' time.",
    buckets=SECONDS,
    registry=REGISTRY,
)
SEGMENT = Histogram(
    "trunkline_turn_segment_seconds",
    "One segment of a turn; a turn's segments sum to it.",
    ["segment"],
    buckets=SECONDS,
    registry=REGISTRY,
)


def turn(timings: TurnTimings) -> None:
    TURN.observe(timings.total_ms / 1000)
    OWN.observe(timings.own_ms / 1000)
    for name, ms in timings.segments:
        SEGMENT.labels(name).observe(ms / 1000)


def ended(record: CallRecord) -> None:
    CALLS.labels(record.direction, record.ended_reason or "unknown").inc()
    if record.answered_at and record.ended_at:
        DURATION.observe((record.ended_at - record.answered_at).total_seconds())
