"""Keys in the sound: found as Q.24 wants, and not found in what people say."""

import numpy as np
import pytest

from gateway.rtp.digits import KEYS
from gateway.rtp.inband import FRAME, InBand

RATE = 16_000
LOW = dict(zip("123A456B789C*0#D", np.repeat([697, 770, 852, 941], 4), strict=True))
HIGH = dict(zip("123A456B789C*0#D", np.tile([1209, 1336, 1477, 1633], 4), strict=True))


def key(which: str, ms: float, *, level: float = 0.1, twist_db: float = 0.0, off: float = 0.0,
        noise: float = 0.0) -> np.ndarray:  # fmt: skip
    """A key's two tones; ``level`` of full scale each, ``twist_db`` high over low."""
    t = np.arange(int(ms * RATE / 1000)) / RATE
    low = np.sin(2 * np.pi * LOW[which] * (1 + off) * t)
    high = 10 ** (twist_db / 20) * np.sin(2 * np.pi * HIGH[which] * (1 + off) * t + 1)
    rng = np.random.default_rng(5)
    return level * (low + high) + rng.normal(0, noise, len(t))


def silence(ms: float) -> np.ndarray:
    return np.zeros(int(ms * RATE / 1000))


def found(*parts: np.ndarray) -> str:
    """The keys in some sound, wherever the beats cut it."""
    results = set()
    for shift in (0, 7, 13):
        sound = np.concatenate([silence(shift), *parts, silence(200)])
        sound = np.rint(32767 * np.clip(sound, -1, 1)).astype(np.int16)
        ears, keys = InBand(3), ""
        for frame in sound[: len(sound) // FRAME * FRAME].reshape(-1, 1, FRAME):
            began, codes = ears.listen(np.array([1]), frame)
            keys += KEYS[codes[0]] if began[0] else ""
        results.add(keys)
    assert len(results) == 1, results
    return results.pop()


def test_every_key_at_the_shortest_that_must_be_taken() -> None:
    for which in KEYS:
        assert found(key(which, 45), silence(45), key(which, 45)) == 2 * which


def test_a_number_dialled_quickly() -> None:
    assert found(*(p for k in "0791#*42" for p in (key(k, 50), silence(50)))) == "0791#*42"


@pytest.mark.parametrize("ms", [5, 15, 23])
def test_too_short_is_no_key(ms: float) -> None:
    assert found(key("5", ms)) == ""


def test_a_long_press_is_one_key_and_a_short_break_does_not_make_two() -> None:
    assert found(key("8", 3000)) == "8"
    assert found(key("8", 100), silence(10), key("8", 100)) == "8"


@pytest.mark.parametrize("twist_db", [-7, -4, 0, 3, 5])
def test_twist_of_real_lines_is_allowed(twist_db: float) -> None:
    assert found(key("3", 60, twist_db=twist_db)) == "3"


@pytest.mark.parametrize("twist_db", [-14, 12])
def test_too_much_twist_is_no_key(twist_db: float) -> None:
    assert found(key("3", 100, twist_db=twist_db)) == ""


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_tones_may_be_off_by_one_and_a_half_per_cent(off: float) -> None:
    for which in "159D":
        assert found(key(which, 60, off=off)) == which


@pytest.mark.parametrize("off", [-0.045, 0.045])
def test_tones_far_off_are_no_key(off: float) -> None:
    for which in "159D":
        assert found(key(which, 100, off=off)) == ""


def test_loud_and_faint_and_noisy() -> None:
    assert found(key("7", 60, level=0.45)) == "7"
    assert found(key("7", 60, level=0.02)) == "7"
    assert found(key("7", 60, level=0.001)) == ""
    assert found(key("7", 80, noise=0.018)) == "7"  # 15 dB


def test_one_tone_a_ring_and_a_voice_are_no_keys() -> None:
    t = np.arange(RATE) / RATE
    assert found(0.3 * np.sin(2 * np.pi * 697 * t)) == ""
    assert found(0.3 * np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * 480 * t)) == ""
    rng = np.random.default_rng(1)
    assert found(rng.normal(0, 0.2, 3 * RATE)) == ""
    for hz in range(80, 400, 7):
        vowel = sum(np.sin(2 * np.pi * hz * k * t[:8000] + k) / k for k in range(1, 30))
        assert found(0.1 * np.asarray(vowel)) == "", hz


def test_rows_do_not_mix() -> None:
    ears = InBand(4)
    rows = np.array([0, 2])
    one, two = (np.rint(32767 * key(k, 100)).astype(np.int16).reshape(-1, FRAME) for k in "16")
    heard = [ears.listen(rows, np.stack(pair)) for pair in zip(one, two, strict=True)]
    codes = [[KEYS[c] for b, c in zip(began, code, strict=True) if b] for began, code in heard]
    assert [c for c in codes if c] == [["1", "6"]]
