"""Whether somebody has finished, by the words and by the sound."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent import prosody
from gateway.agent.estimate import likelihood, log_odds, wait_s
from gateway.agent.prosody import MOST, Tail
from gateway.agent.tongues import Tongue, tongue, tongue_of
from gateway.media.lines import FRAME

LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "nl", "pt", "zh")


def goes_on(text: str, asked: str = "", language: str = "en") -> float:
    return likelihood(log_odds(text, asked, tongue(language)))


# Of each pair the first is more of an end than the second.
@pytest.mark.parametrize(
    ("ended", "open_", "asked", "language"),
    [
        ("What time is it?", "What time is", "", "en"),
        ("I need a room.", "I need a room", "", "en"),
        ("I need a room", "I need a", "", "en"),
        ("a room with a view", "a room with", "", "en"),
        ("yes", "yes but", "", "en"),
        ("I see it", "I see it, um", "", "en"),
        ("0305551234567", "030555", "What is your phone number?", "en"),
        ("four", "four", "", "en"),
        ("four", "four seven", "", "en"),
        ("two", "two", "", "en"),
        ("it is fine", "it is fine, hold on", "", "en"),
        ("Ja.", "Ja, und", "", "de"),
        ("Das ist alles, danke", "Das ist", "", "de"),
        ("oui", "oui mais", "", "fr"),
        ("c'est tout", "c'est le", "", "fr"),
        ("es todo", "es el", "", "es"),
        ("va bene", "va bene ma", "", "it"),
        ("obrigado", "obrigado mas", "", "pt"),
        ("dat is alles", "dat is het", "", "nl"),
        ("はい", "はい、それで", "", "ja"),
        ("好的", "我想要", "", "zh"),
    ],
)
def test_one_is_more_of_an_end(ended: str, open_: str, asked: str, language: str) -> None:
    assert goes_on(ended, asked, language) <= goes_on(open_, asked, language)


def test_a_number_that_was_asked_for_has_more_digits_to_come() -> None:
    asked = "What is your phone number?"
    assert goes_on("zero three zero", asked) > 0.8 > goes_on("zero three zero") > 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_what_counts(language: str) -> None:
    known = tongue(language)
    assert known.acknowledgements
    assert known.interruptions
    for name in ("fillers", "holds", "complete", "numbers", "asks_number"):
        assert getattr(known, name)._phrases, name
    assert known.endings or known.open._phrases


def test_a_tag_in_any_form_is_its_language() -> None:
    assert tongue("de-CH") is not None
    assert tongue("pt_BR").acknowledgements == tongue("pt").acknowledgements
    assert tongue("xx").acknowledgements == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ich möchte das nicht", "de"),
        ("je ne sais pas", "fr"),
        ("what do you want", "en"),
        ("no quiero esto para el", "es"),
        ("", "en"),
    ],
)
def test_of_several_languages_the_one_that_knows_the_words(text: str, language: str) -> None:
    assert tongue_of("multi", text.split()) is tongue(language)


@given(st.text(), st.text(), st.sampled_from(LANGUAGES))
def test_any_text_has_a_probability_and_a_wait(text: str, asked: str, language: str) -> None:
    known: Tongue = tongue(language)
    probability = likelihood(log_odds(text, asked, known))
    assert 0 <= probability <= 1
    assert 0.1 <= wait_s(probability) <= 2.4


def voice(tones: Any, loudness: Any = 3000.0) -> Any:
    """A buzz of these pitches in hertz, one for each frame."""
    tones = np.repeat(np.asarray(tones, np.float64), FRAME)
    phase = 2 * np.pi * np.cumsum(tones) / 16_000
    wave = sum(np.sin(n * phase) / n for n in (1, 2, 3))
    return np.asarray(wave * np.repeat(np.broadcast_to(loudness, len(tones) // FRAME), FRAME),
                      np.float32)  # fmt: skip


def test_a_falling_and_fading_voice_is_an_end_and_a_level_one_is_none() -> None:
    falling = voice(np.linspace(160, 90, 40), np.linspace(4000, 300, 40))
    level = voice(np.full(40, 130.0))
    rising = voice(np.linspace(120, 220, 40), np.linspace(3000, 1500, 40))
    assert prosody.log_odds(falling) < -0.4
    assert prosody.log_odds(level) > 0.4
    assert prosody.log_odds(rising) < prosody.log_odds(level)


def test_noise_and_scraps_tell_nothing_much() -> None:
    tail = Tail()
    assert tail.log_odds() == 0
    noise = np.random.default_rng(1).normal(0, 500, 50 * FRAME).astype(np.int16)
    for frame in noise.reshape(50, FRAME):
        tail.add(frame.tobytes())
    assert abs(tail.log_odds()) <= MOST
    for _ in range(50):
        tail.add(bytes(2 * FRAME))
    assert abs(tail.log_odds()) <= MOST
