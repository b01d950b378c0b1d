"""A transcriber that knows what the caller says, and hears it only if the sound arrives.

Each frame that the gateway's media path made of the caller's speech is known by its bytes, so that
words are "recognised" in whatever order, how often and by whichever vendor the sound is given to.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from random import Random

from gateway.errors import VendorError
from gateway.media.lines import FRAME
from gateway.simulate.health import Health, Pace
from gateway.simulate.settings import HearingManner
from gateway.simulate.sounds import Utterance
from gateway.speech.contract import Heard

KEPT = 1500  # frames whose meaning is remembered: 30 s
LOST = 2  # frames at the end of an utterance that need not arrive
_BYTES = 2 * FRAME


class Ears:
    """What the frames of one call mean."""

    def __init__(self) -> None:
        self._meaning: OrderedDict[bytes, tuple[Utterance, int]] = OrderedDict()

    def learn(self, frame: bytes, utterance: Utterance, number: int) -> None:
        """This frame is the ``number``-th of what is being said."""
        self._meaning[frame] = (utterance, number)
        if len(self._meaning) > KEPT:
            self._meaning.popitem(last=False)

    def meaning(self, frame: bytes) -> tuple[Utterance, int] | None:
        return self._meaning.get(frame)


class SimulatedHearing:
    """One call's. For each onset there is a final, with empty text if there were no words."""

    def __init__(self, health: Health, ears: Ears, manner: HearingManner, dice: Random) -> None:
        self.vendor = health.vendor
        self._health = health
        self._ears = ears
        self._manner = manner
        self._pace = Pace(manner.jitter_ms, dice)
        self._words: asyncio.Queue[tuple[float, Heard] | VendorError | None] = asyncio.Queue()
        self._told = ""  # interim words of the utterance that is being heard
        self._whole: Utterance | None = None  # the one that was heard to its end
        self._heard_words = False  # since the onset

    async def open(self) -> None:
        await self._health.takes(self._pace.s(self._manner.open_ms))

    def hear(self, pcm: bytes) -> None:
        for begin in range(0, len(pcm), _BYTES):
            if known := self._ears.meaning(pcm[begin : begin + _BYTES]):
                self._recognise(*known)

    def _recognise(self, utterance: Utterance, number: int) -> None:
        self._heard_words = True
        last = max(1, len(utterance.frames) - 1 - LOST)
        if utterance is self._whole:
            return
        if number < last:
            words = utterance.said_by(number / last)
            if words and words != self._told and self._manner.interims:
                self._told = words
                self._say(Heard(words))
            return
        self._told, self._whole = "", utterance
        if self._manner.eager:
            self._say(Heard(utterance.text, eager=True))
        self._say(Heard(utterance.text, final=True, ended=self._manner.ends_turns))

    def _say(self, heard: Heard) -> None:
        late_ms = self._manner.late_ms
        if heard.eager:
            late_ms /= 2
        self._words.put_nowait((self._health.clock.now + self._pace.s(late_ms), heard))

    def onset(self) -> None:
        self._heard_words = False

    def offset(self) -> None:
        if not self._heard_words:
            self._say(Heard("", final=True))

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        self._health.connected.add(self._cut)
        while (said := await self._words.get()) is not None:
            if isinstance(said, VendorError):
                raise said
            due, heard = said
            await self._health.takes(due - self._health.clock.now)
            yield heard

    def _cut(self, error: VendorError) -> None:
        self._words.put_nowait(error)

    async def close(self) -> None:
        self._health.connected.discard(self._cut)
        self._words.put_nowait(None)
