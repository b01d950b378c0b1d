"""Speaking by a voice on this machine: Piper's and Kokoro's, through sherpa-onnx."""

from collections.abc import AsyncIterator

import numpy as np
import soxr  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field

from gateway.speech.contract import RATE
from gateway.speech.local.hearing import folder_of
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.shared import shared
from gateway.speech.worker import Worker

VENDOR = "sherpa-onnx"
PIECE = 6400  # bytes: 200 ms


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    speaker: int = Field(0, ge=0, description="of a model with several voices")
    speed: float = Field(1.0, gt=0, le=4)
    threads: int = Field(1, ge=1, le=64)


class LocalSpeaking:
    """One call's voice; the model is one for all calls of an agent process."""

    vendor = VENDOR
    tags = ()

    def __init__(self, model: str, options: Options, settings: VendorSettings) -> None:
        self._options = options
        self._timeout_s = settings.timeout_s
        self._command = ("voice", str(folder_of(model, settings)), str(options.threads), "")

    async def open(self) -> None:
        """Nothing: the model is loaded with the first sentence, or was for another call."""

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        worker = shared(
            ("local", *self._command),
            lambda: Worker(VENDOR, "gateway.speech.local.process", *self._command),
        )
        options = self._options
        request = {"text": text, "speaker": options.speaker, "speed": options.speed}
        answer, sound = await worker.ask(request, b"", max(60.0, self._timeout_s))
        samples = np.frombuffer(sound, np.int16)
        if answer["rate"] != RATE:
            samples = soxr.resample(samples, answer["rate"], RATE)
        pcm = samples.astype(np.int16).tobytes()
        for start in range(0, len(pcm), PIECE):
            yield pcm[start : start + PIECE]

    async def close(self) -> None:
        """The process is shared, and closed when the agent process leaves."""


def voice(model: str, options: Options, settings: VendorSettings, tag: str) -> LocalSpeaking:
    return LocalSpeaking(model, options, settings)
