"""The embedded ear: pocketsphinx with a grammar of the phrases that the dialogue expects.

No key, no network. It knows only what it is told to expect, so it is asked again when unsure,
and a dialogue that expects anything at all hears nothing through it.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

import gateway
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Heard
from gateway.speech.script import DIGITS
from gateway.speech.settings import VendorSettings
from gateway.speech.utterances import BYTES_PER_S, Gate
from gateway.speech.vendors.faults import broken
from gateway.speech.vendors.shared import shared

VENDOR = "embedded"
LONGEST_S = 15.0  # of an utterance; no phrase of a dialogue is longer


class EarOptions(BaseModel):
    """``options``: how sure the recogniser must be."""

    model_config = ConfigDict(extra="forbid")

    confidence_threshold: float = Field(0.5, ge=0, le=1, description="below: not understood")


class _Worker:
    """The recogniser's process, started when it is first needed and again if it dies."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._starting = asyncio.Lock()  # calls that begin together start one process
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                ours = str(Path(gateway.__file__).parent.parent)
                paths = [ours, *filter(None, [os.environ.get("PYTHONPATH")])]
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "gateway.speech.vendors.recogniser"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                )
            return self._process

    async def recognise(
        self, phrases: Sequence[str], pcm: bytes, timeout_s: float
    ) -> tuple[str, float]:
        """A caller who hangs up meanwhile leaves the answer to be read: it is not another's."""
        asking = asyncio.ensure_future(self._in_turn(phrases, pcm, timeout_s))
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asking)

    async def _in_turn(
        self, phrases: Sequence[str], pcm: bytes, timeout_s: float
    ) -> tuple[str, float]:
        async with self._turn:
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._ask(phrases, pcm)
            except TimeoutError as error:
                await self.close()
                raise VendorError(VENDOR, Fault.OVERLOAD, "the recogniser is stuck") from error
            except (OSError, EOFError) as error:
                await self.close()
                raise VendorError(VENDOR, Fault.THEIRS, "the recogniser died") from error

    async def _ask(self, phrases: Sequence[str], pcm: bytes) -> tuple[str, float]:
        process = await self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        request = json.dumps({"phrases": list(phrases), "bytes": len(pcm)}).encode()
        process.stdin.write(len(request).to_bytes(4, "big") + request + pcm)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        answer = json.loads(await process.stdout.readexactly(size))
        return answer["text"], answer["confidence"]

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()  # reads to the end, so that the pipes are closed


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

    def _worker(self) -> _Worker:
        return shared("recogniser", _Worker)

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
            text, sure = await self._worker().recognise(phrases, pcm, self._timeout_s)
            if sure < self._threshold:
                text = ""
            # A whole phrase leaves nothing to wait for; digits may go on.
            ended = bool(text) and (DIGITS not in phrases or text in phrases)
            yield Heard(text, True, ended, sure)

    async def close(self) -> None:
        self._said.put_nowait(None)
