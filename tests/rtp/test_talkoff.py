"""No key is found in speech. `python -m tests.rtp.test_talkoff 60` tries an hour of it."""

import asyncio
import random
import sys

import numpy as np
import soxr

from gateway.rtp.digits import KEYS
from gateway.rtp.inband import FRAME, InBand
from gateway.speech.contract import RATE
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

VOICES = ["en-us", "en-gb", "en-gb-scotland", "de", "fr", "es", "it", "pl", "en-us+f2", "en-us+f5",
          "en-us+m3", "en-us+m7", "fr+f3", "de+f4", "en-us+whisper", "en-us+croak"]  # fmt: skip
WORDS = """yes no please thank you could would appointment tomorrow Tuesday morning address street
number seven nine zero two five order delivery missing invoice account balance transfer speak
person operator hello goodbye maybe wonderful terrible weather kitchen music violin whistle siren
bell ring ooh aah mmm hmm woo yeah wow sheep three bee moon soon food loom alarm arm farm calm one
eleven million Philadelphia Mississippi onomatopoeia queue banana""".split()  # noqa: SIM905
AT_ONCE = 16  # stretches of one voice that are listened to as rows of their own


async def speech(minutes: float):
    """Sound as it comes out of a telephone, at varied pace, pitch and level, voice by voice."""
    chance, samples = random.Random(1), 0
    while samples < 60 * RATE * minutes:
        for name in VOICES:
            voice = Voice(
                voice=name,
                words_per_minute=chance.randrange(110, 220),
                pitch=chance.randrange(5, 96),
            )
            text = " ".join(chance.choices(WORDS, k=60))
            said = b"".join([piece async for piece in EspeakSpeaking(voice).speak(text)])
            wide = np.frombuffer(said, np.int16).astype(np.float32)
            sound = soxr.resample(soxr.resample(wide, RATE, 8000), 8000, RATE)
            sound = np.clip(sound * chance.choice([0.2, 0.5, 1, 1.5]), -32767, 32767)
            samples += len(sound)
            yield name, sound.astype(np.int16)


async def keys_in_speech(minutes: float) -> list[tuple[str, str]]:
    """Each key that was found, and in which voice."""
    found = []
    async for voice, sound in speech(minutes):
        beats = len(sound) // FRAME // AT_ONCE
        frames = sound[: beats * AT_ONCE * FRAME].reshape(AT_ONCE, beats, FRAME)
        ears, rows = InBand(AT_ONCE), np.arange(AT_ONCE)
        for beat in range(beats):
            began, codes = ears.listen(rows, frames[:, beat])
            found += [(voice, KEYS[code]) for code in codes[began]]
    return found


async def test_no_key_is_found_in_minutes_of_speech() -> None:
    assert await keys_in_speech(5.0) == []


if __name__ == "__main__":
    print(asyncio.run(keys_in_speech(float(sys.argv[1]))))
