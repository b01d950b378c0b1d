"""How a call sounds to people, by the E-model (ITU-T G.107), from what can be measured.

Simplified as in G.107 Annex B and RFC 3611: all that depends on the telephones themselves has its
default value, so that without loss and delay R is 93.2 and the MOS 4.41. A model, no measurement
of the sound: good to tell a good line from a bad one.
"""

from dataclasses import dataclass
from math import log2

BEST_R = 93.2
_MOUTH_TO_EAR_S = 0.060  # of ours: a packet of 20 ms, a beat, and a frame of jitter buffer


@dataclass(frozen=True)
class Impairment:
    """G.113 Appendix I: ``ie`` without loss; ``bpl``, the per cent of loss it is robust against."""

    ie: float
    bpl: float


# With concealment, as all of ours have. For Opus the ITU has none; measurements of others put it
# beside G.711 without loss, and its own concealment and FEC between G.722 and G.711 with loss.
IMPAIRMENTS = {
    "PCMU": Impairment(0, 25.1),
    "PCMA": Impairment(0, 25.1),
    "L16": Impairment(0, 25.1),
    "G722": Impairment(0, 14.0),
    "OPUS": Impairment(0, 20.0),
    "G729": Impairment(11, 19.0),
    "GSM": Impairment(20, 43.0),
}
_UNKNOWN = Impairment(5, 10.0)


def delay_s(round_trip_s: float, jitter_s: float) -> float:
    """From mouth to ear, one way, as far as can be known here."""
    return round_trip_s / 2 + 2 * jitter_s + _MOUTH_TO_EAR_S


def rating(codec: str, loss: float, delay_s: float, burst: float = 1.0) -> float:
    """R, 0 to 93.2. ``loss`` is the share of packets not played, 0 to 1; ``burst`` is 1 for losses
    that are independent, more if they come together (BurstR)."""
    known = IMPAIRMENTS.get(codec.upper(), _UNKNOWN)
    lost = 100 * min(max(loss, 0.0), 1.0)
    equipment = known.ie + (95 - known.ie) * lost / (lost / burst + known.bpl)
    return min(max(BEST_R - _delay(1000 * delay_s) - equipment, 0.0), BEST_R)


def _delay(ms: float) -> float:
    """Idd of G.107 (7-27): nothing up to 100 ms one way, felt in conversation from 200 ms on."""
    if ms <= 100:
        return 0.0
    x = log2(ms / 100)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def mos(r: float) -> float:
    """The mean opinion score, 1 to 4.5, of a rating (G.107 Annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
