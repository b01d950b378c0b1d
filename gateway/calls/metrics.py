"""What Prometheus is told about calls and turns."""

from prometheus_client import Counter, Gauge, Histogram

from gateway.agent.messages import TurnTimings
from gateway.agent.timings import PARTS
from gateway.calls.record import CallRecord, Sound
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
    "One segment of a turn, by the vendor that took it; a turn's segments sum to it.",
    ["segment", "vendor"],
    buckets=SECONDS,
    registry=REGISTRY,
)
SOUND_TROUBLE = Counter(
    "trunkline_call_sound_trouble",
    "How often a live call was found without sound, or with sound one way only, by finding.",
    ["finding"],
    registry=REGISTRY,
)
RECORDINGS_LOST = Counter(
    "trunkline_recordings_lost",
    "Calls whose recording lacks something: a disk that is full, slow or broken.",
    registry=REGISTRY,
)
MOS = Histogram(
    "trunkline_call_mos",
    "Estimated opinion of a call's sound (E-model, 1 to 4.5), as heard here or at the far end.",
    ["end"],
    buckets=(2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4),
    registry=REGISTRY,
)
LOST = Histogram(
    "trunkline_call_lost_ratio",
    "Share of a call's packets that were lost on their way here, or to the far end.",
    ["end"],
    buckets=(0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0),
    registry=REGISTRY,
)
ROUND_TRIP = Histogram(
    "trunkline_call_round_trip_seconds",
    "Round trip to the far end, as its RTCP last showed it.",
    buckets=SECONDS,
    registry=REGISTRY,
)


def turn(timings: TurnTimings) -> None:
    TURN.observe(timings.total_ms / 1000)
    OWN.observe(timings.own_ms / 1000)
    for name, ms in timings.segments:
        vendor = timings.vendors.get(PARTS.get(name, ""), "")
        SEGMENT.labels(name, vendor).observe(ms / 1000)


def ended(record: CallRecord) -> None:
    CALLS.labels(record.direction, record.ended_reason or "unknown").inc()
    if record.answered_at and record.ended_at:
        DURATION.observe((record.ended_at - record.answered_at).total_seconds())
        _sound(record.sound)


def _sound(sound: Sound) -> None:
    if sound.mos is not None:
        MOS.labels("here").observe(sound.mos)
    if expected := sound.packets_received + sound.packets_lost:
        LOST.labels("here").observe(sound.packets_lost / expected)
    if sound.far_mos is not None:
        MOS.labels("far").observe(sound.far_mos)
    if sound.far_lost is not None and sound.packets_sent:
        LOST.labels("far").observe(max(sound.far_lost, 0) / sound.packets_sent)
    if sound.round_trip_ms is not None:
        ROUND_TRIP.observe(sound.round_trip_ms / 1000)
