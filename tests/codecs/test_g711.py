"""G.711 against the recommendation's own numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_codecs import PCMA, PCMU, Law, codec_named

EVERY_CODE = np.arange(256, dtype=np.uint8)

# Tables 1a and 2a of G.711: the quantised value at the bottom of each segment, scaled to 16 bits.
MULAW = {0xFF: 0, 0xFE: 8, 0xF0: 120, 0xEF: 132, 0xDF: 396, 0xCF: 924, 0xBF: 1980, 0xAF: 4092,
         0x9F: 8316, 0x8F: 16764, 0x80: 32124, 0x00: -32124, 0x7E: -8}  # fmt: skip
ALAW = {0xD5: 8, 0xD4: 24, 0xC5: 264, 0xF5: 528, 0xE5: 1056, 0x95: 2112, 0x85: 4224, 0xB5: 8448,
        0xA5: 16896, 0xAA: 32256, 0x2A: -32256, 0x55: -8}  # fmt: skip


@pytest.mark.parametrize(("codec", "table"), [(PCMU, MULAW), (PCMA, ALAW)], ids=["PCMU", "PCMA"])
def test_values_of_the_recommendation(codec: Law, table: dict[int, int]) -> None:
    for code, value in table.items():
        assert codec.decode(np.array([code], np.uint8))[0] == value


@pytest.mark.parametrize("codec", [PCMU, PCMA], ids=lambda c: c.name)
def test_what_was_decoded_encodes_to_the_same_byte(codec: Law) -> None:
    again = codec.encode(codec.decode(EVERY_CODE))
    negative_zero = (EVERY_CODE == 0x7F) if codec is PCMU else np.zeros(256, bool)
    assert np.array_equal(again[~negative_zero], EVERY_CODE[~negative_zero])


def steps(first: int, sizes: list[int]) -> np.ndarray:
    """Decision values: sixteen steps of each size, one after another."""
    return first + np.cumsum(np.repeat(sizes, 16))


# Columns 5 and 6 of the tables: above this magnitude begins the next code.
DECISIONS = {
    "PCMU": (2, np.concatenate([[1], steps(1, [2, 4, 8, 16, 32, 64, 128, 256])[[*range(15)]],
                                steps(31, [4, 8, 16, 32, 64, 128, 256])[:-1]])),
    "PCMA": (4, steps(0, [1, 1, 2, 4, 8, 16, 32, 64])[:-1]),
}  # fmt: skip


@pytest.mark.parametrize("codec", [PCMU, PCMA], ids=lambda c: c.name)
def test_every_sample_gets_the_code_of_the_recommendation(codec: Law) -> None:
    shift, decisions = DECISIONS[codec.name]
    assert len(decisions) == 127
    magnitudes = np.arange(32768) >> shift
    levels = np.unique(np.abs(codec.decode(EVERY_CODE)))
    wanted = levels[np.searchsorted(decisions, magnitudes, side="right")]
    positive = codec.decode(codec.encode(np.arange(32768).astype(np.int16)))
    negative = codec.decode(codec.encode(np.arange(-1, -32769, -1).astype(np.int16)))
    assert np.array_equal(positive, wanted)
    assert np.array_equal(negative, -wanted)


@pytest.mark.parametrize("codec", [PCMU, PCMA], ids=lambda c: c.name)
def test_silence_byte_is_quiet(codec: Law) -> None:
    assert abs(int(codec.decode(np.array([codec.silence], np.uint8))[0])) <= 8
    assert codec.encode(np.zeros(1, np.int16))[0] == codec.silence


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=40))
def test_batches_are_rows_of_the_same(samples: list[int]) -> None:
    one = np.array(samples, np.int16)
    batch = np.stack([one, one[::-1]])
    for codec in (PCMU, PCMA):
        assert np.array_equal(codec.encode(batch)[1], codec.encode(one[::-1]))
        assert codec.decode(codec.encode(batch)).shape == batch.shape


def test_names_are_found_without_case() -> None:
    assert codec_named("pcma") == 1
    assert codec_named("iLBC") is None
