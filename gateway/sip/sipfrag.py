"""What the NOTIFYs of a REFER say (RFC 3515 section 2.4.5, RFC 3420): a status line."""

import re

from gateway.sip.grammar import SipSyntaxError, shown
from gateway.sip.message import PHRASES

TYPE = "message/sipfrag"

_STATUS = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6][0-9][0-9])[ \t]*([^\r\n]*)", re.IGNORECASE)


def write(status: int, phrase: str = "") -> bytes:
    phrase = " ".join((phrase or PHRASES.get(status, "Unknown")).split())
    return f"SIP/2.0 {status} {phrase}\r\n".encode()


def read(body: bytes) -> tuple[int, str]:
    """Status and phrase; headers that follow are nobody's business. Raises SipSyntaxError."""
    match = _STATUS.match(body)
    if match is None:
        raise SipSyntaxError("Body", f"not a status line: {shown(body[:60].decode('latin-1'))}")
    return int(match[1]), match[2].decode("utf-8", "replace").strip()
