"""Sentences as they come out of a telephone: made by eSpeak NG, 8 kHz, 300 to 3,400 Hz, µ-law."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from gateway.probe.child import tied
from gateway.speech.contract import RATE
from gateway.speech.vendors.espeak import EspeakSpeaking, Voice

Samples = npt.NDArray[np.int16]
MU = 255


def degraded(sound: Samples, gain: float = 1.0, noise: float = 15.0, seed: int = 0) -> Samples:
    """The same at 16 kHz after a telephone line."""
    narrow = soxr.resample(sound.astype(np.float32), RATE, 8000)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum[(hertz < 300) | (hertz > 3400)] *= 0.05
    line = np.fft.irfft(spectrum, len(narrow)) * gain
    line += np.random.default_rng(seed).normal(0, noise, len(line))
    share = np.clip(line / 32768, -1, 1)
    coded = np.round((np.sign(share) * np.log1p(MU * abs(share)) / np.log1p(MU) + 1) * 127.5)
    share = coded / 127.5 - 1
    share = np.sign(share) * ((1 + MU) ** abs(share) - 1) / MU
    wide = soxr.resample((share * 32767).astype(np.float32), 8000, RATE)
    return np.clip(wide, -32768, 32767).astype(np.int16)


async def utterance(text: str, voice: str = "en-us") -> bytes:
    """``text`` with the silence that a voice activity detector leaves around it."""
    return (await utterances([(text, voice)]))[0]


async def utterances(said: Sequence[tuple[str, str]]) -> list[bytes]:
    """Texts and voices. In a process of their own, because eSpeak NG never says a thing twice in
    quite the same way: what it has said before decides, and with it what is understood."""
    process = await asyncio.create_subprocess_exec(
        *tied([sys.executable, "-m", "tests.speech.telephone", json.dumps(said)]),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    made, _ = await process.communicate()
    lengths = json.loads(made[: made.index(b"\n")])
    sound, found = made[made.index(b"\n") + 1 :], []
    for length in lengths:
        found.append(sound[:length])
        sound = sound[length:]
    return found


async def _made(text: str, voice: str) -> bytes:
    speaking = EspeakSpeaking(Voice(voice=voice, words_per_minute=150))
    sound = np.frombuffer(b"".join([p async for p in speaking.speak(text)]), np.int16)
    loud = np.flatnonzero(np.abs(sound) > 600)
    sound = sound[loud[0] : loud[-1]]
    quiet = [np.zeros(int(RATE * seconds), np.int16) for seconds in (0.3, 0.26)]
    return degraded(np.concatenate([quiet[0], sound, quiet[1]])).tobytes()


async def main() -> None:
    made = [await _made(text, voice) for text, voice in json.loads(sys.argv[1])]
    sys.stdout.buffer.write(json.dumps([len(sound) for sound in made]).encode() + b"\n")
    sys.stdout.buffer.write(b"".join(made))


if __name__ == "__main__":
    asyncio.run(main())
