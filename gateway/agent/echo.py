"""Our own voice coming back over the line, so that it is not taken for somebody's who answered."""

import numpy as np
import numpy.typing as npt

_KEPT = 75  # frames that are compared: 1.5 s
_LATEST = 20  # frames that an echo may come late
_ALIKE = 0.8  # correlation of the two loudnesses
_HEARD, _LESS = 60.0, 0.7  # least level of what we say; an echo has at most so much of it

Samples = npt.NDArray[np.int16]


class Echo:
    def __init__(self) -> None:
        self._heard = np.zeros(_KEPT)
        self._said = np.zeros(_KEPT + _LATEST)

    def hear(self, heard: Samples, said: Samples) -> bool:
        """Whether this frame of what is heard is likely what was just ``said``."""
        self._heard = np.append(self._heard[1:], _level(heard))
        self._said = np.append(self._said[1:], _level(said))
        if self._said.max() < _HEARD:
            return False
        # Every delay at once: a row for each.
        late = np.lib.stride_tricks.sliding_window_view(self._said, _KEPT)
        late = late - late.mean(axis=1, keepdims=True)
        here = self._heard - self._heard.mean()
        norms = np.linalg.norm(late, axis=1) * np.linalg.norm(here)
        alike = np.where(norms > 1e-6, late @ here / np.maximum(norms, 1e-6), 0)
        return bool(alike.max() >= _ALIKE and self._heard.max() < _LESS * self._said.max())


def _level(frame: Samples) -> float:
    return float(np.sqrt(np.mean(frame.astype(np.float32) ** 2)))
