"""The sound that the probe knows again: made, and found back in what was heard."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.probe.sound import FRAME, RATE, Pcm

LEAD_S, MARK_S = 0.4, 2.0
MOST_DELAY_S = 1.5
LEVEL = 4000.0  # root mean square; loud, and below clipping
ALIKE = 0.5  # correlation of a frame that came back; by chance, 160 samples reach 0.35
MOST_MOVE = 4 * FRAME


@dataclass(frozen=True)
class Found:
    delay_ms: float  # from its being played to its being heard
    back: float  # share of its 20 ms frames that came back, 0 to 1


def mark() -> Pcm:
    """Noise of the telephone's band, so that no stretch of it is like another; before it some
    more, in which jitter buffers and gain controls may settle."""
    count = int((LEAD_S + MARK_S) * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(20).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3300)] = 0
    noise = np.fft.irfft(spectrum, count)
    loud: Pcm = (noise / noise.std() * LEVEL).clip(-32000, 32000).astype(np.int16)
    return loud


def find(heard: Pcm) -> Found | None:
    """Where in a recording that began with ``mark()`` its echo is; None if it is not there.

    A frame also counts as back where the buffers on its way have moved it, by up to ``MOST_MOVE``:
    a jitter buffer does so by whole frames, a delay buffer between two clocks by any time.
    """
    lead = int(LEAD_S * RATE)
    sent = mark()[lead:].astype(np.float64)
    came = np.zeros(len(sent) + int((LEAD_S + MOST_DELAY_S) * RATE))
    came[: min(len(heard), len(came))] = heard[: len(came)]
    size = 1 << (len(came) + len(sent)).bit_length()
    alike = np.fft.irfft(np.fft.rfft(came, size) * np.fft.rfft(sent, size).conj(), size)
    at = int(np.argmax(alike[lead : len(came) - len(sent) + 1])) + lead
    back = [
        _alike(frame, came[max(at + n * FRAME - MOST_MOVE, 0) : at + (n + 1) * FRAME + MOST_MOVE])
        for n, frame in enumerate(sent.reshape(-1, FRAME))
    ]
    share = sum(back) / len(back)
    # Of what is not there at all, single frames may still seem to be.
    return Found(1000 * (at - lead) / RATE, share) if share > 0.2 else None


def _alike(frame: npt.NDArray[np.float64], heard: npt.NDArray[np.float64]) -> bool:
    """Whether the frame is anywhere in it."""
    if len(heard) < len(frame):
        return False
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    power = np.sqrt((frame @ frame) * (energy[len(frame) :] - energy[: -len(frame)]).clip(1e-9))
    return bool((np.correlate(heard, frame, "valid") > ALIKE * power).any())
