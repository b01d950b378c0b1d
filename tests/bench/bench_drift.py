"""Half an hour of calls with peers whose clocks are not ours, over real sockets and in real time.

Two phones, their clocks 300 ppm fast and slow, speak into ``echo``, which returns each frame byte
for byte as it came; no two frames of what they say are equal, so a frame that comes back tells how
long it was away. A frame that was left out or made up is none of theirs. With `pesq` installed
(`pip install .[quality]`) the first and last minute are also rated by PESQ (ITU-T P.862).

    python -m tests.bench.bench_drift [minutes]      # outside `make bench`: it takes its time
"""

import contextlib
import select
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soxr

from gateway_codecs import g711
from tests.bench import plan
from tests.bench.daemon import Daemon
from tests.bench.lone_phone import LonePhone
from tests.bench.recording import recording
from tests.bench.results import Figure, publish

MINUTES = 30.0
DRIFTS_PPM = (300, -300)
BEAT_S, FRAME = plan.BEAT_S, plan.FRAME


class Phone(LonePhone):
    """A peer whose clock runs ``ppm`` millionths too fast."""

    def __init__(self, daemon: Daemon, ppm: int, said: np.ndarray) -> None:
        super().__init__(daemon.sip, "echo")
        self.ppm, self.said = ppm, said
        self._beat_s = BEAT_S / (1 + ppm * 1e-6)
        self.place = {frame.tobytes(): at for at, frame in enumerate(said)}
        self._sent_at = np.zeros(len(said))
        self._sent = 0
        self.began = 0.0
        self.rows: list[tuple[float, float]] = []  # when a frame came back; s it was away, or nan
        self.heard: list[bytes] = []

    def dial(self) -> None:
        super().dial()
        self.began = time.monotonic()

    def due(self) -> float:
        return self.began + self._sent * self._beat_s

    def talk(self, now: float) -> None:
        while self.due() <= now:
            at = self._sent % len(self.said)
            self.send(self._sent, self.said[at].tobytes())
            self._sent_at[at] = now
            self._sent += 1

    def listen(self, now: float) -> None:
        self.signal()
        for packet in self.received():
            at = self.place.get(packet[12:])
            self.rows.append((now, np.nan if at is None else now - self._sent_at[at]))
            self.heard.append(packet[12:])


def _unlike(frames: np.ndarray) -> np.ndarray:
    """µ-law frames, no two of them equal: silence is made a little uneven."""
    rng = np.random.default_rng(300)
    flips = rng.integers(0, 2, frames.shape, np.uint8)
    return np.where(frames >= 0xFE, 0xFF - flips, frames).astype(np.uint8)


def measure(folder: Path, minutes: float = MINUTES) -> None:
    sound = soxr.resample(recording(), 16_000, 8000)
    said = _unlike(g711.encode_mulaw(sound).reshape(-1, FRAME))
    limit = {"GATEWAY_CALLS__DIAGNOSIS_S": str(60 * minutes + 60)}
    with Daemon(folder, limit) as daemon:
        phones = [Phone(daemon, ppm, said) for ppm in DRIFTS_PPM]
        for phone in phones:
            phone.dial()
        until = time.monotonic() + 60 * minutes
        while (now := time.monotonic()) < until:
            for phone in phones:
                phone.talk(now)
            pause = min(phone.due() for phone in phones) - time.monotonic()
            select.select(phones, [], [], max(pause, 0.0))
            for phone in phones:
                phone.listen(time.monotonic())
        for phone in phones:
            phone.hang_up()
    for phone in phones:
        publish(f"drift of {phone.ppm:+d} ppm, {minutes:g} minutes", _figures(phone, minutes))


def _figures(phone: Phone, minutes: float) -> list[Figure]:
    at, away = np.array(phone.rows).T
    span = min(60.0, 30 * minutes)
    parts = {"first": at < phone.began + span, "last": at > at[-1] - span}
    figures = []
    for name, its in parts.items():
        known = away[its][~np.isnan(away[its])]
        figures += [
            Figure(f"{name} minute: away, p50", 1e3 * float(np.median(known))),
            Figure(f"{name} minute: away, max", 1e3 * float(known.max())),
            Figure(f"{name} minute: frames not as sent", float(np.isnan(away[its]).sum()), ""),
        ]
    figures.append(Figure("away, max of all", 1e3 * float(np.nanmax(away))))
    figures.append(Figure("frames not as sent, of all", float(np.isnan(away).sum()), ""))
    with contextlib.suppress(ImportError):
        from pesq import pesq

        for name, its in parts.items():
            chosen = np.flatnonzero(its)[-1500:]  # 30 s, within what PESQ was made for
            heard = np.frombuffer(b"".join(phone.heard[n] for n in chosen), np.uint8)
            first = next(n for n, i in enumerate(chosen) if (phone.heard[i] in phone.place))
            start = phone.place[phone.heard[chosen[first]]] - first
            ref = phone.said[(start + np.arange(len(chosen))) % len(phone.said)].ravel()
            score = pesq(8000, g711.decode_mulaw(ref), g711.decode_mulaw(heard), "nb")
            figures.append(Figure(f"{name} minute: PESQ of 30 s", float(score), "MOS-LQO"))
    return figures


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="drift-") as made:
        measure(Path(made), float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
