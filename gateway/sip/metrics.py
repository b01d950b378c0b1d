"""What Prometheus is told about signalling. Labels come from us or from fixed lists, never from
the wire as it is: a peer must not be able to make time series."""

from functools import cache, lru_cache

from prometheus_client import Counter, Gauge

from gateway.metrics import REGISTRY
from gateway.sip.events import Note

METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "PRACK",
                     "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"})  # fmt: skip

MESSAGES = Counter(
    "trunkline_sip_messages",
    "SIP messages, by direction (in, out), transport, and what: a method or a status.",
    ["direction", "transport", "what"],
    registry=REGISTRY,
)
NOTES = Counter(
    "trunkline_sip_refusals",
    "Requests refused, by method and status; messages dropped and peers not reached, by that.",
    ["what", "method", "status"],
    registry=REGISTRY,
)
RETRANSMISSIONS = Counter(
    "trunkline_sip_retransmissions",
    "Messages sent again by a timer (out), or that came again (in).",
    ["direction"],
    registry=REGISTRY,
)
SENT_AGAIN, CAME_AGAIN = (RETRANSMISSIONS.labels(direction) for direction in ("out", "in"))
SESSIONS = Gauge(
    "trunkline_sip_sessions", "SIP sessions with anything left to be said.", registry=REGISTRY
)
TRANSACTIONS = Gauge(
    "trunkline_sip_transactions", "SIP transactions that are open.", registry=REGISTRY
)
CONNECTIONS = Gauge(
    "trunkline_sip_connections", "Connections open, by transport.", ["transport"], registry=REGISTRY
)
CONNECTIONS_REFUSED = Counter(
    "trunkline_sip_connections_refused",
    "Connections closed at once: too many, or too many of one source.",
    ["transport"],
    registry=REGISTRY,
)
CERTIFICATE_EXPIRY = Gauge(
    "trunkline_sip_certificate_expiry_timestamp_seconds",
    "When the certificate of SIP over TLS ends, in Unix time.",
    registry=REGISTRY,
)


def message(data: bytes, direction: str, transport: str) -> None:
    """Count one message by its start line; keep-alives do not count."""
    if what := _what(data[:12]):
        _messages(direction, transport, what).inc()


@cache  # finding a child by its labels costs more than counting
def _messages(direction: str, transport: str, what: str) -> Counter:
    return MESSAGES.labels(direction, transport, what)


def noted(note: Note) -> None:
    method = str(note.facts.get("method", ""))
    status = note.facts.get("status", "")
    NOTES.labels(note.what, method if method in METHODS else "", str(status)).inc()


@lru_cache(maxsize=1024)
def _what(start: bytes) -> str:
    first, _, rest = start.lstrip(b"\r\n").partition(b" ")
    if first[:4].upper() == b"SIP/":
        status = rest[:3].decode("ascii", "replace")
        return status if status.isdigit() and len(status) == 3 else "other"
    if not first:
        return ""
    method = first.decode("ascii", "replace")
    return method if method in METHODS else "other"
