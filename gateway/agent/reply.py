"""What the agent is saying: text, in pieces, becoming sound, in frames of the row's queue.

It knows at any time which text has been heard, which is what stays in the conversation when the
caller interrupts.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import ceil

from gateway.agent.conversation import Entry
from gateway.agent.row import Frames, frames_of
from gateway.media.lines import BEAT_S, FRAME
from gateway.speech.contract import RATE, Mark

BYTES = FRAME * 2
BYTES_PER_S = RATE * 2
CHARACTERS_A_SECOND = 15.0  # of speech, where a piece's length is not known yet


def cut(text: str, part: float) -> str:
    """The words of ``text`` that were begun and finished in the first ``part`` (0 to 1) of it."""
    end = int(len(text) * part + 1e-9)
    if end >= len(text):
        return text
    if text[end].isspace() or not any(c.isspace() for c in text.strip()):
        return text[:end]
    return text[: next((i + 1 for i in range(end - 1, -1, -1) if text[i].isspace()), 0)]


def letters(text: str, part: float) -> int:
    """How many characters of ``text`` hold the first ``part`` of its letters."""
    places = [place for place, char in enumerate(text) if not char.isspace()]
    count = round(part * len(places))
    return places[count - 1] + 1 if count else 0


@dataclass(eq=False)
class Piece:
    """A sentence on its way. ``entry`` is the message it belongs to; None: a filler."""

    text: str
    entry: Entry | None = None
    start: int | None = None  # its first frame's place in the queue
    written: int = 0
    whole: bool = False  # the voice has given all of it
    received: int = 0  # bytes that came from the voice
    frames: deque[Frames] = field(default_factory=deque)
    rest: bytes = b""
    marks: list[tuple[float, int]] = field(default_factory=list)  # seconds of its sound, characters

    @property
    def length(self) -> int:
        """Frames in all, guessed from the text while the voice is still at it."""
        known = self.written + sum(map(len, self.frames))
        if self.whole:
            return known
        return max(known + 1, int(len(self.text) / CHARACTERS_A_SECOND / BEAT_S))

    @property
    def over(self) -> bool:
        """Nothing of it is left to be written."""
        return self.whole and not self.frames

    def resume(self, start: int, upto: int) -> None:
        """Another process began it: its frames from ``start`` to ``upto`` are in the queue, and
        will not be written again when the voice repeats them."""
        self.start, self.written = start, upto - start
        self.received = self.written * BYTES

    def sound(self, pcm: bytes) -> None:
        """More of its sound, of any length."""
        self.received += len(pcm)
        pcm = self.rest + pcm
        end = len(pcm) - len(pcm) % BYTES
        self.rest = pcm[end:]
        if end:
            self.frames.append(frames_of(pcm[:end]))

    def mark(self, mark: Mark, before: int, received: int) -> None:
        """What the voice says of its sound, which follows ``received`` bytes and is about the text
        after the first ``before`` characters."""
        at_s = received / BYTES_PER_S + mark.at_s
        if not self.marks or at_s > self.marks[-1][0]:
            self.marks.append((at_s, before + letters(self.text[before:], mark.part)))

    def leave(self) -> int:
        """The voice breaks off: how many characters of the text another one need not say. What
        of a word has come that is neither whole nor in the queue is dropped."""
        come_s = self.received / BYTES_PER_S
        if not self.marks:
            return len(cut(self.text, come_s * CHARACTERS_A_SECOND / len(self.text)))
        at_s, said = max([m for m in self.marks if m[0] <= come_s], default=(0.0, 0))
        self.rest = b""
        spare = self.written + sum(map(len, self.frames)) - ceil(at_s / BEAT_S)
        while spare > 0 and self.frames:
            last = self.frames.pop()
            if len(last) > spare:
                self.frames.append(last[:-spare])
            spare -= len(last)
        self.received = (self.written + sum(map(len, self.frames))) * BYTES
        self.marks = [mark for mark in self.marks if mark[0] <= at_s]
        return said

    def end(self) -> None:
        """The voice has given all of it; the last frame is filled up with silence."""
        if self.rest:
            self.frames.append(frames_of(self.rest.ljust(BYTES, b"\0")))
            self.rest = b""
        self.whole = True

    def heard(self, upto: int) -> str:
        """Its text as far as it lies before frame ``upto`` of the queue."""
        if self.start is None:
            return ""
        played = upto - self.start
        if self.over and played >= self.written:
            return self.text
        played = max(0, min(played, self.written))
        if not self.marks:
            return cut(self.text, played / max(1, self.length))
        upto_s, ends = played * BEAT_S, [(self.length * BEAT_S, len(self.text))] * self.whole
        known = [mark for mark in [*self.marks, *ends] if mark[0] <= upto_s + 1e-9]
        return self.text[: max((characters for _, characters in known), default=0)]


class Reply:
    """The pieces, in order."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.begun = 0  # pieces whose first frame was taken here
        self._done = 0  # pieces, from the first, of which nothing is left to be written

    def add(self, text: str, entry: Entry | None = None) -> Piece:
        self.pieces.append(Piece(text, entry))
        return self.pieces[-1]

    @property
    def to_voice(self) -> Piece | None:
        """The piece whose sound is to be asked for next (or is just coming)."""
        return next((piece for piece in self._rest if not piece.whole), None)

    @property
    def over(self) -> bool:
        """Everything is in the row's queue."""
        pieces, count = self.pieces, len(self.pieces)
        while self._done < count and pieces[self._done].over:
            self._done += 1
        return self._done == count

    @property
    def _rest(self) -> Iterator[Piece]:
        """The pieces that are not over, and perhaps some that are."""
        return islice(self.pieces, self._done, None)

    @property
    def start(self) -> int | None:
        """The first frame's place in the queue."""
        return next((piece.start for piece in self.pieces if piece.start is not None), None)

    @property
    def backlog_s(self) -> float:
        """Seconds of sound that wait for room in the queue."""
        return sum(len(f) for piece in self._rest for f in piece.frames) * BEAT_S

    def take(self, room: int, written: int) -> Frames | None:
        """The next frames for the queue, at most ``room``; the queue's cursor is ``written``."""
        for piece in self._rest:
            if piece.frames and room > 0:
                frames = piece.frames.popleft()
                if len(frames) > room:
                    piece.frames.appendleft(frames[room:])
                    frames = frames[:room]
                if piece.start is None:
                    piece.start = written
                    self.begun += 1
                piece.written += len(frames)
                return frames
            if not piece.whole:
                return None
        return None

    def heard(self, upto: int) -> str:
        """The text that was said before frame ``upto`` of the queue."""
        text, before = "", None
        for piece in self.pieces:
            if text and (piece.entry is None or piece.entry is not before):
                text = f"{text.rstrip()} "
            text, before = text + piece.heard(upto), piece.entry
        return text.strip()

    def entries(self) -> list[Entry]:
        """The messages its pieces belong to, in order."""
        return list(dict.fromkeys(p.entry for p in self.pieces if p.entry is not None))

    def cut(self, upto: int) -> list[Entry]:
        """Shorten the messages to what was heard; returns them."""
        entries = self.entries()
        for entry in entries:
            heard = "".join(p.heard(upto) for p in self.pieces if p.entry is entry)
            entry.content = heard.strip()
        return entries
