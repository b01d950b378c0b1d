"""The probe's sound is found back: how late, and how much of it."""

import numpy as np
import pytest

from gateway.probe.mark import LEAD_S, MARK_S, find, mark
from gateway.probe.sound import FRAME, RATE, Pcm


def delayed(samples: int, pcm: Pcm, gain: float = 1.0) -> Pcm:
    heard = np.zeros(RATE * 5, np.int16)
    heard[samples : samples + len(pcm)] = pcm * gain
    return heard


@pytest.mark.parametrize("samples", [0, 1, 160, 1001, 11_000])
@pytest.mark.parametrize("gain", [1.0, 0.05])
def test_the_delay_is_exact_whatever_the_level(samples: int, gain: float) -> None:
    found = find(delayed(samples, mark(), gain))
    assert found
    assert found.delay_ms == 1000 * samples / RATE
    assert found.back == 1.0


def test_noise_on_the_line_hides_nothing() -> None:
    heard = delayed(700, mark()).astype(float) + np.random.default_rng(1).normal(0, 1500, 5 * RATE)
    found = find(heard.clip(-32768, 32767).astype(np.int16))
    assert found
    assert (found.delay_ms, found.back) == (87.5, 1.0)


def test_lost_frames_are_counted() -> None:
    heard = delayed(320, mark())
    at = 320 + int(LEAD_S * RATE)
    for frame in range(0, 50, 5):
        heard[at + frame * FRAME : at + (frame + 1) * FRAME] = 0
    found = find(heard)
    assert found
    assert found.back == pytest.approx(1 - 10 / (MARK_S * 50))


def test_a_jitter_buffer_that_grows_meanwhile_loses_nothing() -> None:
    sent = mark()
    half = len(sent) // 2 // FRAME * FRAME
    longer = np.concatenate([sent[:half], np.zeros(2 * FRAME, np.int16), sent[half:]])
    found = find(delayed(0, longer))
    assert found
    assert found.back == 1.0


def test_a_buffer_between_two_clocks_that_leaves_out_a_moment_loses_one_frame() -> None:
    sent = mark()
    half = len(sent) // 2 // FRAME * FRAME
    shorter = np.concatenate([sent[:half], sent[half + FRAME // 2 :]])
    found = find(delayed(0, shorter))
    assert found
    assert found.back >= 1 - 1 / (MARK_S * 50)


@pytest.mark.parametrize(
    "heard",
    [
        np.zeros(0, np.int16),
        np.zeros(5 * RATE, np.int16),
        np.random.default_rng(3).normal(0, 4000, 5 * RATE).astype(np.int16),
        (8000 * np.sin(np.arange(5 * RATE))).astype(np.int16),
        mark()[: FRAME * 10],
    ],
    ids=["nothing", "silence", "other noise", "a tone", "the lead only"],
)
def test_what_is_not_there_is_not_found(heard: Pcm) -> None:
    assert find(heard) is None
