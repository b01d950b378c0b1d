"""Sound that is cheap to make and easy to recognise."""

import numpy as np

HUM_S = 20


def hum(rate: int, seconds: float) -> bytes:
    """A quiet 440 Hz hum, int16, at most ``HUM_S``."""
    count = int(rate * min(seconds, HUM_S))
    return (6000 * np.sin(np.arange(count) * 2 * np.pi * 440 / rate)).astype("<i2").tobytes()


def spoken_s(text: str) -> float:
    """About how long a voice takes for ``text``."""
    return 0.06 * len(text)
