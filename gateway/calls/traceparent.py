"""A call's place in distributed traces: its id is the trace's, so nobody has to remember it."""

from uuid import UUID


def ids(call_id: str) -> tuple[int, int]:
    """Of the trace, and of the call's own span in it (W3C Trace Context: 16 and 8 bytes)."""
    number = UUID(call_id).int
    return number, number & 0xFFFF_FFFF_FFFF_FFFF


def traceparent(call_id: str) -> str:
    """The header (W3C Trace Context section 3.2) of a request that is made for the call."""
    trace, span = ids(call_id)
    return f"00-{trace:032x}-{span:016x}-01"
