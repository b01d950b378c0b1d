"""Who has answered, on a fixed part of the openings of ``tests/bench/openings.py``; and what a beep
is, at every pitch, and what is none."""

import numpy as np
import pytest

from gateway.agent.beeps import Beeps, Tone
from gateway.agent.opening import Opening
from gateway.agent.wording import wording
from gateway.media.lines import FRAME, RATE, SILENT, VOICED
from tests.bench.openings import Sound, gap, listened, openings, tone


def tones(*parts: Sound, spoke: bool = True) -> list[Tone]:
    beeps = Beeps()
    if spoke:
        for _ in range(10):
            beeps.hear(np.zeros(FRAME, np.int16), True)
    sound = (np.concatenate(parts) * 32767).astype(np.int16)
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return [found for frame in frames if (found := beeps.hear(frame, False))]


@pytest.mark.parametrize("hz", range(400, 2001, 50))
@pytest.mark.parametrize("seconds", [0.1, 0.35, 1.0])
def test_a_beep_is_found_at_every_pitch_and_length(hz: int, seconds: float) -> None:
    if seconds == 1.0 and 400 <= hz <= 500:
        return  # nobody can tell it from European ringing
    (found,) = tones(gap(0.5), tone(seconds, hz), gap(1.0))
    assert found.kind == "beep"
    assert abs(found.hz[0] - hz) < 10
    assert abs(found.ended / 50 - 0.7 - seconds) <= 0.05


def test_two_tones_at_once_are_a_beep_too() -> None:
    for low, high in ((950, 1400), (620, 880), (1000, 2000)):
        beep = tone(0.4, low, 0.15) + tone(0.4, high, 0.1)
        (found,) = tones(gap(0.5), beep, gap(0.5))
        assert found.kind == "beep"


def test_pulses_are_one_beep_and_its_end_is_the_last_ones() -> None:
    pulses = [part for _ in range(3) for part in (tone(0.12, 1400), gap(0.1))]
    (found,) = tones(gap(0.3), *pulses, gap(0.5))
    assert (found.kind, found.ended) == ("beep", pytest.approx(25 + 28, abs=2))


NO_BEEPS: dict[str, tuple[Sound, ...]] = {
    "a key": (tone(0.3, 770, 0.1) + tone(0.3, 1336, 0.1), gap(0.5)),
    "ringing, Europe": (tone(1.0, 425), gap(4.0), tone(1.0, 425), gap(1.0)),
    "ringing, America": (tone(2.0, 440, 0.1) + tone(2.0, 480, 0.1), gap(1.0)),
    "busy": tuple(p for _ in range(4) for p in (tone(0.5, 425), gap(0.5))),
    "fax": (tone(3.0, 2100), gap(0.5)),
    "a whistle": (tone(2.5, 1500), gap(0.5)),
    "special information": (tone(0.33, 950), tone(0.33, 1400), tone(0.33, 1800), gap(1.0)),
    "a tone that speech follows": (tone(0.4, 1000), 0.2 * np.sin(np.arange(RATE) ** 1.3)),
    "a click": (tone(0.03, 1000), gap(0.5)),
}


@pytest.mark.parametrize("name", NO_BEEPS)
def test_what_is_no_beep(name: str) -> None:
    assert not [t for t in tones(gap(0.5), *NO_BEEPS[name], gap(0.5)) if t.kind == "beep"]


def test_a_calling_fax_is_told_from_a_beep_by_the_silence_before() -> None:
    sound = (gap(1.0), tone(0.5, 1100), gap(1.0))
    assert [t.kind for t in tones(*sound, spoke=False)] == ["fax"]
    assert [t.kind for t in tones(*sound)] == ["beep"]


def test_a_word_and_a_wait_are_a_person_and_a_speech_is_none() -> None:
    for seconds, who in ((0.4, "human"), (3.0, "human"), (9.0, "machine")):
        opening = Opening()
        quiet = np.zeros(FRAME, np.int16)
        for frame in range(-20, round((seconds + 1.0) * 50)):
            opening.hear(quiet, VOICED if 0 <= frame < seconds * 50 else SILENT)
        assert opening.verdict.who == who


def test_a_click_is_nobody() -> None:
    opening = Opening()
    for frame in range(400):
        opening.hear(np.zeros(FRAME, np.int16), VOICED if frame % 100 < 5 else SILENT)
    assert opening.verdict.who == "silent"


def test_the_lines_own_noise_is_nobody() -> None:
    """Until the detector of voices knows it, it may take it for one; but it has no pitch."""
    opening, rng = Opening(), np.random.default_rng(1)
    for frame in range(350):
        noise = rng.normal(0, 300, FRAME).astype(np.int16)
        opening.hear(noise, VOICED if frame < 14 else SILENT)
    assert opening.verdict.who == "silent"


def test_a_networks_three_tones_are_a_machine_at_once() -> None:
    opening = Opening()
    tones = [tone(0.33, hz, 0.2) for hz in (985.2, 1428.5, 1776.7)]  # as in America
    sound = (np.concatenate([gap(0.5), *tones]) * 32767).astype(np.int16)
    for frame in sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME):
        opening.hear(frame, SILENT)
    assert (opening.verdict.who, opening.verdict.why) == ("machine", "intercept tones")
    assert opening.verdict.at_s < 1.5


def test_whoever_is_not_available_is_spoken_of_by_machines_first_of_all() -> None:
    opening = Opening()
    opening.words("Bob is not available.")
    assert opening.verdict.who == "machine"
    opening = Opening()
    for frame in range(-20, 100):
        opening.hear(np.zeros(FRAME, np.int16), VOICED if 0 <= frame < 30 else SILENT)
    opening.words("Hello? Bob is not available right now.")
    assert opening.verdict.who == "human"
    opening.words("Hello? Bob is not available right now. Leave a message after the tone.")
    assert opening.verdict.who == "machine"


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("Please leave your message after the tone.", "mailbox"),
        ("Bitte hinterlassen Sie eine Nachricht", "mailbox"),
        ("Laissez un message après le bip", "mailbox"),
        ("deje su mensaje después de la señal", "mailbox"),
        ("For sales, press one.", "menu"),
        ("I can't come to the phone right now", "away"),
        ("Miller and sons, Anna speaking, how can I help?", "person"),
        ("Hallo?", "person"),
        ("I will press on with it.", None),
        ("", None),
    ],
)
def test_whose_words_these_are(text: str, whose: str | None) -> None:
    assert wording(text) == whose


def test_a_fixed_part_of_the_openings() -> None:
    clips = [make() for make in openings()[::12]]
    assert len(clips) >= 18
    wrong = []
    for clip in clips:
        opening, given = listened(clip, transcript=True)
        if opening.verdict.who != clip.truth or (clip.truth == "human" and "machine" in given):
            wrong.append((clip.kind, clip.words[-1:], given))
        if clip.beep_s:
            assert opening.beep_at == pytest.approx(clip.beep_s, abs=0.06)
    assert len(wrong) <= 1, wrong
