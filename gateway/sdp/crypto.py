"""SRTP keys in descriptions: ``a=crypto`` (SDES, RFC 4568), and whether a stream may, must or must
not be encrypted.

Keys travel readably in the SIP message: without TLS for SIP, whoever reads that reads the sound.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_bytes

from gateway.sdp.description import Attribute, Media

# Bytes of master key and master salt (RFC 4568 6.2, RFC 6188, RFC 7714), the best first.
SUITES = {
    "AEAD_AES_256_GCM": 32 + 12,
    "AEAD_AES_128_GCM": 16 + 12,
    "AES_256_CM_HMAC_SHA1_80": 32 + 14,
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AES_256_CM_HMAC_SHA1_32": 32 + 14,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
}
EVERYONES = "AES_CM_128_HMAC_SHA1_80"  # the one that all must have (RFC 4568 6.2.1)
POLICIES = ("off", "optional", "required")

PLAIN = ("RTP/AVP", "RTP/AVPF")
SECURE = ("RTP/SAVP", "RTP/SAVPF")


@dataclass(frozen=True, slots=True, repr=False)
class Crypto:
    """One ``a=crypto``. ``key`` is master key and salt, and is kept out of logs."""

    tag: int
    suite: str
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite!r})"

    @property
    def attribute(self) -> Attribute:
        key = base64.b64encode(self.key).decode()
        return "crypto", f"{self.tag} {self.suite} inline:{key}"


def fresh(tag: int, suite: str) -> Crypto:
    return Crypto(tag, suite, token_bytes(SUITES[suite]))


def cryptos(media: Media) -> list[Crypto]:
    """Those of a stream that can be used, in the order of preference."""
    values = (value for name, value in media.attributes if name == "crypto" and value)
    return [crypto for value in values if (crypto := _read(value))]


def _read(value: str) -> Crypto | None:
    """None: not understood, of a suite that is not known, with several keys (which needs an MKI),
    or with a session parameter that changes the packets (section 6.3)."""
    parts = value.split()
    if len(parts) < 3 or not re.fullmatch("[0-9]{1,9}", parts[0]):
        return None
    tag, suite, keys, *parameters = parts
    if suite not in SUITES or any(not p.startswith(("WSH=", "-")) for p in parameters):
        return None
    match = re.fullmatch(r"inline:([A-Za-z0-9+/]+=*)(?:\|(?:2\^)?[0-9]+)?", keys)
    if match is None:
        return None
    try:
        key = base64.b64decode(match[1] + "=" * (-len(match[1]) % 4), validate=True)
    except binascii.Error:
        return None
    return Crypto(int(tag), suite, key) if len(key) == SUITES[suite] else None


def offered(policy: str, previous: Media | None) -> list[Crypto]:
    """What our offer says. In a later one our keys stay what they were (section 7.1.4)."""
    if policy == "off":
        return []
    if previous is not None and (known := cryptos(previous)):
        return known
    # Optional: one suite only, so that the INVITE still fits a datagram.
    suites: Sequence[str] = list(SUITES) if policy == "required" else [EVERYONES]
    return [fresh(tag, suite) for tag, suite in enumerate(suites, 1)]


def protocol(policy: str) -> str:
    """Of our offers. Optional encryption goes by RTP/AVP, where a peer without SRTP ignores the
    keys; RTP/SAVP would make it refuse the call."""
    return SECURE[0] if policy == "required" else PLAIN[0]


def answered(media: Media, policy: str, previous: Media | None) -> tuple[Crypto, Crypto] | None:
    """Our key and the peer's, for the first of its keys that can be used; None: in the clear. Ask
    ``objection`` before."""
    theirs = cryptos(media)
    if policy == "off" or not theirs:
        return None
    chosen = theirs[0]
    known = cryptos(previous) if previous is not None else []
    key = next((k.key for k in known if k.suite == chosen.suite), token_bytes(len(chosen.key)))
    return Crypto(chosen.tag, chosen.suite, key), chosen


def objection(media: Media, policy: str) -> str | None:
    """Why an offered stream cannot be taken as far as encryption goes; None: it can."""
    if media.protocol not in (*PLAIN, *SECURE):
        return f"{media.protocol} is not known here"
    usable = bool(cryptos(media))
    if media.protocol in SECURE and policy == "off":
        return f"{media.protocol} (SRTP) is switched off here"
    if media.protocol in SECURE and not usable:
        return f"{media.protocol} without a key (a=crypto) of a suite known here"
    if policy == "required" and not usable:
        return "SRTP is required here, and no key (a=crypto) was offered"
    return None


def settled(ours: Media, theirs: Media) -> tuple[Crypto, Crypto] | None:
    """Our key and the peer's after its answer; None: in the clear. Raises LookupError: its answer
    chooses what we did not offer, or leaves out the key that its protocol needs."""
    mine = {crypto.tag: crypto for crypto in cryptos(ours)}
    for chosen in cryptos(theirs):
        if (known := mine.get(chosen.tag)) and known.suite == chosen.suite:
            return known, chosen
        raise LookupError(f"the answer's key {chosen.tag} {chosen.suite} was not offered")
    if ours.protocol in SECURE or theirs.protocol in SECURE:
        raise LookupError("the answer has no key (a=crypto) for SRTP")
    return None
