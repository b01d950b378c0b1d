"""Half a minute of speech to rate: Harvard sentences in four voices, with pauses between them."""

import asyncio
import functools

import numpy as np
import numpy.typing as npt

from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

RATE = 16_000
PAUSE_S = 0.6
SAID = (
    ("en-gb", "The birch canoe slid on the smooth planks. Glue the sheet to the dark background."),
    ("en-us+f3", "It's easy to tell the depth of a well. These days a chicken leg is a rare dish."),
    (
        "en-gb-scotland+f2",
        "Rice is often served in round bowls. The juice of lemons makes fine punch.",
    ),
    ("en-gb-x-rp", "The box was thrown beside the parked truck. The hogs were fed chopped corn."),
)


@functools.cache
def recording() -> npt.NDArray[np.int16]:
    """At 16 kHz, whole frames of 20 ms."""
    parts = [np.zeros(int(PAUSE_S * RATE), np.int16)]
    for name, text in SAID:
        for sentence in text.split(". "):
            parts += [_spoken(name, sentence), parts[0]]
    sound = np.concatenate(parts)
    return sound[: len(sound) // 320 * 320]


def _spoken(voice: str, text: str) -> npt.NDArray[np.int16]:
    async def speak() -> bytes:
        return b"".join([piece async for piece in EspeakSpeaking(Voice(voice=voice)).speak(text)])

    return np.frombuffer(asyncio.run(speak()), np.int16)
