"""When in its beat sound departs.

How long a beat takes to think differs from beat to beat, by milliseconds when it has hundreds of
rows; a peer would see each difference as jitter. So what is ready early waits for the time by which
nearly all beats are ready, and leaves at the same phase every time.
"""

from gateway.media.lines import BEAT_S

_STEP_S = 0.001  # how far, at the most, a beat that was ready too late moves the departure
_SPARE_S = 0.0002  # that it is given beyond what it needed
_BACK_S = 0.000002  # that the departure comes back with each other beat: 1 ms in 10 s
_LATEST_S = BEAT_S / 2  # what is ready later than that leaves at once: sending takes time too


class Pace:
    def __init__(self) -> None:
        self._departs_s = 0.0  # after the beat was due

    def wait_s(self, ready_s: float) -> float:
        """How long to wait when packets are ready so long after the beat was due."""
        if ready_s > self._departs_s:
            self._departs_s = min(ready_s + _SPARE_S, self._departs_s + _STEP_S)
        else:
            self._departs_s -= _BACK_S
        self._departs_s = min(self._departs_s, _LATEST_S)
        return max(self._departs_s - ready_s, 0.0)
