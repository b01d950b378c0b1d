"""Requests of ours outside of any dialog: OPTIONS to ask whether a peer lives, REGISTER."""

from gateway.sip.headers import Headers, NameAddr
from gateway.sip.message import Request
from gateway.sip.uri import Uri


def outside(
    method: str, target: str, sender: Uri, recipient: Uri, *, call_id: str, tag: str, cseq: int
) -> Request:
    """RFC 3261 section 8.1.1; the Via is the stack's. ``sender`` and ``recipient`` are From, To."""
    return Request(
        method=method,
        target=target,
        headers=Headers([
            ("Max-Forwards", "70"),
            ("From", str(NameAddr(sender).with_tag(tag))),
            ("To", str(NameAddr(recipient))),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
        ]),
    )  # fmt: skip
