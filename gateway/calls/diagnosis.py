"""No sound, or sound one way only: noticed while the call runs, with what to check.

Pure: it is shown what a line has counted, about once a second, and says what has changed.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from gateway.media.line import Symptoms

NO_AUDIO, ONE_WAY, STOPPED, BACK = "no-audio", "one-way-audio", "audio-stopped", "audio-back"
MUTED = "line-muted"
_NOTHING_S = 4.0  # after both sides were to speak: longer than any phone takes to begin
_STOPPED_S = 10.0  # a peer that suppresses silence may well be quiet for some seconds
_DEAF_S = 12.0  # two reports of RTCP, at the least


@dataclass(frozen=True)
class Finding:
    what: str
    advice: str  # one sentence or two, for the operator


_MUTED = (MUTED, "The media process failed on this line's sound and has muted it; its log has the "
          "traceback. Please report it.")  # fmt: skip


class Diagnosis:
    def __init__(self, now: float) -> None:
        self._hears_since = self._heard_well_at = now
        self._far_highest = -1
        self._reports = 0
        self._muted = False
        self._deaf = self._mute = False  # the peer does not hear us; we do not hear it

    def look(self, seen: Symptoms, now: float) -> list[Finding]:
        """What is new since the last look."""
        if seen.muted != self._muted:
            self._muted = seen.muted
            return [Finding(*_MUTED if seen.muted else (BACK, "The line is heard again."))]
        if seen.muted:
            return []
        return [finding for finding in (self._ours(seen, now), self._theirs(seen, now)) if finding]

    def _ours(self, seen: Symptoms, now: float) -> Finding | None:
        if not seen.hears:  # held: nothing is to come
            self._hears_since = now
            return None
        since_s = now - max(seen.received_at, self._hears_since)
        silent = since_s > (_STOPPED_S if seen.received else _NOTHING_S)
        if silent == self._mute:
            return None
        self._mute = silent
        if not silent:
            return Finding(BACK, "The peer is heard.")
        if seen.received:
            advice = (
                f"Nothing has come from the peer for {since_s:.0f} s: it may suppress silence, or "
                "have lost its network, or its NAT has forgotten the way."
            )
            return Finding(STOPPED, advice)
        return Finding(NO_AUDIO, _why_nothing(seen))

    def _theirs(self, seen: Symptoms, now: float) -> Finding | None:
        """Only a peer that sends RTCP can be known to be deaf: its reports on our stream stand
        still, or there are none in them."""
        news = seen.reports > self._reports and seen.far_highest != self._far_highest
        if news or not seen.speaks or not seen.sent or not seen.rtcp_received:
            self._heard_well_at = now
        self._far_highest, self._reports = seen.far_highest, seen.reports
        deaf = now - self._heard_well_at > _DEAF_S
        if deaf == self._deaf:
            return None
        self._deaf = deaf
        if not deaf:
            return Finding(BACK, "The peer's reports say that it receives us again.")
        return Finding(ONE_WAY, (
            f"The peer's RTCP says that it does not receive us. We send to {seen.peer}, or to "
            "where its sound comes from: check its firewall and NAT, and that our address in SDP "
            "([sip] public_address) is one that it can reach."
        ))  # fmt: skip


def _why_nothing(seen: Symptoms) -> str:
    if seen.forged:
        return (
            f"{seen.forged} packets came that the agreed SRTP key does not open: the peer uses "
            "another key or suite than its description says, or somebody between rewrites it."
        )
    if seen.garbage:
        return (
            f"{seen.garbage} packets came, but none with a payload type that was agreed: compare "
            "the peer's description with what it sends."
        )
    if seen.foreign:
        return f"{seen.foreign} packets came, but from elsewhere than the peer, {seen.peer}."
    advice = (
        f"No packet has come to UDP port {seen.local_port}: check that the firewall lets [rtp] "
        "ports in, and that the address in our description ([sip] public_address) is one that the "
        "peer can reach."
    )
    if _is_private(seen.peer.rpartition(":")[0]):
        advice += f" The peer's own address, {seen.peer}, is private: it is behind NAT or a VPN."
    return advice


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_private and not address.is_loopback
