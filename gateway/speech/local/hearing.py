"""Hearing by a model on this machine: ``sherpa-onnx`` as the sound comes, ``faster-whisper`` by the
utterance. A model is a path, or the name of a folder that ``trunkline models`` has fetched."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import VendorError
from gateway.speech.contract import Heard
from gateway.speech.settings import VendorSettings
from gateway.speech.utterances import BYTES_PER_S, Gate
from gateway.speech.vendors.faults import broken
from gateway.speech.vendors.shared import shared
from gateway.speech.worker import Worker

PIECE_S = 0.1  # of sound goes to the model at once
LONGEST_S = 60.0  # of one utterance


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: str = Field("", description="for Whisper; empty: it finds out")
    threads: int = Field(1, ge=1, le=64)


def folder_of(model: str, settings: VendorSettings) -> Path:
    """Where a model lies: a path, or a name below ``base_url``, the folder of fetched ones."""
    return Path(model) if "/" in model else Path(settings.base_url or "models") / model


class LocalHearing:
    """One call's speech recognition."""

    def __init__(self, vendor: str, model: str, options: Options, settings: VendorSettings) -> None:
        self.vendor = vendor
        self._timeout_s = settings.timeout_s
        self._command = (
            vendor, str(folder_of(model, settings)), str(options.threads), options.language,
        )  # fmt: skip
        self._call = uuid4().hex
        self._gate = Gate()
        self._piece = bytearray()
        self._length_s = 0.0
        self._out: asyncio.Queue[tuple[bytes, bool] | None] = asyncio.Queue()

    async def open(self) -> None:
        """Load the model, if this is the first call that needs it."""
        try:
            await self._ask("begin", timeout_s=max(60.0, self._timeout_s))
        except OSError as error:
            raise broken(self.vendor, error) from error

    def hear(self, pcm: bytes) -> None:
        sound, over = self._gate.hear(pcm)
        self._length_s += len(sound) / BYTES_PER_S
        if self._length_s < LONGEST_S:
            self._piece += sound
        if over or len(self._piece) >= PIECE_S * BYTES_PER_S:
            self._out.put_nowait((bytes(self._piece), over))
            self._piece.clear()
        if over:
            self._length_s = 0.0

    def onset(self) -> None:
        self._gate.onset()

    def offset(self) -> None:
        self._gate.offset()

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        shown = ""
        while (said := await self._out.get()) is not None:
            sound, over = said
            text = await self._ask("sound", sound)
            if over:
                text = await self._ask("end")
                yield Heard(text, final=True)
                shown = ""
            elif text != shown:
                yield Heard(shown := text)

    async def _ask(self, what: str, sound: bytes = b"", timeout_s: float | None = None) -> str:
        worker = shared(
            ("local", *self._command),
            lambda: Worker(self.vendor, "gateway.speech.local.process", *self._command),
        )
        request = {"do": what, "call": self._call}
        answer, _ = await worker.ask(request, sound, timeout_s or self._timeout_s)
        return str(answer.get("text", ""))

    async def close(self) -> None:
        self._out.put_nowait(None)
        try:
            await self._ask("close")
        except (VendorError, OSError):
            return  # what has died holds no state


def sherpa(model: str, options: Options, settings: VendorSettings, tag: str) -> LocalHearing:
    return LocalHearing("sherpa-onnx", model, options, settings)


def whisper(model: str, options: Options, settings: VendorSettings, tag: str) -> LocalHearing:
    return LocalHearing("faster-whisper", model, options, settings)
