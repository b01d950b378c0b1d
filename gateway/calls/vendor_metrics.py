"""What Prometheus is told about the vendors: what they took, what they used, how they failed.

Labels are bounded: parts, kinds of token, and the vendors there are in the tables of vendors; never
a model, a number or a call.
"""

from prometheus_client import Counter, Histogram

from gateway.agent.messages import FromAgent, Happened, Used
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord
from gateway.metrics import REGISTRY, SECONDS

REQUESTS = Counter(
    "trunkline_vendor_requests",
    "Requests to vendors that are over: whole, cut_short (the caller went on), or failed.",
    ["part", "vendor", "outcome"],
    registry=REGISTRY,
)
FIRST = Histogram(
    "trunkline_vendor_first_seconds",
    "From asking a model or a voice to its first token or sound.",
    ["part", "vendor"],
    buckets=SECONDS,
    registry=REGISTRY,
)
TOKENS = Counter(
    "trunkline_tokens",
    "Tokens that models read (in, of which some were cached) and wrote (out).",
    ["vendor", "kind"],
    registry=REGISTRY,
)
CHARACTERS = Counter(
    "trunkline_voice_characters", "Characters given to voices.", ["vendor"], registry=REGISTRY
)
SOUND = Counter(
    "trunkline_vendor_sound_seconds",
    "Sound that transcribers heard (hearing) and voices made (speaking).",
    ["part", "vendor"],
    registry=REGISTRY,
)
COST = Counter(
    "trunkline_cost_dollars",
    "What ended calls have cost, by the list of prices; part transport is the trunk's minutes.",
    ["part", "vendor"],
    registry=REGISTRY,
)
CALL_COST = Histogram(
    "trunkline_call_cost_dollars",
    "What one answered call has cost.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0),
    registry=REGISTRY,
)
TROUBLE = Counter(
    "trunkline_vendor_troubles",
    "Failures of vendors in calls: retry (asked again), substituted (replaced by another), "
    "vendor_error (nobody was left).",
    ["what", "vendor", "fault"],
    registry=REGISTRY,
)
INTERRUPTIONS = Counter(
    "trunkline_interruptions",
    "How often a caller's voice stopped the agent: barge_in (for good), false_alarm (it went on).",
    ["what"],
    registry=REGISTRY,
)


class VendorMetrics:
    """Implements ``calls.ports.Listener``."""

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        """Nothing of it is a vendor's."""

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        match message:
            case Used():
                _used(message)
            case Happened(what="retry" | "substituted" | "vendor_error", facts=facts):
                fault = str(facts.get("fault", ""))
                TROUBLE.labels(message.what, str(facts.get("vendor", "")), fault).inc()
            case Happened(what="barge_in" | "false_alarm"):
                INTERRUPTIONS.labels(message.what).inc()

    def ended(self, record: CallRecord, papers: Papers) -> None:
        for usage in record.usage:
            COST.labels(usage.part, usage.vendor).inc(usage.cost or 0)
        if record.transport_cost:
            COST.labels("transport", record.trunk).inc(record.transport_cost)
        if record.answered_at:
            CALL_COST.observe(record.cost)


def _used(used: Used) -> None:
    part, vendor = used.part, used.vendor
    outcome = "failed" if used.fault else "whole" if used.finish else "cut_short"
    REQUESTS.labels(part, vendor, outcome).inc()
    if used.first_at is not None:
        FIRST.labels(part, vendor).observe(used.first_at - used.began_at)
    if used.seconds:
        SOUND.labels(part, vendor).inc(used.seconds)
    if used.characters:
        CHARACTERS.labels(vendor).inc(used.characters)
    for kind, count in (
        ("in", used.tokens_in),
        ("out", used.tokens_out),
        ("cached", used.tokens_cached),
    ):
        if count:
            TOKENS.labels(vendor, kind).inc(count)
