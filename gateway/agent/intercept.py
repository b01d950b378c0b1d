"""Special information tones (ITU-T E.180): three that rise, and mean that a network speaks of a
number that is not to be had."""

_TONES = (950.0, 1400.0, 1777.0)  # Hz, each some 0.33 s; American ones lie up to 36 Hz beside
_NEAR = 45.0
_LEAST = 10  # frames of each
_GAP = 10  # frames in which neither a tone goes on nor the next one begins


class Intercept:
    def __init__(self) -> None:
        self._heard = 0  # whole tones
        self._held = 0  # frames of the one that sounds
        self._missed = 0  # frames since

    def hear(self, hz: tuple[float, ...]) -> bool:
        """The pitches of a frame, if it is a tone; True with the one by which all three are
        known."""
        if any(abs(pitch - _TONES[self._heard]) <= _NEAR for pitch in hz):
            self._held, self._missed = self._held + 1, 0
            if self._held == _LEAST:
                self._heard, self._held = self._heard + 1, 0
        elif self._heard and any(abs(pitch - _TONES[self._heard - 1]) <= _NEAR for pitch in hz):
            self._missed = 0  # the last one goes on
        else:
            self._missed += 1
            if self._missed > _GAP or not self._heard:
                self._heard = self._held = 0
        if self._heard < len(_TONES):
            return False
        self._heard = 0
        return True
