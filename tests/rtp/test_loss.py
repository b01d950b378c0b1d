"""Concealment: what is made up continues the sound, fades, and hands over without a click."""

import numpy as np
import pytest

from gateway.rtp.loss import MOST, Concealment, Following

ROW = np.array([1])
YES, NO = np.array([True]), np.array([False])


def voice(hz: float, frames: int) -> np.ndarray:
    """Something like a vowel: a fundamental and its overtones."""
    t = np.arange(frames * 160) / 8000
    sound = sum(np.sin(2 * np.pi * hz * k * t + k) / k for k in range(1, 6))
    return np.rint(5000 * np.asarray(sound)).astype(np.int16)


def through(sound: np.ndarray, lost: set[int], *, ahead: bool = False) -> np.ndarray:
    """``ahead``: the frame after a lost one has come, if it is not lost."""
    concealment = Concealment(3)
    out = []
    frames = sound.reshape(-1, 160)
    for n, frame in enumerate(frames):
        frame = frame[None].copy()
        if n in lost:
            frame[:] = 12345  # rubbish that must not be heard
        after = frames[min(n + 1, len(frames) - 1)][None]
        following = Following(after, NO if n + 1 in lost else YES) if ahead else None
        concealment.run(ROW, frame, NO if n in lost else YES, following=following)
        out.append(frame[0])
    return np.concatenate(out)


@pytest.mark.parametrize("hz", [80, 100, 125, 160, 200])
def test_one_lost_frame_of_a_vowel_is_hardly_missed(hz: int) -> None:
    sound = voice(hz, 20)
    heard = through(sound, {10})
    gap = slice(1600, 1600 + 80)
    error = np.sqrt(np.mean((heard[gap].astype(float) - sound[gap]) ** 2))
    assert error < 0.35 * np.sqrt(np.mean(sound[gap].astype(float) ** 2))


def gliding(frames: int) -> np.ndarray:
    """A vowel whose pitch rises from 100 to 160 Hz in 0.4 s."""
    t = np.arange(frames * 160) / 8000
    turn = 2 * np.pi * (100 * t + 75 * t**2)
    return np.rint(5000 * np.asarray(sum(np.sin(k * turn + k) / k for k in range(1, 6)))).astype(
        np.int16
    )


@pytest.mark.parametrize("many", [1, 2])
def test_what_follows_makes_it_truer(many: int) -> None:
    sound = gliding(20)
    errors = [
        sum(
            np.mean(
                (through(sound, set(range(n, n + many)), ahead=ahead) - sound.astype(float)) ** 2
            )
            for n in range(6, 16)
        )
        for ahead in (False, True)
    ]
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("hz", [80, 111, 145, 200])
@pytest.mark.parametrize("lost", [{10}, {10, 11}, {10, 11, 12, 13, 14, 15}, {10, 12, 14}])
@pytest.mark.parametrize("ahead", [False, True])
def test_no_click_at_either_end(hz: int, lost: set[int], ahead: bool) -> None:
    sound = voice(hz, 20)
    steps = np.abs(np.diff(through(sound, lost, ahead=ahead).astype(int)))
    assert steps.max() < 2 * np.abs(np.diff(sound.astype(int))).max()


def test_a_long_loss_is_silent_after_120_ms() -> None:
    heard = through(voice(100, 30), set(range(10, 20))).reshape(-1, 160).astype(int)
    level = np.abs(heard[9:20]).max(axis=1)
    assert level[1] > 0.8 * level[0]
    assert level[4] < 0.65 * level[0]
    assert level[6] < 0.3 * level[0]
    assert not level[7:].any()


def repeated(sound: np.ndarray, lost: set[int]) -> np.ndarray:
    """The simplest concealment: the last frame again and again."""
    frames = sound.reshape(-1, 160).copy()
    for n in sorted(lost):
        frames[n] = frames[n - 1]
    return frames.ravel()


def buzz_db(heard: np.ndarray, first: int) -> float:
    """How loud the strongest line of the spectrum is from 60 to 200 ms after the loss began,
    against all that was heard in the 140 ms before it."""
    span = 7 * 160
    before = np.fft.rfft(heard[160 * first - span : 160 * first] * np.hanning(span))
    after = np.fft.rfft(heard[160 * (first + 3) :][:span] * np.hanning(span))
    power = np.abs(after) ** 2
    return float(10 * np.log10(max(power.max(), 1) / np.sum(np.abs(before) ** 2)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["vowel", "glide", "hiss"])
def test_a_long_loss_does_not_buzz(seed: int, kind: str) -> None:
    """Plain repetition makes of a hiss a tone of 50 Hz and its overtones, and of a vowel a horn."""
    rng = np.random.default_rng(seed)
    hiss = np.rint(rng.normal(0, 3000, 30 * 160)).astype(np.int16)
    sound = {"vowel": voice(90.0 + 25 * seed, 30), "glide": gliding(30), "hiss": hiss}[kind]
    lost = set(range(10, 25))
    bound = {"vowel": -18, "glide": -18, "hiss": -24}[kind]
    assert buzz_db(through(sound, lost), 10) < bound
    assert buzz_db(repeated(sound, lost), 10) > bound + 6


@pytest.mark.parametrize("seed", range(5))
def test_a_burst_neither_grows_nor_buzzes_on(seed: int) -> None:
    """Of noise, what is made up is the most likely to buzz: it must sink, and be over in 120 ms."""
    noise = np.rint(np.random.default_rng(seed).normal(0, 3000, 30 * 160)).astype(np.int16)
    heard = through(noise, set(range(10, 25)), ahead=True).reshape(-1, 160).astype(float)
    power = (heard[10:25] ** 2).mean(axis=1)
    assert power[0] < 1.5 * (heard[5:10] ** 2).mean()
    assert (np.diff(power[: MOST + 1]) < 0).all()
    assert not heard[10 + MOST : 24].any()


def test_made_up_frames_are_told_as_such() -> None:
    concealment = Concealment(2)
    frame = np.zeros((1, 160), np.int16)
    concealment.run(ROW, frame, YES)
    told = [bool(concealment.run(ROW, frame, NO)[0]) for _ in range(6)]
    assert told == [True] * MOST + [False] * (6 - MOST)


def test_what_is_there_is_not_touched() -> None:
    sound = voice(123, 20)
    assert np.array_equal(through(sound, set())[40:], sound[40:])  # 5 ms in which it fades in


def test_silence_is_made_into_silence() -> None:
    assert not through(np.zeros(1600, np.int16), {5, 6}).any()


def test_a_forgotten_row_has_nothing_to_go_on_with() -> None:
    concealment = Concealment(2)
    concealment.run(ROW, voice(100, 1)[None].copy(), YES)
    concealment.forget(1)
    frame = np.full((1, 160), 999, np.int16)
    concealment.run(ROW, frame, NO)
    assert not frame.any()


def test_rows_are_concealed_from_their_own_past() -> None:
    together, rows = Concealment(4), np.array([0, 2])
    sounds = [voice(90, 12), voice(170, 12)]
    out = []
    for n in range(12):
        frames = np.stack([sound[160 * n : 160 * n + 160] for sound in sounds])
        together.run(rows, frames, np.array([n != 9, n != 10]))
        out.append(frames)
    assert np.array_equal(np.concatenate([f[0] for f in out]), through(sounds[0], {9}))
    assert np.array_equal(np.concatenate([f[1] for f in out]), through(sounds[1], {10}))
