"""A voice that is given text as models write it."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from gateway.speech.contract import RATE, Speaking
from gateway.speech.spoken.plan import FormatPlan
from gateway.speech.spoken.tags import Pause, parts
from gateway.speech.spoken.writing import Writing, spelled


class Reading:
    """Implements ``Speaking`` around the vendor's own: formats the text, spells what is to be
    spelled, and makes the pauses that tags ask for. Raises ConfigError for a plan that is wrong."""

    def __init__(self, voice: Speaking, plan: FormatPlan) -> None:
        self._voice = voice
        self._writing = Writing(plan)
        self.vendor = voice.vendor

    async def open(self) -> None:
        await self._voice.open()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        for part in parts(text):
            if isinstance(part, Pause):
                yield bytes(2 * int(part.seconds * RATE))
                continue
            said = spelled(part.text) if part.spelled else self._writing.spoken(part.text)
            if any(c.isalnum() for c in said):
                async with aclosing(self._voice.speak(said)) as sound:  # type: ignore[type-var]
                    async for pcm in sound:
                        yield pcm

    async def close(self) -> None:
        await self._voice.close()
