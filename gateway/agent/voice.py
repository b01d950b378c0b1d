"""The voice of one call: one piece at a time, in order, each tried again where it broke off."""

from contextlib import aclosing
from typing import Protocol

from gateway.agent.reply import Piece
from gateway.agent.streams import Attempts, Clock, Running, Spawn, faithful, harmless, stalled
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Speaking

PAUSES_S = (0.1, 0.5)


class Owner(Protocol):
    def voiced(self, piece: Piece) -> None:
        """There is more of its sound, or it is whole."""

    def voice_failed(self, error: VendorError) -> None: ...

    def retrying(self, error: VendorError, after_s: float) -> None: ...


class Voice:
    def __init__(
        self, speaking: Speaking, timeout_s: float, spawn: Spawn, clock: Clock, owner: Owner
    ) -> None:
        self.speaking = speaking
        self._timeout_s = timeout_s
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        self._ready = False
        self._piece: Piece | None = None
        self._task: Running | None = None
        self._due: float | None = None
        self._deadline = 0.0
        self._attempts = Attempts(PAUSES_S)

    @property
    def busy(self) -> bool:
        return self._piece is not None

    def open(self) -> None:
        self._deadline = self._clock() + self._timeout_s
        self._spawn(self._open(), "speaking-open")

    async def _open(self) -> None:
        await harmless(f"opening {self.speaking.vendor}", self.speaking.open())
        self._ready = True
        self.beat(self._clock())

    def say(self, piece: Piece, now: float) -> None:
        """Ask for the sound of ``piece``, which must be the only one under way."""
        if not any(c.isalnum() for c in piece.text):
            piece.end()  # nothing to pronounce
            self._owner.voiced(piece)
            return
        self._piece = piece
        self._attempts.succeeded()
        self._due = now
        self.beat(now)

    def cancel(self) -> None:
        if self._task:
            self._task.cancel()
        self._task = self._piece = self._due = None

    def beat(self, now: float) -> None:
        """Begin what is due; notice what has stalled."""
        if not self._ready:
            self._ready = now >= self._deadline
        elif self._due is not None and now >= self._due:
            self._due = None
            self._deadline = now + self._timeout_s
            self._task = self._spawn(self._run(), "speaking")
        elif self._task and now >= self._deadline:
            self._task.cancel()
            self._failed(stalled(self.speaking.vendor, "sound", self._timeout_s), now)

    async def _run(self) -> None:
        piece = self._piece
        if piece is None:
            return
        vendor = self.speaking.vendor
        known = piece.received  # by an earlier attempt; a voice says the same text in one way
        try:
            async with aclosing(faithful(vendor, self.speaking.speak(piece.text))) as sound:
                async for pcm in sound:
                    self._deadline = self._clock() + self._timeout_s
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

    def _failed(self, error: VendorError, now: float) -> None:
        self._task = None
        after = self._attempts.failed(error)
        if after is None:
            self._piece = None
            self._owner.voice_failed(error)
        else:
            self._due = now + after
            self._owner.retrying(error, after)
