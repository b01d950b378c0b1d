"""How a voice stops: falling and fading at the end of a sentence, level where it is to go on.

Only the last second is looked at, once for each pause, which costs about a millisecond.
"""

from collections import deque
from statistics import fmean, median  # of so few numbers, a tenth of what numpy's take

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME
from gateway.speech.contract import RATE

TAIL_FRAMES = 50  # of 20 ms that are kept
_LEAST_FRAMES = 8  # fewer voiced ones tell nothing
_WINDOW = 2 * FRAME  # 40 ms: two periods of the deepest voice
_SHORTEST, _LONGEST = RATE // 400, RATE // 70  # periods of a voice, in samples
_TONES = 25  # the newest windows, in which the pitch is looked for
_SHAPE = np.hanning(_WINDOW).astype(np.float32)
_PADDED = 900  # a window and the longest period, so that its end does not meet its beginning
# How much of itself the shape still has at each period: without it short ones would be favoured.
_FADING = np.fft.irfft(np.abs(np.fft.rfft(_SHAPE, _PADDED)) ** 2)[: _LONGEST + 1]
_PERIODIC = 0.45  # of the autocorrelation at that period; less is noise
MOST = 0.9  # what the sound may add to the log-odds, or take away

Sound = npt.NDArray[np.float32]


class Tail:
    """The newest frames of speech of one caller."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque(maxlen=TAIL_FRAMES)

    def add(self, frame: bytes) -> None:
        self._frames.append(frame)

    def log_odds(self) -> float:
        """Of "goes on" against "is over", by the way it sounds."""
        if len(self._frames) < _LEAST_FRAMES:
            return 0.0
        return log_odds(np.frombuffer(b"".join(self._frames), np.int16).astype(np.float32))

    def tone(self) -> tuple[float, float]:
        """Its pitch in semitones, not a number if it has none, and its level in dB."""
        if len(self._frames) < _LEAST_FRAMES:
            return float("nan"), 0.0
        sound = np.frombuffer(b"".join(self._frames), np.int16).astype(np.float32)
        tones = _pitch(sound, fundamental=True)
        known = tones[~np.isnan(tones)]
        pitch = median(known.tolist()) if len(known) >= _LEAST_FRAMES else float("nan")
        return pitch, median(_levels(sound).tolist())


def log_odds(sound: Sound) -> float:
    """Of speech at ``RATE`` that ends in its last sample."""
    tones, loud = _pitch(sound), _levels(sound)
    odds = 0.0
    voiced = tones[~np.isnan(tones)]
    if len(voiced) >= 6:
        third = len(voiced) // 3
        move = median(voiced[-third:].tolist()) - median(voiced[:third].tolist())
        if move < -1.5:  # semitones
            odds -= 0.5
        elif move > 3.0:
            odds -= 0.3  # a question
        elif abs(move) < 0.7:
            odds += 0.4
    fade = median(loud[:-5].tolist()) - fmean(loud[-4:].tolist())
    if fade > 8.0:  # dB
        odds -= 0.4
    elif fade < 2.0:
        odds += 0.3
    return max(-MOST, min(MOST, odds))


def _levels(sound: Sound) -> Sound:
    """dB of each frame."""
    frames = sound[len(sound) % FRAME :].reshape(-1, FRAME)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1.0), np.float32)


def _pitch(sound: Sound, fundamental: bool = False) -> Sound:
    """The pitch of each window in semitones, by autocorrelation; not a number where none is. It may
    be an octave too low, unless it is the ``fundamental`` that matters and not how it moves."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::FRAME][-_TONES:]
    windows = (windows - windows.mean(axis=1, keepdims=True)) * _SHAPE
    spectrum = np.fft.rfft(windows, _PADDED)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:, : _LONGEST + 1]
    correlation = correlation / (_FADING / _FADING[0])
    power = np.maximum(correlation[:, :1], 1.0)
    near = correlation[:, _SHORTEST:] / power
    best = np.argmax(near, axis=1)
    rows = np.arange(len(near))
    strength = near[rows, best]
    for part in (2, 3) if fundamental else ():  # two or three periods are as like as one
        shorter = np.maximum((best + _SHORTEST) // part - _SHORTEST, 0)
        as_like = near[rows, shorter] > 0.85 * strength
        best = np.where(as_like & (shorter > 0), shorter, best)
    tones = 12 * np.log2(RATE / (best + _SHORTEST) / 55.0)
    return np.asarray(np.where(strength > _PERIODIC, tones, np.nan), np.float32)
