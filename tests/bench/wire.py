"""What the phones' packets say about the gateway: calculations only."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bench.plan import BEAT_S, FRAME, LOUD, Outcome, Report

Packets = npt.NDArray[Any]  # of plan.PACKET
Floats = npt.NDArray[np.float64]
BREAK_S = 0.3  # silence that is no longer a pause between words


def of_call(report: Report, number: int) -> Packets:
    packets: Packets = report.packets[report.packets["call"] == number]
    return packets


def each_call(report: Report) -> list[Packets]:
    """The packets of every call, by its number."""
    order = np.argsort(report.packets["call"], kind="stable")
    packets = report.packets[order]
    edges = np.searchsorted(packets["call"], np.arange(len(report.calls) + 1))
    return [packets[first:last] for first, last in itertools.pairwise(edges)]


def unwrapped(counter: npt.NDArray[Any], bits: int) -> npt.NDArray[np.int64]:
    """A wrapping counter as it would be had it room, from its first value on."""
    half = 1 << bits - 1
    steps = (np.diff(counter.astype(np.int64)) + half) % (2 * half) - half
    return np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)


def grid_errors_s(packets: Packets) -> Floats:
    """How far each packet came from where its own call's 20 ms grid has it.

    The grid is the packets' RTP timestamps; where it begins is the median of all packets, so a
    few late ones do not move it. Packets that are no sound (RFC 4733) are left out.
    """
    sound = packets[packets["payload"] == 0]
    if not len(sound):
        return np.empty(0)
    due = unwrapped(sound["timestamp"], 32) / FRAME * BEAT_S
    offset = sound["at"] - sound["at"][0] - due
    return np.asarray(offset - np.median(offset))


def lost(packets: Packets) -> int:
    """Sequence numbers that never came, between the first and the last."""
    if not len(packets):
        return 0
    numbers = np.unique(unwrapped(packets["sequence"], 16))
    return int(numbers[-1] - numbers[0] + 1 - len(numbers))


def one_stream(packets: Packets) -> bool:
    """One source throughout, and no jump in its sequence or timestamps (RFC 3550)."""
    if not len(packets):
        return False
    steps = np.diff(unwrapped(packets["sequence"], 16))
    jumps = np.diff(unwrapped(packets["timestamp"], 32)) / FRAME - steps
    return bool(
        np.all(packets["ssrc"] == packets["ssrc"][0])
        and np.all(np.abs(steps) < 3000)
        and np.all(jumps >= 0)
    )


def longest_gap_s(packets: Packets, since: float, until: float) -> float:
    """The longest time without a packet that began in this window (CLOCK_REALTIME seconds)."""
    at = np.concatenate([packets["at"], [np.inf]])
    gaps = np.diff(at)
    chosen = gaps[(at[:-1] >= since) & (at[:-1] < until)]
    return float(chosen.max()) if len(chosen) else float("inf")


@dataclass(frozen=True)
class Answered:
    """One utterance and what came of it, seconds."""

    call: int
    clip: int
    ended_at: float  # when its last packet was sent, CLOCK_REALTIME
    response_s: float  # from there to the agent's first packet of sound


def answers(call: Outcome, packets: Packets, number: int) -> list[Answered]:
    """For every clip that was played while the agent was silent, and answered before the next."""
    loud = packets["at"][(packets["peak"] >= LOUD) & (packets["payload"] == 0)]
    limits = [*(played.first_at for played in call.played), np.inf][1:]
    found = []
    for played, limit in zip(call.played, limits, strict=True):
        # A whole frame has been spoken when its packet is sent: the last of it just now.
        during = loud[(loud > played.first_at - BREAK_S) & (loud <= played.last_at)]
        after = loud[(loud > played.last_at) & (loud < limit)]
        if len(after) and not len(during):
            response_s = float(after[0]) - played.last_at
            found.append(Answered(number, played.clip, played.last_at, response_s))
    return found


def barge_ins_s(call: Outcome, packets: Packets) -> tuple[list[float], int]:
    """From the caller's first packet of speech to the agent's last packet of sound, for every
    clip that began while the agent spoke; and how many of those did not stop the agent while
    the clip and a second lasted."""
    loud = packets["at"][(packets["peak"] >= LOUD) & (packets["payload"] == 0)]
    stopped, deaf = [], 0
    for played in call.played:
        before = loud[(loud <= played.first_at) & (loud > played.first_at - BREAK_S / 2)]
        if not len(before):
            continue
        since = np.concatenate([before[-1:], loud[loud > played.first_at]])
        breaks = np.flatnonzero(np.diff(np.concatenate([since, [np.inf]])) > BREAK_S)
        last = float(since[breaks[0]])
        if last > played.last_at + 1.0:
            deaf += 1
        else:
            stopped.append(max(0.0, last - played.first_at))
    return stopped, deaf


def percentiles(values: Floats | list[float], *which: float) -> list[float]:
    """NaN where there is nothing to speak of."""
    if not len(values):
        return [float("nan")] * len(which)
    return [float(p) for p in np.percentile(np.asarray(values), which)]
