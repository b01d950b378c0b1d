"""L16 and comfort noise: what is on the wire."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_codecs import CODECS, L16, OPUS, PCMU, available, codec_named, comfort, l16, opus


def test_l16_is_in_network_order() -> None:
    assert l16.encode(np.array([1, -2], np.int16)) == b"\x00\x01\xff\xfe"
    assert l16.decode(b"\x00\x01\xff\xfe\x77").tolist() == [1, -2]


@given(st.lists(st.integers(-32768, 32767)))
def test_l16_comes_back_as_it_was(samples: list[int]) -> None:
    assert l16.decode(l16.encode(np.array(samples, np.int16))).tolist() == samples


@pytest.mark.parametrize("level", [30, 50, 70])
def test_noise_is_as_loud_as_it_was_said_to_be(level: int) -> None:
    frames = comfort.noise(np.array([level, 127], np.uint8), 320, beat=5).astype(float)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    assert rms[0] == pytest.approx(32768 * 10 ** (-level / 20), rel=0.2)
    assert rms[1] < 1


def test_noise_is_never_loud_and_never_the_same_twice_running() -> None:
    loud, next_beat = (comfort.noise(np.array([0, 0x80 | 40], np.uint8), 160, n) for n in (1, 2))
    assert np.abs(loud.astype(int)).max() < 32768 * 10 ** (-30 / 20) * 5
    assert not np.array_equal(loud, next_beat)
    assert comfort.write(200) == b"\x7f"


def test_codecs_are_found_by_name_and_clock() -> None:
    assert [codec_named(codec.name, codec.clock) for codec in CODECS] == [*range(len(CODECS))]
    assert codec_named("l16") == CODECS.index(L16)
    assert codec_named("opus", 16_000) is None


def test_without_libopus_the_rest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_library", None)
    assert OPUS not in available()
    assert PCMU in available()
    with pytest.raises(OSError, match="libopus"):
        opus.Decoder()
