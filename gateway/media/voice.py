"""What a line is to say at this beat: taken from its queue, held, ducked or dropped.

Whenever the sound would break off or jump, the frame that would have come next fades out in 5 ms;
where it goes on, it fades in, so that nothing clicks. A frame that was only faded out is not
taken: after a hold, speech goes on exactly where it stopped.
"""

import numpy as np
import numpy.typing as npt

from gateway.media.lines import FRAME, PAUSE_DUCK, PAUSE_OFF, QUEUE, Lines

_FADE = 80  # samples: 5 ms
_RISE = ((np.arange(_FADE) + 0.5) / _FADE).astype(np.float32)
_DUCKED = 0.25  # -12 dB

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.int16]


class Voice:
    """The agent's voice on every row. All that must outlive this process is in ``lines``."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._playing = np.zeros(lines.capacity, bool)  # in the beat before
        self._cut = np.zeros(lines.capacity, bool)  # faded out, and not yet in again
        self._gain = np.ones(lines.capacity, np.float32)

    def forget(self, row: int) -> None:
        self._playing[row] = self._cut[row] = False
        self._gain[row] = 1

    def pause(self, rows: Rows, onset: Mask) -> None:
        """Speech began on some rows: raise ``pauses`` where the agent is speaking and its policy
        says so, and it is not paused already."""
        lines = self._lines
        rows = rows[onset]
        rows = rows[(lines["policy"][rows] != PAUSE_OFF)
                    & (lines["pauses"][rows] == lines["resumed"][rows])
                    & (self._waiting(rows) > 0)]  # fmt: skip
        lines["paused_beat"][rows] = lines["beat"][rows]
        lines["pauses"][rows] += 1

    def next(self, rows: Rows, may_speak: Mask) -> Samples:
        """The frame (rows x 320) of this beat. Rows that may not speak (the peer holds them, a
        digit is being sent) keep their queue."""
        lines, playing = self._lines, self._playing[rows]
        # The agent drops first and resumes after, so look in the other order.
        special = lines["pauses"][rows] != lines["resumed"][rows]
        taken = lines["taken"][rows]
        special |= lines["drop_to"][rows] > taken
        special |= (self._gain[rows] != 1) | self._cut[rows] | (playing & ~may_speak)
        waiting = may_speak & (lines["written"][rows] > taken)
        if not np.count_nonzero(special):
            return self._go_on(rows, taken, waiting)
        sound = np.empty((len(rows), FRAME), np.int16)
        sound[special] = self._turn_or_break(rows[special], may_speak[special])
        rest = ~special
        sound[rest] = self._go_on(rows[rest], taken[rest], waiting[rest])
        return sound

    def _go_on(self, rows: Rows, taken: Rows, waiting: Mask) -> Samples:
        """Neither begins nor ends in the middle: said as it is."""
        lines = self._lines
        self._playing[rows] = waiting
        at = taken % QUEUE
        if waiting.all():
            lines["taken"][rows] = taken + 1
            return np.asarray(lines["queue"][rows, at])
        sound = np.zeros((len(rows), FRAME), np.int16)
        its = rows[waiting]
        sound[waiting] = lines["queue"][its, at[waiting]]
        lines["taken"][its] = taken[waiting] + 1
        return sound

    def _turn_or_break(self, rows: Rows, may_speak: Mask) -> Samples:
        """Rows whose volume turns, or whose sound breaks off or comes back."""
        lines = self._lines
        # The agent drops first and resumes after, so look in the other order.
        paused = lines["pauses"][rows] != lines["resumed"][rows]
        ducked = paused & (lines["policy"][rows] == PAUSE_DUCK)
        before = lines["taken"][rows].copy()
        unheard = lines["queue"][rows, before % QUEUE]
        breaks = self._playing[rows] & (lines["written"][rows] > before)

        dropped = self._drop(rows)
        playing = may_speak & ~(paused & ~ducked) & (self._waiting(rows) > 0)
        sound = np.zeros((len(rows), FRAME), np.float32)
        taken = rows[playing]
        sound[playing] = lines["queue"][taken, lines["taken"][taken] % QUEUE]
        lines["taken"][taken] += 1

        self._turn(rows, sound, np.where(ducked, np.float32(_DUCKED), np.float32(1)))
        breaks &= dropped | ~playing
        cut = breaks | self._cut[rows]
        sound[playing & cut, :_FADE] *= _RISE
        sound[breaks, :_FADE] += unheard[breaks, :_FADE] * _RISE[::-1]
        self._cut[rows] = cut & ~playing
        self._playing[rows] = playing
        return np.asarray(np.clip(np.rint(sound), -32768, 32767).astype(np.int16))

    def _waiting(self, rows: Rows) -> npt.NDArray[np.int64]:
        lines = self._lines
        start = np.maximum(lines["taken"][rows], lines["drop_to"][rows])
        return np.asarray(lines["written"][rows] - start)

    def _drop(self, rows: Rows) -> Mask:
        """Skip what the agent took back; which rows that touched."""
        lines = self._lines
        upto = np.minimum(lines["drop_to"][rows], lines["written"][rows])
        skip = np.maximum(upto - lines["taken"][rows], 0)
        lines["taken"][rows] += skip
        lines["skipped"][rows] += skip
        return np.asarray(skip > 0)

    def _turn(self, rows: Rows, sound: npt.NDArray[np.float32],
              wanted: npt.NDArray[np.float32]) -> None:  # fmt: skip
        """Turn the volume, over one frame."""
        gain = self._gain[rows]
        turned = np.flatnonzero((gain != 1) | (wanted != 1))
        if len(turned):
            slope = np.arange(1, FRAME + 1, dtype=np.float32) / FRAME
            step = (wanted - gain)[turned, None]
            sound[turned] *= gain[turned, None] + step * slope
        self._gain[rows] = wanted
