"""What a row's peer hears besides its own agent: other rows' peers and agents, and played sounds.

All voices are added up at 16 kHz, after each row's packets were decoded and before anything is
coded, so codecs and packet lengths of two rows that hear one another have nothing to do with each
other. Rows of this process are heard in the same beat. Those of another process are read from
their ring, one beat behind what is published, so that it does not matter which of the two is
quicker.

Whoever comes or goes is faded over one beat, so that nothing clicks.
"""

import numpy as np
import numpy.typing as npt

from gateway.media.lines import (
    ALL_EARS,
    FRAME,
    HUSHED,
    LENT,
    MIXED,
    ONCE,
    RING,
    SILENT,
    SOURCES,
    SPOKEN,
    UNDER,
    UNHEARD,
    Lines,
)

_SLOPE = np.arange(1, FRAME + 1, dtype=np.float32) / FRAME
_BEHIND = 1  # beats, of a row of another process
_FARTHEST = 4  # beats behind, from where it is caught up with at once
_DUCKED = np.float32(0.35)  # -9 dB: a background under the agent's voice
_DUCK, _RELEASE = np.float32(0.4), np.float32(0.06)  # of the way there in each beat

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


class Mixer:
    def __init__(self, lines: Lines) -> None:
        n = lines.capacity
        self._lines = lines
        self._busy = np.zeros(n, bool)  # something is sounding that may have to fade
        self._own = np.ones(n, np.float32)  # gain of the row's own agent
        self._source = np.zeros((n, SOURCES), np.int32)  # whom it hears now
        self._gain = np.zeros((n, SOURCES), np.float32)
        self._cursor = np.zeros((n, SOURCES), np.int64)  # of rows of another process
        self._play_at = np.zeros(n, np.int64)
        self._play_frames = np.zeros(n, np.int64)
        self._play_gain = np.zeros(n, np.float32)
        self._play_how = np.zeros(n, np.uint8)
        self._near_agent = np.zeros(n, bool)  # somebody else speaks whom its agent hears

    def forget(self, row: int) -> None:
        """A new line begins, or another process had it: a sound goes on where that one was."""
        lines = self._lines
        self._busy[row] = False
        self._own[row] = 1
        self._source[row] = 0
        self._near_agent[row] = False
        self._play_frames[row] = 0
        if lines["plays"][row] == lines["playing"][row]:
            self._take_up(np.array([row]))

    # Hearing.

    def flags(self, rows: Rows) -> npt.NDArray[np.uint8] | None:
        """``mixes`` of these rows; None, as nearly always: no row mixes anything."""
        flags = np.asarray(self._lines["mixes"][rows])
        return flags if flags.any() or self._busy[rows].any() else None

    def mute(self, flags: npt.NDArray[np.uint8], heard: Samples) -> None:
        """Peers whom nobody is to hear are silent (``heard``: rows x 320)."""
        heard[flags & UNHEARD != 0] = 0

    def onsets(self, rows: Rows, flags: npt.NDArray[np.uint8]) -> Mask:
        """Rows whose agent hears another row's peer begin to speak."""
        lines, onset = self._lines, np.zeros(len(rows), bool)
        here = self._here(rows)
        for i in np.flatnonzero(flags & ALL_EARS).tolist():
            row = rows[i]
            others = lines["agent_hears"][row]
            others = others[others > 0] - 1
            at = lines["beat"][others] - ~here[others]
            speaking = bool((lines["speech"][others, at % RING] != SILENT).any())
            onset[i] = speaking and not self._near_agent[row]
            self._near_agent[row] = speaking
        return onset

    # Speaking.

    def run(self, rows: Rows, flags: npt.NDArray[np.uint8], said: Samples) -> None:
        """Make of what the agents say (rows x 320) what the peers are to hear, in place."""
        lines = self._lines
        if len(lent := np.flatnonzero(flags & LENT)):
            its = rows[lent]
            lines["spoken"][its, lines["beat"][its] % SPOKEN] = said[lent]
        at = np.flatnonzero((flags & MIXED != 0) | self._busy[rows])
        if not len(at):
            return
        its, here = rows[at], self._here(rows)
        sound = said[at].astype(np.float32)
        talking: Mask = np.asarray(sound.any(axis=1))
        own = np.where(flags[at] & HUSHED, np.float32(0), np.float32(1))
        _turn(sound, self._own[its], own)
        self._own[its] = own
        for slot in range(SOURCES):
            self._add(its, slot, here, sound)
        self._play(its, talking, sound)
        said[at] = np.clip(np.rint(sound), -32768, 32767)
        sounding = (self._source[its] != 0).any(axis=1) | (self._play_frames[its] > 0)
        self._busy[its] = sounding | (own != 1)

    def assume(self, rows: Rows) -> None:
        """Their peers have heard all their sources until now: there is nothing to fade in."""
        lines = self._lines
        self._source[rows] = lines["sources"][rows]
        self._gain[rows] = lines["gains"][rows]
        self._cursor[rows] = -1
        self._busy[rows] = True

    def _here(self, rows: Rows) -> Mask:
        """Rows of this very beat: what they hear lies in their ring, not yet published."""
        here = np.zeros(self._lines.capacity, bool)
        here[rows] = True
        return here

    def _add(self, rows: Rows, slot: int, here: Mask, sound: Floats) -> None:
        """One of the others whom each row hears. Another takes its place when it has faded."""
        lines = self._lines
        now, wanted = self._source[rows, slot], lines["sources"][rows, slot]
        if len(at := np.flatnonzero(now)):
            its, source = rows[at], now[at]
            gain = np.where(source == wanted[at], lines["gains"][its, slot], np.float32(0))
            frames = self._frames(its, slot, source, here)
            _turn(frames, self._gain[its, slot], gain)
            sound[at] += frames
            self._gain[its, slot] = gain
        if len(other := rows[now != wanted]):
            self._source[other, slot] = wanted[now != wanted]
            self._gain[other, slot] = 0
            self._cursor[other, slot] = -1

    def _frames(self, rows: Rows, slot: int, source: npt.NDArray[np.int32], here: Mask) -> Floats:
        """This beat's frame of each source."""
        lines = self._lines
        whose = np.abs(source) - 1
        near, at = here[whose], lines["beat"][whose]
        cursor = self._cursor[rows, slot]
        behind = at - cursor
        lost = (cursor < 0) | (behind < 0) | (behind > _FARTHEST)
        cursor = np.where(lost, np.maximum(at - 1 - _BEHIND, 0), cursor)
        there = near | (cursor < at)
        self._cursor[rows, slot] = np.where(near, -1, cursor + there)
        at = np.where(near, at, cursor)
        there &= lines["live"][whose] == 1
        frames = np.zeros((len(rows), FRAME), np.float32)
        peer = there & (source > 0)
        frames[peer] = lines["heard"][whose[peer], at[peer] % RING]
        agent = there & (source < 0)
        frames[agent] = lines["spoken"][whose[agent], at[agent] % SPOKEN]
        return frames

    def _play(self, rows: Rows, talking: Mask, sound: Floats) -> None:
        """The sound that main has chosen; another begins when the one before has faded."""
        lines = self._lines
        other = lines["plays"][rows] != lines["playing"][rows]
        if len(at := np.flatnonzero(self._play_frames[rows])):
            its = rows[at]
            gain, length = lines["play_gain"][its], self._play_frames[its]
            under = self._play_how[its] == UNDER
            if under.any():
                aim = np.where(talking[at], gain * _DUCKED, gain)
                now = self._play_gain[its]
                step = np.where(aim < now, _DUCK, _RELEASE)
                gain = np.where(under, now + (aim - now) * step, gain)
            gain = np.where(other[at], np.float32(0), gain)
            frame = self._play_at[its] + lines["played"][its] % length
            frames = lines["stock"][0, frame].astype(np.float32)
            _turn(frames, self._play_gain[its], gain)
            sound[at] += frames
            self._play_gain[its] = gain
            lines["played"][its] += 1
            ended = (self._play_how[its] == ONCE) & (lines["played"][its] >= length)
            self._play_frames[its[ended]] = 0
        if other.any():
            its = rows[other]
            lines["playing"][its] = lines["plays"][its]
            lines["played"][its] = 0
            self._take_up(its)

    def _take_up(self, rows: Rows) -> None:
        lines = self._lines
        self._play_at[rows] = lines["play_at"][rows]
        self._play_how[rows] = lines["play_how"][rows]
        self._play_gain[rows] = 0
        frames = lines["play_frames"][rows]
        ended = (lines["play_how"][rows] == ONCE) & (lines["played"][rows] >= frames)
        self._play_frames[rows] = np.where(ended, 0, frames)


def _turn(sound: Floats, before: Floats, after: Floats) -> None:
    """Turn the volume of each row from one gain to the other, over the frame."""
    if (before == after).all():
        if (after != 1).any():
            sound *= after[:, None]
    else:
        sound *= before[:, None] + (after - before)[:, None] * _SLOPE
