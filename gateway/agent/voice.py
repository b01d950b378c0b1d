"""The voices of one call: one piece at a time, in order, by its own or by the next that works.

The same voice, asked again, is taken to say the same, so that what has come already is left out.
Another one is asked for the words of which no sound has come.
"""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gateway.agent.asking import Asking
from gateway.agent.reply import Piece
from gateway.agent.streams import Clock, Spawn, faithful
from gateway.agent.succession import Succession
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Mark, Speaking

log = logging.getLogger(__name__)

PAUSES_S = (0.1, 0.5)
SUBSTITUTE_S = 3.0  # with another voice to go to, one that is silent for so long is left


class Owner(Protocol):
    def voiced(self, piece: Piece) -> None:
        """There is more of its sound, or it is whole."""

    def voice_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...

    def substituted(self, error: VendorError, by: str) -> None: ...


@dataclass(frozen=True)
class Speaker:
    speaking: Speaking
    timeout_s: float
    remembers: bool = False  # what it has said


class Voice(Asking):
    """``speakers``: in the order of preference, at least one. One that has taken over stays: a
    caller who hears the voice change once need not hear it change back."""

    def __init__(
        self, speakers: Sequence[Speaker], spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        super().__init__("speaking", "sound", spawn, clock)
        self._speakers = speakers
        self._order = list(range(len(speakers)))
        self._succession = Succession(PAUSES_S)
        self._owner = owner
        self._piece: Piece | None = None
        self._before = 0  # characters of the piece that others have said,
        self._received = 0  # and the bytes of their sound

    @property
    def _speaker(self) -> Speaker:
        return self._speakers[self._succession.current]

    @property
    def vendor(self) -> str:
        """Who speaks now."""
        return self._speaker.speaking.vendor

    @property
    def _vendor(self) -> str:
        return self.vendor

    @property
    def _patience_s(self) -> float:
        limit = SUBSTITUTE_S if self._succession.others else float("inf")
        return min(self._speaker.timeout_s, limit)

    @property
    def busy(self) -> bool:
        return self._piece is not None

    def open(self) -> None:
        self._succession.begin(self._order, self._clock())
        self._opening(self._speaker.speaking.open())

    def prepare(self, texts: Sequence[str]) -> None:
        """These will be said soon, and a voice that remembers can be asked for them now."""
        speaker = self._speaker
        if speaker.remembers:
            self._spawn(_prepared(speaker.speaking, texts), "prepare")

    def say(self, piece: Piece, now: float) -> None:
        """Ask for the sound of ``piece``, which must be the only one under way."""
        if not _pronounceable(piece.text):
            piece.end()
            self._owner.voiced(piece)
            return
        self._piece = piece
        self._before = self._received = 0
        self._succession.begin(self._order, now)
        self._begin(now)

    def cancel(self) -> None:
        self._stop()
        self._piece = None

    async def _run(self) -> None:
        piece = self._piece
        if piece is None:
            return
        if not _pronounceable(piece.text[self._before :]):
            self._said(piece)
            return
        speaking = self._speaker.speaking
        known = piece.received - self._received  # by an earlier attempt
        try:
            sounds = faithful(speaking.vendor, speaking.speak(piece.text[self._before :]))
            async with aclosing(sounds) as sound:
                async for pcm in sound:
                    self._came()
                    if isinstance(pcm, Mark):
                        piece.mark(pcm, self._before, self._received)
                        continue
                    new, known = pcm[known:], max(0, known - len(pcm))
                    if new:
                        piece.sound(new)
                        self._owner.voiced(piece)
            if piece.received == self._received:
                raise VendorError(speaking.vendor, Fault.THEIRS, "no sound for a sentence")
        except VendorError as error:
            self._failed(error, self._clock())
            return
        self._succession.succeeded()
        self._said(piece)

    def _said(self, piece: Piece) -> None:
        self._task = self._piece = self._due = None
        piece.end()
        self._owner.voiced(piece)

    def _again(self, error: VendorError, now: float) -> float | None:
        before = self._speaker
        after = self._succession.failed(error, now)
        if after is None:
            return None
        if self._speaker is before:
            self._owner.retrying(error, after)
            return after
        current = self._succession.current
        self._order.sort(key=lambda number: number != current)
        self._owner.substituted(error, self._vendor)
        if self._piece:
            self._before = self._piece.leave()
            self._received = self._piece.received
        return after

    def _given_up(self, error: VendorError) -> None:
        self._piece = None
        self._owner.voice_failed(error)


async def _prepared(speaking: Speaking, texts: Sequence[str]) -> None:
    try:
        for text in texts:
            async with aclosing(faithful(speaking.vendor, speaking.speak(text))) as sound:
                async for _ in sound:
                    pass
    except VendorError as error:  # it will be asked again when it is to be said
        log.warning("nothing is prepared: %s", error)


def _pronounceable(text: str) -> bool:
    return any(c.isalnum() for c in text)
