"""The tones of a call's progress: their frequencies, their cadence, and no clicks."""

import numpy as np
import pytest

from gateway.rtp.tones import BEEP, BUSY, RINGBACK


@pytest.mark.parametrize(
    ("tone", "hz", "on", "round_s"),
    [
        (RINGBACK["us"], {440, 480}, 2.0, 6.0),
        (RINGBACK["eu"], {425}, 1.0, 5.0),
        (BUSY["us"], {480, 620}, 0.5, 1.0),
        (BUSY["eu"], {425}, 0.5, 1.0),
        (BEEP, {1000}, 0.5, 1.0),
    ],
)
def test_a_tone(tone: np.ndarray, hz: set[int], on: float, round_s: float) -> None:
    sound = tone.reshape(-1).astype(float)
    assert len(sound) == round_s * 16_000
    spectrum = np.abs(np.fft.rfft(sound[:8000]))
    assert {2 * int(at) for at in np.argsort(spectrum)[-len(hz) :]} == {f - f % 2 for f in hz}
    loud = np.abs(sound) > 100
    assert np.flatnonzero(loud)[-1] / 16_000 == pytest.approx(on, abs=0.01)
    assert 3000 < np.abs(sound).max() <= 5000
    assert np.abs(np.diff(sound)).max() < 2100
