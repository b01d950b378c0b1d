"""L16: what is on the wire; and the codecs that there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_codecs import CODECS, L16, OPUS, PCMU, available, codec_named, l16, opus


def test_l16_is_in_network_order() -> None:
    assert l16.encode(np.array([1, -2], np.int16)) == b"\x00\x01\xff\xfe"
    assert l16.decode(b"\x00\x01\xff\xfe\x77").tolist() == [1, -2]


@given(st.lists(st.integers(-32768, 32767)))
def test_l16_comes_back_as_it_was(samples: list[int]) -> None:
    assert l16.decode(l16.encode(np.array(samples, np.int16))).tolist() == samples


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
