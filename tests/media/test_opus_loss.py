"""Opus packets that are lost: a packet that comes repeats the one before it (FEC)."""

import numpy as np
import pytest

from gateway.media.lines import FRAME
from gateway_codecs import CODECS, OPUS, opus

pytestmark = pytest.mark.skipif(not opus.available(), reason="libopus is not installed")

FRAMES, LAST = 60, 45  # frames of speech, and the last of them that is lost


def heard(stage, row: int, sound: np.ndarray, *, fec: bool, lost: int) -> np.ndarray:
    """Frames x 320 that come of this sound on a row, with this many packets lost up to LAST."""
    stage.open(row, codec=CODECS.index(OPUS), payload_out=107, payload_in=107)
    encoder = opus.Encoder(opus.Wishes(fec=fec))
    for n, frame in enumerate(sound.reshape(-1, FRAME)):
        packet = stage.rtp(row, encoder.run(frame), kind=107, timestamp=960 * n)
        stage.run(*([] if LAST - lost < n <= LAST else [packet]))
    stage.run()
    return stage.ring("heard", row, FRAMES).reshape(-1, FRAME).astype(float)


@pytest.mark.parametrize("lost", [1, 3])
def test_the_last_of_the_lost_comes_back_where_that_was_agreed(stage, vowel, lost: int) -> None:
    rng = np.random.default_rng(4)
    # Its pitch and level change: what is made up is not what was said.
    parts = [vowel(0.1, 16_000, hz, level) for hz, level in
             zip(rng.uniform(90, 220, 12), rng.uniform(2000, 9000, 12), strict=True)]  # fmt: skip
    sound = np.concatenate(parts)
    errors = {}
    for row, fec in enumerate((False, True)):
        whole = heard(stage, 2 * row, sound, fec=fec, lost=0)
        part = heard(stage, 2 * row + 1, sound, fec=fec, lost=lost)
        gone = np.flatnonzero((whole != part).any(axis=1))[0] + lost - 1
        errors[fec] = np.mean((whole[gone] - part[gone]) ** 2) / np.mean(whole[gone] ** 2)
    assert errors[True] < 0.5 * errors[False], errors
