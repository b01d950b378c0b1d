"""One line, as its agent sees it: what was heard since last time, and a queue to speak into."""

from dataclasses import dataclass

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
    Lines,
)

KEYS = "0123456789*#ABCD"  # by RFC 4733 event code

Frames = npt.NDArray[np.int16]  # (n, FRAME)
Speech = npt.NDArray[np.uint8]  # (n,)


@dataclass(frozen=True, slots=True)
class Sound:
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
    """The agent's cursors on one row. ``lines`` was opened as the agent's (``Writer.AGENT``)."""

    def __init__(self, lines: Lines, row: int) -> None:
        self._lines = lines
        self._row = row
        self._beat = int(lines["beat"][row])
        self._digits = int(lines["digits"][row])
        self._pauses = 0  # of which the frame that caused it has been heard here
        self._ahead: dict[int, int] = {}  # of others it hears: their cursor less our own

    def listen(self) -> Sound:
        """What was heard since the last call."""
        lines, row = self._lines, self._row
        while True:
            beat, ended_at = int(lines["beat"][row]), float(lines["beat_at"][row])
            if beat == int(lines["beat"][row]):
                break
        # The frame at the ring's edge is the one that media writes next.
        first = max(self._beat, beat - RING + 1)
        index = np.arange(first, beat) % RING
        heard, speech = lines["heard"][row, index], lines["speech"][row, index]
        if len(others := np.flatnonzero(lines["agent_hears"][row])):
            heard, speech = self._with_others(others, first, beat, heard, speech)
        sound = Sound(
            first,
            heard.tobytes(),
            tuple(speech.tolist()),
            ended_at,
            first - self._beat,
        )
        self._beat = beat
        pauses = int(lines["pauses"][row])
        if int(lines["paused_beat"][row]) < beat:
            self._pauses = pauses
        return sound

    def said(self, sound: Sound) -> Frames:
        """What the peer was sent in the frames of ``sound``."""
        index = np.arange(sound.first, sound.first + len(sound.speech)) % RING
        return np.asarray(self._lines["said"][self._row, index])

    def _with_others(
        self, slots: npt.NDArray[np.int64], first: int, beat: int, heard: Frames, speech: Speech
    ) -> tuple[Frames, Speech]:
        """What was heard, and whether it was speech, with other rows' peers beside our own. Each
        row counts its own beats; one that is just being published may not shift the sound."""
        lines, mixed = self._lines, heard.astype(np.int32)
        for other in (lines["agent_hears"][self._row, slots] - 1).tolist():
            now = int(lines["beat"][other]) - beat
            ahead = self._ahead.get(other, now)
            if abs(now - ahead) > 1:
                ahead = now
            self._ahead[other] = ahead
            index = np.arange(first, beat) + ahead
            known = (index >= 0) & (index < beat + now)
            place = index[known] % RING
            mixed[known] += lines["heard"][other, place]
            speech[known] = np.maximum(speech[known], lines["speech"][other, place])
        return np.clip(mixed, -32768, 32767).astype(np.int16), speech

    def digits(self) -> str:
        """The keys pressed since the last call."""
        cursor = int(self._lines["digits"][self._row])
        if cursor == self._digits:
            return ""
        first = max(self._digits, cursor - DIGITS)
        codes = self._lines["digit"][self._row, np.arange(first, cursor) % DIGITS]
        self._digits = cursor
        return "".join(KEYS[code] for code in codes.tolist() if code < len(KEYS))

    @property
    def taken(self) -> int:
        """Frames that have left the queue."""
        return int(self._lines["taken"][self._row])

    @property
    def written(self) -> int:
        return int(self._lines["written"][self._row])

    @property
    def waiting(self) -> int:
        """Frames in the queue that are still to be said."""
        lines, row = self._lines, self._row
        gone = max(int(lines["taken"][row]), int(lines["drop_to"][row]))
        return int(lines["written"][row]) - gone

    @property
    def room(self) -> int:
        return QUEUE - (self.written - self.taken)

    def write(self, frames: Frames) -> None:
        """Queue these frames; there must be ``room`` for them."""
        if len(frames) > self.room:
            raise ValueError(f"{len(frames)} frames do not fit into room for {self.room}")
        written = self.written
        self._lines["queue"][self._row, np.arange(written, written + len(frames)) % QUEUE] = frames
        self._lines["written"][self._row] = written + len(frames)

    def hush(self) -> int:
        """Drop what is queued and end any pause; returns the frame up to which it was said."""
        played = max(self.taken, int(self._lines["drop_to"][self._row]))
        self._lines["drop_to"][self._row] = self.written
        self.resume()
        return played

    def resume(self) -> None:
        """A pause that media has begun is over: go on where it stopped. One that media is just
        beginning, for a frame that has not been heard here yet, stays."""
        resumed = self._lines["resumed"]
        resumed[self._row] = max(self._pauses, int(resumed[self._row]))

    @property
    def paused(self) -> bool:
        """Media holds the sound, because of a frame that has been heard here."""
        return self._pauses > int(self._lines["resumed"][self._row])

    def interruptible(self, yes: bool) -> None:
        """Whether media stops the sound by itself when the peer begins to speak."""
        self._lines["policy"][self._row] = PAUSE_HOLD if yes else PAUSE_OFF

    def said_at(self, frame: int) -> float | None:
        """When ``frame`` of the queue went out; None if it has not."""
        lines, row = self._lines, self._row
        taken = int(lines["taken"][row])
        if taken <= frame:
            return None
        return float(lines["beat_at"][row]) - (taken - 1 - frame) * BEAT_S


def frames_of(pcm: bytes) -> Frames:
    """Whole frames of sound; the length must be a multiple of one frame's."""
    return np.frombuffer(pcm, np.int16).reshape(-1, FRAME)
