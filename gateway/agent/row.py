"""One line, as its agent sees it: what was heard since last time, and a queue to speak into."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.media.lines import (
    BEAT_S,
    DIGITS,
    FRAME,
    PAUSE_HOLD,
    PAUSE_OFF,
    QUEUE,
    RING,
    SILENT,
    SOURCES,
    Lines,
)

KEYS = "0123456789*#ABCD"  # by RFC 4733 event code

SIZE = 2 * FRAME  # bytes of a frame
PATIENT = 5  # beats that a still row can wait
NOBODY = bytes(4 * SOURCES)  # ``agent_hears`` of a row whose agent hears only its own peer

Frames = npt.NDArray[np.int16]  # (n, FRAME)
Speech = npt.NDArray[np.uint8]  # (n,)


class Sound(NamedTuple):
    """Frames ``first`` to ``first + len(speech)`` of what the peer said."""

    first: int
    pcm: bytes
    speech: tuple[int, ...]  # SILENT, TRAILING or VOICED
    ended_at: float  # monotonic seconds when the last of them was heard
    missed: int = 0  # frames lost because the reader came too late

    def silenced(self) -> "Sound":
        """The same time, in which nothing was heard."""
        count = len(self.speech)
        return Sound(self.first, bytes(len(self.pcm)), (0,) * count, self.ended_at, self.missed)

    def at(self, index: int) -> float:
        """When frame ``index`` of these had been heard."""
        return self.ended_at - (len(self.speech) - 1 - index) * BEAT_S


class Row:
    """The agent's cursors on one row. ``lines`` was opened as the agent's (``Writer.AGENT``).
    ``fresh``: nobody was here before, so that keys pressed before this moment count."""

    def __init__(self, lines: Lines, row: int, *, fresh: bool = False) -> None:
        self._lines = lines
        self._row = row
        self._beats, self._beat_at = lines.cells("beat"), lines.cells("beat_at")
        self._heard, self._speech = lines.ring("heard", row), lines.ring("speech", row)
        self._queue = lines.ring("queue", row)
        self._others = lines.ring("agent_hears", row)
        self._pause_count, self._paused_beat = lines.cells("pauses"), lines.cells("paused_beat")
        self._resumed, self._policy = lines.cells("resumed"), lines.cells("policy")
        self._digit_count = lines.cells("digits")
        self._taken, self._written = lines.cells("taken"), lines.cells("written")
        self._drop_to = lines.cells("drop_to")
        self._beat: int = self._beats[row]
        self._digits: int = 0 if fresh else self._digit_count[row]
        self._pauses = 0  # of which the frame that caused it has been heard here
        self._last = SILENT  # the newest frame was, when it was listened to
        self._drained = False  # all that was queued had been said by then
        self._ahead: dict[int, int] = {}  # of others it hears: their cursor less our own

    def listen(self) -> Sound:
        """What was heard since the last call."""
        row, beats = self._row, self._beats
        while True:
            beat, ended_at = beats[row], self._beat_at[row]
            if beat == beats[row]:
                break
        # The frame at the ring's edge is the one that media writes next.
        before, first = self._beat, max(self._beat, beat - RING + 1)
        pcm, speech = b"", b""
        while first < beat:
            place = first % RING
            end = min(place + beat - first, RING)
            pcm += self._heard[place * SIZE : end * SIZE]
            speech += self._speech[place:end]
            first += end - place
        first = beat - len(speech)
        self._last = speech[-1] if speech else self._last
        if speech and self._others != NOBODY:
            pcm, speech = self._with_others(first, beat, pcm, speech)
        self._beat = beat
        self._drained = self._taken[row] >= self._written[row]
        pauses = self._pause_count[row]  # before the beat of the last of them
        if self._paused_beat[row] < beat:
            self._pauses = pauses
        return Sound(first, pcm, tuple(speech), ended_at, first - before)

    @property
    def still(self) -> bool:
        """What came since :meth:`listen` can wait a little more: it is short, speech goes on or
        silence does, no key was pressed, and what is queued is not all said."""
        row, beat = self._row, self._beats[self._row]
        return bool(
            beat - self._beat < PATIENT
            and self._speech[(beat - 1) % RING] == self._last
            and self._digit_count[row] == self._digits
            and (self._drained or self._taken[row] < self._written[row])
            and self._others == NOBODY
        )

    def said(self, sound: Sound) -> Frames:
        """What the peer was sent in the frames of ``sound``."""
        index = np.arange(sound.first, sound.first + len(sound.speech)) % RING
        return np.asarray(self._lines["said"][self._row, index])

    def _with_others(
        self, first: int, beat: int, heard: bytes, speech: bytes
    ) -> tuple[bytes, bytes]:
        """What was heard, and whether it was speech, with other rows' peers beside our own. Each
        row counts its own beats; one that is just being published may not shift the sound."""
        lines, mixed = self._lines, frames_of(heard).astype(np.int32)
        marks = np.frombuffer(speech, np.uint8).copy()
        hears = lines["agent_hears"][self._row]
        for other in (hears[hears > 0] - 1).tolist():
            now = int(lines["beat"][other]) - beat
            ahead = self._ahead.get(other, now)
            if abs(now - ahead) > 1:
                ahead = now
            self._ahead[other] = ahead
            index = np.arange(first, beat) + ahead
            known = (index >= 0) & (index < beat + now)
            place = index[known] % RING
            mixed[known] += lines["heard"][other, place]
            marks[known] = np.maximum(marks[known], lines["speech"][other, place])
        return np.clip(mixed, -32768, 32767).astype(np.int16).tobytes(), marks.tobytes()

    def digits(self) -> str:
        """The keys pressed since the last call."""
        cursor = self._digit_count[self._row]
        if cursor == self._digits:
            return ""
        first = max(self._digits, cursor - DIGITS)
        codes = self._lines["digit"][self._row, np.arange(first, cursor) % DIGITS]
        self._digits = cursor
        return "".join(KEYS[code] for code in codes.tolist() if code < len(KEYS))

    @property
    def taken(self) -> int:
        """Frames that have left the queue."""
        return int(self._taken[self._row])

    @property
    def written(self) -> int:
        return int(self._written[self._row])

    @property
    def waiting(self) -> int:
        """Frames in the queue that are still to be said."""
        row = self._row
        return int(self._written[row] - max(self._taken[row], self._drop_to[row]))

    @property
    def room(self) -> int:
        return QUEUE - (self.written - self.taken)

    def write(self, frames: Frames) -> None:
        """Queue these frames; there must be ``room`` for them."""
        if len(frames) > self.room:
            raise ValueError(f"{len(frames)} frames do not fit into room for {self.room}")
        written, pcm = self.written, frames.tobytes()
        place = written % QUEUE * SIZE
        end = min(place + len(pcm), QUEUE * SIZE)
        self._queue[place:end] = pcm[: end - place]
        self._queue[: len(pcm) - (end - place)] = pcm[end - place :]
        self._written[self._row] = written + len(frames)
        self._drained = False

    def hush(self) -> int:
        """Drop what is queued and end any pause; returns the frame up to which it was said."""
        played = max(self.taken, self._drop_to[self._row])
        self._drop_to[self._row] = self.written
        self.resume()
        return played

    def resume(self) -> None:
        """A pause that media has begun is over: go on where it stopped. One that media is just
        beginning, for a frame that has not been heard here yet, stays."""
        self._resumed[self._row] = max(self._pauses, self._resumed[self._row])

    @property
    def paused(self) -> bool:
        """Media holds the sound, because of a frame that has been heard here."""
        return bool(self._pauses > self._resumed[self._row])

    def interruptible(self, yes: bool) -> None:
        """Whether media stops the sound by itself when the peer begins to speak."""
        self._policy[self._row] = PAUSE_HOLD if yes else PAUSE_OFF

    def said_at(self, frame: int) -> float | None:
        """When ``frame`` of the queue went out; None if it has not."""
        taken = self.taken
        if taken <= frame:
            return None
        return float(self._beat_at[self._row]) - (taken - 1 - frame) * BEAT_S


def frames_of(pcm: bytes) -> Frames:
    """Whole frames of sound; the length must be a multiple of one frame's."""
    return np.frombuffer(pcm, np.int16).reshape(-1, FRAME)
