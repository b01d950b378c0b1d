"""Utterances cut out of a call's sound, for a transcriber that takes them one at a time."""

from collections import deque

from gateway.speech.contract import RATE

BYTES_PER_S = RATE * 2
BEFORE_S = 0.3  # sound from before the detector noticed that speech began
AFTER_S = 0.2  # a shorter pause is one within a phrase, as before a "p" or "t"


class Gate:
    """Lets through the caller's speech, and a little of what is around it."""

    def __init__(self) -> None:
        self.open = False
        self._before: deque[bytes] = deque()
        self._before_bytes = 0
        self._silence_bytes: int | None = None  # since the offset

    def onset(self) -> None:
        self.open = True
        self._silence_bytes = None

    def offset(self) -> None:
        if self.open:
            self._silence_bytes = 0

    def hear(self, pcm: bytes) -> tuple[bytes, bool]:
        """What of the sound belongs to an utterance, and whether that is over with it."""
        if not self.open:
            self._before.append(pcm)
            self._before_bytes += len(pcm)
            while self._before_bytes - len(self._before[0]) >= BEFORE_S * BYTES_PER_S:
                self._before_bytes -= len(self._before.popleft())
            return b"", False
        sound = b"".join((*self._before, pcm))
        self._before.clear()
        self._before_bytes = 0
        if self._silence_bytes is not None:
            self._silence_bytes += len(pcm)
            if self._silence_bytes >= AFTER_S * BYTES_PER_S:
                self.open, self._silence_bytes = False, None
                return sound, True
        return sound, False
