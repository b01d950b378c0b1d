"""Why a call ended: the one list, in the spelling that the API shows as ``endedReason``.

The API documents some six hundred; here stand those that this gateway can give. A vendor's or
a peer's failure is named by a function, because its name is part of the reason.
"""

from enum import StrEnum

from gateway.errors import Fault


class Ended(StrEnum):
    CUSTOMER_ENDED_CALL = "customer-ended-call"
    CUSTOMER_DID_NOT_ANSWER = "customer-did-not-answer"
    CUSTOMER_BUSY = "customer-busy"
    CUSTOMER_HUNG_UP_WHILE_RINGING = "call.ringing.sip-inbound-caller-hungup-before-call-connect"
    ASSISTANT_ENDED_CALL = "assistant-ended-call"
    ASSISTANT_SAID_END_CALL_PHRASE = "assistant-said-end-call-phrase"
    ASSISTANT_FORWARDED_CALL = "assistant-forwarded-call"
    CUSTOMER_ENDED_DURING_TRANSFER = "customer-ended-call-during-transfer"
    CUSTOMER_ENDED_BEFORE_MEETING = "customer-ended-call-before-warm-transfer"
    CUSTOMER_ENDED_AFTER_ATTEMPT = "customer-ended-call-after-warm-transfer-attempt"
    OPERATOR_BUSY = "call.forwarding.operator-busy"
    NO_ANSWER = "call.forwarding.no-answer"
    TRANSFER_FAILED = "call.in-progress.error-transfer-failed"
    VOICEMAIL = "voicemail"
    SILENCE_TIMED_OUT = "silence-timed-out"
    EXCEEDED_MAX_DURATION = "exceeded-max-duration"
    MANUALLY_CANCELED = "manually-canceled"
    SIP_COMPLETED = "call.in-progress.sip-completed-call"
    INBOUND_FAILED_TO_CONNECT = "call.ringing.error-sip-inbound-call-failed-to-connect"
    OUTBOUND_FAILED_TO_CONNECT = "call.in-progress.error-sip-outbound-call-failed-to-connect"
    SCHEDULED_CALL_DELETED = "scheduled-call-deleted"
    CONCURRENCY_LIMIT = "call.start.error-subscription-concurrency-limit-reached"
    NO_ASSISTANT = "call.start.error-get-assistant"
    ASSISTANT_NOT_VALID = "assistant-not-valid"
    WORKER_NOT_AVAILABLE = "call.start.error-vapifault-worker-not-available"
    NO_TRANSPORT = "call.start.error-get-transport"
    RESOURCES_INVALID = "call.start.error-get-resources-validation"
    ASSISTANT_REQUEST_FAILED = "assistant-request-failed"
    ASSISTANT_REQUEST_ERROR = "assistant-request-returned-error"
    ASSISTANT_REQUEST_UNSPEAKABLE = "assistant-request-returned-unspeakable-error"
    ASSISTANT_REQUEST_INVALID = "assistant-request-returned-invalid-assistant"
    ASSISTANT_REQUEST_NOBODY = "assistant-request-returned-no-assistant"
    ASSISTANT_REQUEST_FORWARDED = "assistant-request-returned-forwarding-phone-number"
    NOBODY_SET = "call-start-error-neither-assistant-nor-server-set"
    WORKER_DIED = "call.in-progress.error-vapifault-worker-died"
    WORKER_SHUTDOWN = "worker-shutdown"


# The response codes for which the API has a reason of its own (its section D.1).
_OUTBOUND = {
    status: f"call.in-progress.error-providerfault-outbound-sip-{told}"
    for status, told in {
        403: "403-forbidden",
        407: "407-proxy-authentication-required",
        408: "408-request-timeout",
        480: "480-temporarily-unavailable",
        503: "503-service-unavailable",
    }.items()
} | dict.fromkeys((404, 604), "sip-outbound-unallocated-number")


def hook_executed(phase: str, deed: str) -> str:
    """A phone number's hook had the call, while it was "ringing" or "ending"; it was to "say"
    something or to "transfer"."""
    return f"call.{phase}.hook-executed-{deed}"


def outbound_refused(status: int, rang: bool) -> str:
    """The reason for an outbound INVITE that ended with this final SIP status. 408 and 480 of a
    phone that ``rang`` (or that we have given up) mean that nobody answered it."""
    if status in (486, 600):
        return Ended.CUSTOMER_BUSY
    if status in (487, 603) or (rang and status in (408, 480)):
        return Ended.CUSTOMER_DID_NOT_ANSWER
    return _OUTBOUND.get(status, Ended.OUTBOUND_FAILED_TO_CONNECT)


def model_failed(vendor: str) -> str:
    return f"pipeline-error-{vendor}-llm-failed"


def voice_failed(vendor: str) -> str:
    return f"pipeline-error-{vendor}-voice-failed"


# As the reasons spell transcribers, where an assistant spells them otherwise.
_TRANSCRIBERS = {"azure": "azure-speech", "11labs": "eleven-labs", "custom-transcriber": "custom"}
# What the API documents of single vendors (its section on transcriber errors).
_SPECIFIC = {
    ("deepgram", Fault.AUTH): "returning-401-invalid-credentials",
    ("assembly-ai", Fault.AUTH): "returning-401-invalid-credentials",
    ("assembly-ai", Fault.QUOTA): "returning-400-insufficent-funds",  # its own spelling
}
_TALKATIVE = {"soniox", "xai"}  # whose reasons tell the fault
_FAULTS = {
    Fault.AUTH: "auth-failed",
    Fault.OVERLOAD: "rate-limited",
    Fault.OURS: "invalid-config",
    Fault.THEIRS: "server-error",
}


def transcriber_failed(vendor: str, fault: Fault | None = None) -> str:
    what = "transcriber-failed"
    if fault and vendor in _TALKATIVE and fault in _FAULTS:
        what = f"transcriber-{_FAULTS[fault]}"
    elif fault:
        what = _SPECIFIC.get((vendor, fault), what)
    return f"pipeline-error-{_TRANSCRIBERS.get(vendor, vendor)}-{what}"
