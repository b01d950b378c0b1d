"""The voice of one call: one piece at a time, in order, each tried again where it broke off."""

from contextlib import aclosing
from typing import Protocol

from gateway.agent.asking import Asking
from gateway.agent.reply import Piece
from gateway.agent.streams import Attempts, Clock, Spawn, faithful
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Speaking

PAUSES_S = (0.1, 0.5)


class Owner(Protocol):
    def voiced(self, piece: Piece) -> None:
        """There is more of its sound, or it is whole."""

    def voice_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...


class Voice(Asking):
    def __init__(
        self, speaking: Speaking, timeout_s: float, spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        super().__init__("speaking", "sound", spawn, clock)
        self.speaking = speaking
        self._timeout_s = timeout_s
        self._owner = owner
        self._piece: Piece | None = None
        self._attempts = Attempts(PAUSES_S)

    @property
    def _vendor(self) -> str:
        return self.speaking.vendor

    @property
    def _patience_s(self) -> float:
        return self._timeout_s

    @property
    def busy(self) -> bool:
        return self._piece is not None

    def open(self) -> None:
        self._opening(self.speaking.open())

    def say(self, piece: Piece, now: float) -> None:
        """Ask for the sound of ``piece``, which must be the only one under way."""
        if not any(c.isalnum() for c in piece.text):
            piece.end()  # nothing to pronounce
            self._owner.voiced(piece)
            return
        self._piece = piece
        self._attempts.succeeded()
        self._begin(now)

    def cancel(self) -> None:
        self._stop()
        self._piece = None

    async def _run(self) -> None:
        piece = self._piece
        if piece is None:
            return
        vendor = self.speaking.vendor
        known = piece.received  # by an earlier attempt; a voice says the same text in one way
        try:
            async with aclosing(faithful(vendor, self.speaking.speak(piece.text))) as sound:
                async for pcm in sound:
                    self._came()
                    new, known = pcm[known:], max(0, known - len(pcm))
                    if new:
                        piece.sound(new)
                        self._owner.voiced(piece)
            if not piece.received:
                raise VendorError(vendor, Fault.THEIRS, "no sound for a sentence")
        except VendorError as error:
            self._failed(error, self._clock())
            return
        self._task = self._piece = None
        piece.end()
        self._owner.voiced(piece)

    def _again(self, error: VendorError, now: float) -> float | None:
        after = self._attempts.failed(error)
        if after is not None:
            self._owner.retrying(error, after)
        return after

    def _given_up(self, error: VendorError) -> None:
        self._piece = None
        self._owner.voice_failed(error)
