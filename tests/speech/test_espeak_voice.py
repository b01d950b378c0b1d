"""eSpeak NG: sound at 16 kHz, once for all calls, and stopped when nobody listens."""

import asyncio

import numpy as np
import pytest

from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import RATE, Speaking
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors import espeak
from gateway.speech.vendors.espeak import Voice


def voice(**options: object) -> Speaking:
    return catalog.speaking("embedded", "", options, VendorSettings(), "call-1")


async def spoken(text: str, **options: object) -> bytes:
    return b"".join([piece async for piece in voice(**options).speak(text)])


async def test_a_sentence_is_sound_and_comes_in_pieces() -> None:
    speaking = voice()
    await speaking.open()
    text = "The very first words of this sentence are here before its last ones."
    pieces = [piece async for piece in speaking.speak(text)]
    assert len(pieces) > 10
    assert all(len(piece) % 2 == 0 for piece in pieces)
    sound = np.frombuffer(b"".join(pieces), np.int16)
    assert 3 * RATE < len(sound) < 6 * RATE
    assert np.abs(sound).max() > 5000
    await speaking.close()


async def test_options_change_the_voice() -> None:
    plain = await spoken("one two three four")
    assert len(await spoken("one two three four", words_per_minute=300)) < len(plain) * 0.7
    assert await spoken("one two three four", pitch=90) != plain
    assert await spoken("one two three four", voice="en-us+f3") != plain
    assert await spoken("one two three four", voice="en-gb") != plain
    assert await spoken("one two three four") == plain


async def test_many_calls_share_one_synthesis(monkeypatch: pytest.MonkeyPatch) -> None:
    library, made = espeak._library(), []
    real = library.speak

    def counted(*args: object) -> None:
        made.append(args[1])
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(library, "speak", counted)
    text = "Nobody has said this before, and now everybody does."
    sounds = await asyncio.gather(*(spoken(text) for _ in range(50)))
    assert made == [text]
    assert len(set(sounds)) == 1
    assert sounds[0]


async def test_a_sentence_that_nobody_hears_any_more_is_stopped() -> None:
    speech = voice().speak("This goes on. " * 200)
    assert await anext(speech)
    await speech.aclose()  # type: ignore[attr-defined]
    assert await spoken("Next.")


async def test_what_cannot_be_said_is_silence() -> None:
    assert len(await spoken("")) < RATE
    assert len(await spoken("\0…\0")) < RATE * 2


async def test_an_unknown_voice_is_ours_to_mend() -> None:
    with pytest.raises(VendorError, match="no 'klingon-xx'") as failure:
        await spoken("Hello.", voice="klingon-xx")
    assert failure.value.fault is Fault.OURS
    assert await spoken("Hello.")


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"embedded: words_per_minute: .* 80"):
        voice(words_per_minute=3)


def test_the_oldest_sentences_are_forgotten_first() -> None:
    kept, one = espeak._Sentences(100), Voice()
    kept.put((one, "a"), b"x" * 40)
    kept.put((one, "b"), b"x" * 40)
    assert kept.get((one, "a"))
    kept.put((one, "c"), b"x" * 40)
    assert (kept.get((one, "b")), kept.get((one, "c"))) == (None, b"x" * 40)
    kept.put((one, "huge"), b"x" * 101)
    assert kept.get((one, "huge")) is None
    assert kept.get((one, "a"))
