"""Sound that is voiced enough for a voice detector."""

import numpy as np


def voice(samples: int, rate: int) -> np.ndarray:
    t = np.arange(samples) / rate
    sound = sum(np.sin(2 * np.pi * 130 * k * t + k) / k for k in range(1, 20))
    return np.rint(4000 * (0.6 + 0.4 * np.sin(25 * t)) * np.asarray(sound)).astype(np.int16)
