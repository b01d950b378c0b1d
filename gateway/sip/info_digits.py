"""Telephone keys in SIP INFO, as gateways have always sent them (no RFC defines the bodies)."""

import re

from gateway.errors import GatewayError

INFO_RELAY, INFO_BARE = "application/dtmf-relay", "application/dtmf"

KEYS = "0123456789*#ABCD"
# Events by number, as RFC 4733 has them, beyond those that are a key's own name.
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_FLASH = ("16", "!", "FLASH", "HOOKFLASH")  # nothing for the callee; but no mistake


class NoKey(GatewayError):
    """The body claims to be a key and is none; the text says what it has."""


def info_digit(content_type: str, body: bytes) -> str | None:
    """The key in an INFO body: ``Signal=5`` (dtmf-relay) or just ``5`` (dtmf); None if it is of
    another type, or a hook flash. Raises NoKey."""
    text = body.decode("ascii", "replace")
    if content_type == INFO_RELAY:
        found = re.search(r"^\s*signal\s*=[ \t]*(.*?)\s*$", text, re.IGNORECASE | re.MULTILINE)
        if found is None:
            raise NoKey(f"{INFO_RELAY} has no line Signal=")
        signal = found[1]
    elif content_type == INFO_BARE:
        signal = text.strip()
    else:
        return None
    key = _NUMBERED.get(signal, signal.upper())
    if key in _FLASH:
        return None
    if len(key) != 1 or key not in KEYS:
        raise NoKey(f"{content_type}: {signal[:20]!a} is not one of {KEYS}")
    return key
