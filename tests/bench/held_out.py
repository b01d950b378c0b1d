"""Openings that the detector was not made with: other words, languages, voices and speeds, beeps
that fade, waver or come in two tones, a network's three tones, noise of cars and rooms, ringing
behind a switchboard, other music. ``lot`` is one of ``greetings``; two lots share nothing.
"""

import random
from collections.abc import Callable
from functools import partial

import numpy as np

from gateway.media.ambience import office
from gateway.media.lines import RATE
from tests.bench.greetings import Lot, Said
from tests.bench.openings import Clip, Sound, done, gap, read_out, tone

Part = Sound | str
BEEPS = ("plain", "fading", "swelling", "dual", "double", "wavering")


def clips(lot: Lot, seed: int) -> list[Callable[[], Clip]]:
    """All of a lot's, each to be made when it is wanted, from a dice of its own."""
    made: list[Callable[[random.Random], Clip]] = []
    for said in lot.humans:
        made += [partial(_human, lot=lot, said=said, turn=turn) for turn in range(2)]
    for at, said in enumerate(lot.mailboxes):
        for turn in range(2):
            hz = lot.beeps[(2 * at + turn) % len(lot.beeps)]
            form = BEEPS[(at + 3 * turn) % len(BEEPS)]
            made.append(partial(_mailbox, lot=lot, said=said, hz=hz, form=form))
    for said in lot.mute:
        made += [partial(_mute, lot=lot, said=said)] * 2
    for said in lot.menus:
        made += [partial(_menu, lot=lot, said=said)] * 2
    for said in lot.dead:
        made += [partial(_dead, lot=lot, said=said)] * 2
    for turn in range(6):
        made += [partial(_ringing, lot=lot, said=lot.humans[turn], turn=turn)]
        made += [partial(_quiet, turn=turn), partial(_music, turn=turn), partial(_fax, turn=turn)]
    for turn in range(8):
        made += [partial(_echo, lot=lot, said=lot.humans[turn], turn=turn)]
    return [partial(one, random.Random(seed + number)) for number, one in enumerate(made)]


def _human(dice: random.Random, lot: Lot, said: Said, turn: int) -> Clip:
    parts: list[Part] = [gap(dice.uniform(0.1, 2.2))]
    if turn == 1 and dice.random() < 0.3:  # it is fumbled with first
        parts += [_clatter(dice), gap(0.3)]
    parts += [*_said(dice, lot, said, pauses=(0.2, 0.5)), gap(dice.uniform(2.2, 4.5))]
    under = _surroundings(dice) if turn else None
    return done(dice, "human", "human", parts, noise_db=dice.uniform(-70, -42), under=under)


def _mailbox(dice: random.Random, lot: Lot, said: Said, hz: int, form: str) -> Clip:
    parts: list[Part] = [gap(dice.uniform(0.2, 2.0)), *_said(dice, lot, said)]
    parts += [gap(dice.uniform(0.2, 2.0))]
    beep = _beep(dice, hz, form)
    before = sum(len(part) for part in parts if not isinstance(part, str))
    parts += [beep, gap(3.0)]
    clip = done(dice, f"mailbox, {form} beep", "machine", parts, noise_db=dice.uniform(-75, -50))
    clip.beep_s = (before + len(beep)) / RATE
    return clip


def _mute(dice: random.Random, lot: Lot, said: Said) -> Clip:
    parts = [gap(dice.uniform(0.2, 1.2)), *_said(dice, lot, said), gap(4.0)]
    return done(dice, "announcement, no beep", "machine", parts, noise_db=-60)


def _menu(dice: random.Random, lot: Lot, said: Said) -> Clip:
    parts = [gap(dice.uniform(0.2, 1.5)), *_said(dice, lot, said, pauses=(0.3, 0.9)), gap(2.5)]
    return done(dice, "menu or screening", "machine", parts, noise_db=-62)


def _dead(dice: random.Random, lot: Lot, said: Said) -> Clip:
    """The three tones of ITU-T E.180, and why the call is not put through."""
    tones = [tone(0.33, hz, 0.15) for hz in (950, 1400, 1800)]
    parts = [gap(dice.uniform(0.1, 0.6)), *tones, gap(0.4), *_said(dice, lot, said), gap(3.0)]
    return done(dice, "out of service", "machine", parts, noise_db=-65)


def _ringing(dice: random.Random, lot: Lot, said: Said, turn: int) -> Clip:
    """A switchboard has answered, and rings the person."""
    ring = tone(1.0, 425, 0.1) if turn % 2 else tone(2.0, 440, 0.07) + tone(2.0, 480, 0.07)
    parts: list[Part] = [gap(0.3), ring, gap(3.0)]
    parts += [*_said(dice, lot, said), gap(3.0)]
    return done(dice, "ringing, and a person", "human", parts, noise_db=-60)


def _quiet(dice: random.Random, turn: int) -> Clip:
    kinds = ("silence", "a car", "a room", "hum")
    under = {"a car": _rumble(dice, 0.02), "a room": _room(dice, 0.03),
             "hum": tone(9.0, 100, 0.01)}.get(kinds[turn % 4])  # fmt: skip
    kind = "silence or noise"
    return done(dice, kind, "silent", [gap(9.0)], noise_db=dice.uniform(-75, -50), under=under)


def _music(dice: random.Random, turn: int) -> Clip:
    """Chords of an organ, a band, or a single flute."""
    rng = np.random.default_rng(dice.randrange(1 << 30))
    t = np.arange(9 * RATE) / RATE
    sound = np.zeros(len(t))
    for bar in range(18):
        here = (t >= bar * 0.5) & (t < bar * 0.5 + 0.5)
        root = 196 * 2 ** (int(rng.choice([0, 3, 5, 7, 10])) / 12)
        chord = (1.0,) if turn % 3 == 2 else (1.0, 1.25, 1.5)
        for ratio in chord:
            for overtone in range(1, 5):
                phase = 2 * np.pi * root * ratio * overtone * t[here]
                sound[here] += np.sin(phase) / overtone / len(chord)
    if turn % 3 == 1:  # a drum
        beat = np.exp(-((t % 0.5) / 0.03))
        sound += 1.5 * beat * rng.standard_normal(len(t))
    return done(dice, "music", "machine", [0.15 * sound / np.abs(sound).max() * 2], noise_db=-60)


def _fax(dice: random.Random, turn: int) -> Clip:
    if turn % 3 == 2:  # one that calls, or waits for the other to begin
        calling = [part for _ in range(3) for part in (tone(0.5, 1100, 0.15), gap(3.0))]
        return done(dice, "fax", "fax", [gap(0.8), *calling], noise_db=-60)
    answer = [gap(dice.uniform(0.2, 2.0)), tone(dice.uniform(2.6, 3.8), 2100, 0.15), gap(3.0)]
    return done(dice, "fax", "fax", answer, noise_db=dice.uniform(-70, -50))


def _echo(dice: random.Random, lot: Lot, said: Said, turn: int) -> Clip:
    """Our own greeting comes back; and, mostly, a person with it."""
    text = ("Good day, I am calling from the clinic to confirm your appointment on Thursday. "
            "Is this a good time to talk?")  # fmt: skip
    ours = read_out(text, "en-us+f3", 170)
    level, late_s = dice.uniform(0.05, 0.15), dice.uniform(0.05, 0.25)
    sound = np.concatenate([gap(late_s), level * ours, gap(2.0)])
    if turn >= 5:
        return done(dice, "echo", "silent", [sound], said=ours)
    hello = read_out(said[1], said[0] + dice.choice(lot.voices), dice.choice(lot.speeds))
    at = round(dice.uniform(0.3, 1.0) * RATE)
    sound = np.concatenate([sound, gap(at / RATE + len(hello) / RATE)])
    sound[at : at + len(hello)] += hello
    return done(dice, "echo and a person", "human", [sound], said=ours)


def _said(
    dice: random.Random, lot: Lot, said: Said, pauses: tuple[float, float] = (0.1, 0.7)
) -> list[Part]:
    """Sentence by sentence, in one voice."""
    language, text = said
    voice, speed = language + dice.choice(lot.voices), dice.choice(lot.speeds)
    parts: list[Part] = []
    for sentence in text.replace("? ", "?. ").split(". "):
        if parts:
            parts.append(gap(dice.uniform(*pauses)))
        parts += [read_out(sentence, voice, speed), sentence]
    return parts


def _beep(dice: random.Random, hz: int, form: str) -> Sound:
    seconds, peak = dice.choice((0.15, 0.3, 0.5, 0.9)), dice.choice((0.04, 0.12, 0.35))
    plain = tone(seconds, hz, peak)
    ramp = np.linspace(1.0, 0.1, len(plain))
    match form:
        case "fading":
            return plain * ramp
        case "swelling":
            return plain * ramp[::-1]
        case "dual":
            return plain + tone(seconds, hz * dice.choice((1.2, 1.5, 1.9)), 0.7 * peak)
        case "double":
            return np.concatenate([tone(0.15, hz, peak), gap(0.12), tone(0.15, hz, peak)])
        case "wavering":  # a worn tape
            t = np.arange(len(plain)) / RATE
            phase = 2 * np.pi * hz * t + 0.3 * np.sin(2 * np.pi * 6 * t)
            return np.asarray(peak * np.sin(phase))
    return plain


def _surroundings(dice: random.Random) -> Sound:
    level = dice.uniform(0.004, 0.02)
    return dice.choice((_rumble, _room))(dice, level)


def _rumble(dice: random.Random, level: float) -> Sound:
    """A car: noise that falls with its pitch."""
    rng = np.random.default_rng(dice.randrange(1 << 30))
    hz = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    spectrum = np.exp(2j * np.pi * rng.random(len(hz))) / np.maximum(hz, 80)
    sound = np.fft.irfft(spectrum, 4 * RATE)
    return np.asarray(level * sound / sound.std())


def _room(dice: random.Random, level: float) -> Sound:
    """People far away."""
    start = dice.randrange(10) * RATE
    sound = office()[start : start + 10 * RATE] / 32768.0
    return np.asarray(level * sound / sound.std())


def _clatter(dice: random.Random) -> Sound:
    rng = np.random.default_rng(dice.randrange(1 << 30))
    t = np.arange(round(0.25 * RATE)) / RATE
    hits = sum(np.where(t > at, np.exp(-(t - at) / 0.01), 0.0) for at in (0.0, 0.07, 0.16))
    return np.asarray(0.3 * hits * rng.standard_normal(len(t)))
