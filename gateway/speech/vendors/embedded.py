"""The embedded ear: pocketsphinx with a grammar of the phrases that the dialogue expects.

No key, no network. It knows only what it is told to expect, so it is asked again when unsure,
and a dialogue that expects anything at all hears nothing through it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import Heard
from gateway.speech.script import DIGITS
from gateway.speech.settings import VendorSettings
from gateway.speech.utterances import BYTES_PER_S, Gate
from gateway.speech.vendors.faults import broken
from gateway.speech.vendors.shared import shared
from gateway.speech.worker import Worker

VENDOR = "embedded"
LONGEST_S = 15.0  # of an utterance; no phrase of a dialogue is longer


class EarOptions(BaseModel):
    """``options``: how sure the recogniser must be."""

    model_config = ConfigDict(extra="forbid")

    confidence_threshold: float = Field(0.5, ge=0, le=1, description="below: not understood")


class EmbeddedHearing:
    """One call's speech recognition."""

    vendor = VENDOR

    def __init__(self, model: str, options: EarOptions, settings: VendorSettings, tag: str) -> None:
        self._threshold = options.confidence_threshold
        self._timeout_s = settings.timeout_s
        self._expected: tuple[str, ...] = ()
        self._gate = Gate()
        self._utterance = bytearray()
        self._said: asyncio.Queue[tuple[tuple[str, ...], bytes] | None] = asyncio.Queue()

    async def open(self) -> None:
        """Start the recogniser, so that the first utterance does not wait for it."""
        try:
            await self._worker().start()
        except OSError as error:
            raise broken(VENDOR, error) from error

    def _worker(self) -> Worker:
        return shared("recogniser", lambda: Worker(VENDOR, "gateway.speech.vendors.recogniser"))

    def hear(self, pcm: bytes) -> None:
        sound, over = self._gate.hear(pcm)
        if len(self._utterance) < LONGEST_S * BYTES_PER_S:
            self._utterance += sound
        if over:
            # The phrases of this moment: while the recogniser is busy, the dialogue may go on.
            self._said.put_nowait((self._expected, bytes(self._utterance)))
            self._utterance.clear()

    def onset(self) -> None:
        self._gate.onset()

    def offset(self) -> None:
        self._gate.offset()

    def expect(self, phrases: Sequence[str]) -> None:
        self._expected = tuple(sorted(phrases))

    async def events(self) -> AsyncIterator[Heard]:
        while (said := await self._said.get()) is not None:
            phrases, pcm = said
            if not phrases:
                yield Heard("", final=True, confidence=0.0)
                continue
            request = {"phrases": list(phrases)}
            answer, _ = await self._worker().ask(request, pcm, self._timeout_s)
            text, sure = answer["text"], answer["confidence"]
            if sure < self._threshold:
                text = ""
            # A whole phrase leaves nothing to wait for; digits may go on.
            ended = bool(text) and (DIGITS not in phrases or text in phrases)
            yield Heard(text, True, ended, sure)

    async def close(self) -> None:
        self._said.put_nowait(None)
