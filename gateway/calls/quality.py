"""A call's sound in figures, for its record: from what a line has counted."""

from gateway.calls.record import Sound
from gateway.media.line import Counts
from gateway.rtp import emodel


def quality(counts: Counts, codec: str = "", suite: str = "") -> Sound:
    """``codec`` and SRTP ``suite`` by their names in SDP; empty: nothing was agreed on."""
    trip_s = counts.round_trip_ms / 1000
    expected = counts.packets_received + counts.packets_lost
    sound = Sound(
        codec=codec,
        srtp=suite or None,
        packets_received=counts.packets_received,
        packets_sent=counts.packets_sent,
        packets_lost=counts.packets_lost,
        packets_late=counts.packets_late,
        packets_forged=counts.packets_forged,
        frames_concealed=counts.frames_concealed,
        jitter_ms=round(counts.jitter_ms, 2),
    )
    if expected and codec:
        lost = (counts.packets_lost + counts.packets_late) / expected
        sound.mos = _mos(codec, lost, trip_s, counts.jitter_ms)
    if counts.reports:
        sound.round_trip_ms = round(counts.round_trip_ms, 1) or None
        sound.far_lost = counts.far_lost
        sound.far_jitter_ms = round(counts.far_jitter_ms, 2)
        if counts.packets_sent and codec:
            lost = counts.far_lost / counts.packets_sent
            sound.far_mos = _mos(codec, lost, trip_s, counts.far_jitter_ms)
    if counts.far_r:  # its own rating (RFC 3611), of what it really played
        sound.far_mos = round(emodel.mos(counts.far_r), 2)
    return sound


def _mos(codec: str, loss: float, trip_s: float, jitter_ms: float) -> float:
    delay_s = emodel.delay_s(trip_s, jitter_ms / 1000)
    return round(emodel.mos(emodel.rating(codec, loss, delay_s)), 2)
