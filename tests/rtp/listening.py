"""A jitter buffer behind bad networks, one on each row: what is played at each beat."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.rtp import packet
from gateway.rtp.jitter import Jitter
from tests.rtp.network import Network

BEAT_S = 0.020
PHASE_S = 0.013  # of the beats against the packets


@dataclass(frozen=True)
class Peer:
    """``ppm``: how much too fast its clock is. ``talks`` and ``pauses`` are packets of speech and
    of silence in turn; in silence it sends nothing if it has ``dtx``."""

    network: Network = field(default_factory=Network)
    seed: int = 0
    ppm: float = 0.0
    talks: int = 100
    pauses: int = 25
    dtx: bool = False
    first: int = 65_000  # sequence number
    ticks: int = 2**32 - 40_000  # timestamp of the first packet


@dataclass(frozen=True)
class Listened:
    """Beats x rows. ``heard``: the number of the packet, -1: none; ``wait_s``: from its leaving
    to its being heard, NaN: none."""

    jitter: Jitter
    heard: npt.NDArray[np.int64]
    wait_s: npt.NDArray[np.float64]

    def played(self, row: int) -> npt.NDArray[np.int64]:
        its = self.heard[:, row]
        return np.asarray(its[its >= 0])


def listen(peers: Sequence[Peer], seconds: float, most: int = 10) -> Listened:
    """Every peer sends for so long; then half a second more."""
    count, rows = round(seconds / BEAT_S), np.arange(len(peers))
    jitter = Jitter(len(peers), 1, most)
    sent_at = np.array([np.arange(count) * BEAT_S / (1 + 1e-6 * peer.ppm) for peer in peers])
    speaks = np.array([np.arange(count) % (p.talks + p.pauses) < p.talks for p in peers])
    arrivals = [
        [(at, n) for at, n in peer.network.carry(sent_at[row], peer.seed)
         if speaks[row, n] or not peer.dtx]
        for row, peer in enumerate(peers)
    ]  # fmt: skip
    first = np.array([peer.first for peer in peers])
    ticks = np.array([peer.ticks for peer in peers])
    beats = count + 25
    heard = np.full((beats, len(peers)), -1, np.int64)
    wait = np.full((beats, len(peers)), np.nan)
    taken = np.zeros(len(peers), np.int64)
    quiet = np.zeros(len(peers), bool)
    for beat in range(beats):
        now = beat * BEAT_S + PHASE_S
        while True:
            its = np.array([row for row in rows if taken[row] < len(arrivals[row])
                            and arrivals[row][taken[row]][0] <= now], np.int64)  # fmt: skip
            if not len(its):
                break
            number = np.array([arrivals[row][taken[row]][1] for row in its])
            taken[its] += 1
            begins = speaks[its, number] & ~speaks[its, np.maximum(number - 1, 0)]
            kept = np.array([int(speaks[row, :n].sum()) if peers[row].dtx else n
                             for row, n in zip(its, number, strict=True)])  # fmt: skip
            _put(jitter, its, first[its] + kept, ticks[its] + 160 * number, number, begins, now)
        pulled = jitter.pull(rows, quiet)
        numbers = pulled.payloads[:, :4].copy().view("<u4")[:, 0].astype(np.int64)
        heard[beat] = np.where(pulled.there, numbers, -1)
        wait[beat] = np.where(pulled.there, now - sent_at[rows, np.minimum(numbers, count - 1)],
                              np.nan)  # fmt: skip
        # As the detector of voices finds it: the frame is none of speech, or there is none.
        quiet = ~pulled.there | ~speaks[rows, np.minimum(numbers, count - 1)]
    return Listened(jitter, heard, wait)


def _put(jitter: Jitter, rows: npt.NDArray[np.int64], sequence: npt.NDArray[np.int64],
         timestamp: npt.NDArray[np.int64], number: npt.NDArray[np.int64],
         marker: npt.NDArray[np.bool_], now: float) -> None:  # fmt: skip
    n = len(rows)
    data = np.zeros((n, 172), np.uint8)
    data[:, 12:16] = number.astype("<u4").view(np.uint8).reshape(-1, 4)
    headers = packet.Headers(
        np.ones(n, bool), np.zeros(n, np.uint8), marker, sequence.astype(np.uint16),
        timestamp.astype(np.uint32), rows.astype(np.uint32), np.full(n, 12), np.full(n, 172),
    )  # fmt: skip
    jitter.put(rows, headers, data, np.zeros(n, np.uint8), now)
