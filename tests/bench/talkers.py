"""Callers without telephones: they stand in for media, so that a bench has both cores for the rest.

All rows of ``Lines`` in one step of 20 ms: what callers say is published as media would publish it,
and what agents have queued is taken. A caller talks, listens until the agent has been silent for a
while, and talks again. Nobody interrupts, so no sound is ever paused.
"""

import numpy as np
import numpy.typing as npt

from gateway.media.lines import BEAT_S, FRAME, RING, SILENT, TRAILING, VOICED, Lines

TALK_BEATS, PAUSE_BEATS, GIVE_UP_BEATS = 150, 50, 500
ONSET, HANGOVER = (
    2,
    3,
)  # frames of speech that are not called that yet, and of silence that still are
TALKING, LISTENING, GONE = 0, 1, 2


class Talkers:
    """``lines`` was opened as media's. ``clip``: (n, FRAME) of int16, what callers say."""

    def __init__(self, lines: Lines, clip: npt.NDArray[np.int16]) -> None:
        self._lines, self._clip = lines, clip
        count = lines.capacity
        self._state = np.full(count, GONE)
        self._since = np.zeros(count, np.int64)  # beats in the state
        self._heard_at = np.zeros(count, np.int64)  # beats since the agent was audible; < 0: never
        self._from = np.zeros(count, np.int64)  # where in the clip a caller begins
        self.utterances = 0
        self.unanswered = 0
        self.starved: list[int] = []  # beats of silence inside an answer
        self.spoken = 0  # frames of agents

    def sit(self, row: int, wait_beats: int = 0) -> None:
        """A caller takes this row, and talks when the agent has greeted or after ``wait_beats``."""
        self._state[row] = LISTENING
        self._since[row] = GIVE_UP_BEATS - wait_beats if wait_beats else 0
        self._heard_at[row] = -1
        self._from[row] = row * 7

    def leave(self, row: int) -> None:
        self._state[row] = GONE

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self._state != GONE)

    def beat(self, now: float) -> None:
        """``now`` is monotonic seconds."""
        lines, rows = self._lines, self.rows
        if not len(rows):
            return
        self._listen(rows)
        self._talk(rows)
        lines["beat_at"][rows] = now
        lines["beat"][rows] += 1

    def _talk(self, rows: npt.NDArray[np.intp]) -> None:
        lines = self._lines
        state, since = self._state[rows], self._since[rows]
        place = lines["beat"][rows] % RING
        talking = state == TALKING
        speech = np.where(talking & (since >= ONSET), VOICED, SILENT)
        speech[~talking & (since < HANGOVER) & (self._heard_at[rows] == -1)] = TRAILING
        lines["speech"][rows, place] = speech
        quiet, loud = rows[~talking], rows[talking]
        lines["heard"][quiet, place[~talking]] = 0
        at = (self._from[loud] + since[talking]) % len(self._clip)
        lines["heard"][loud, place[talking]] = self._clip[at]
        self._since[rows] += 1
        done = loud[self._since[loud] >= TALK_BEATS]
        self.utterances += len(done)
        self._state[done] = LISTENING
        self._since[done] = 0
        self._heard_at[done] = -1

    def _listen(self, rows: npt.NDArray[np.intp]) -> None:
        lines = self._lines
        taken, written = lines["taken"][rows], lines["written"][rows]
        gone = np.maximum(taken, lines["drop_to"][rows])
        audible = written > gone
        lines["taken"][rows] = gone + audible
        self.spoken += int(audible.sum())
        listening = self._state[rows] == LISTENING
        heard = self._heard_at[rows]
        gap = audible & listening & (heard > 0)
        self.starved += heard[gap].tolist()
        self._heard_at[rows] = np.where(audible, 0, np.where(heard >= 0, heard + 1, heard))
        heard = self._heard_at[rows]
        deaf = listening & (heard < 0) & (self._since[rows] >= GIVE_UP_BEATS)
        self.unanswered += int((deaf & (lines["beat"][rows] > GIVE_UP_BEATS)).sum())
        turn = rows[listening & (heard >= PAUSE_BEATS) | deaf]
        self._state[turn] = TALKING
        self._since[turn] = 0


def noise(seconds: float = 4.0) -> npt.NDArray[np.int16]:
    """What the simulators take for speech."""
    samples = np.random.default_rng(1).normal(0, 3000, round(seconds / BEAT_S) * FRAME)
    return samples.clip(-32768, 32767).astype(np.int16).reshape(-1, FRAME)
