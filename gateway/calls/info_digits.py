"""Telephone keys in SIP INFO, as gateways have always sent them (no RFC defines the bodies)."""

import re

INFO_RELAY, INFO_BARE = "application/dtmf-relay", "application/dtmf"


def info_digit(content_type: str, body: bytes) -> str | None:
    """The key in an INFO body: ``Signal=5`` (dtmf-relay) or just ``5`` (dtmf); None if neither."""
    text = body.decode("ascii", "replace")
    if content_type == INFO_RELAY:
        found = re.search(r"^\s*signal\s*=\s*([0-9*#A-D])\s*$", text, re.IGNORECASE | re.MULTILINE)
        return found[1].upper() if found else None
    if content_type == INFO_BARE and (text := text.strip()) in tuple("0123456789*#ABCD"):
        return text
    return None
