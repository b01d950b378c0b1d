"""Sentences for the phones to say."""

import asyncio
import functools

import numpy as np
import soxr

from gateway.speech.vendors.espeak import EspeakSpeaking, Voice
from gateway_codecs import g711
from tests.bench.plan import FRAME, LOUD

RATE = 8000


@functools.cache
def clip(text: str) -> bytes:
    """A sentence as µ-law, said by eSpeak NG, cut so that its first and last beat are speech."""
    pcm = np.frombuffer(asyncio.run(_spoken(text)), np.int16)
    samples = soxr.resample(pcm, 16_000, RATE)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    (loud,) = np.nonzero(np.abs(frames.astype(np.int32)).max(axis=1) >= 4 * LOUD)
    return g711.encode_mulaw(frames[loud[0] : loud[-1] + 1]).tobytes()


async def _spoken(text: str) -> bytes:
    return b"".join([piece async for piece in EspeakSpeaking(Voice()).speak(text)])
