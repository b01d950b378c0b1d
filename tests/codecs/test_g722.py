"""G.722 against FFmpeg's, byte for byte, and what becomes of a codec that begins anew."""

from pathlib import Path

import numpy as np
import pytest

from gateway_codecs.g722 import Decoder, Encoder

VECTORS = Path(__file__).parent.parent / "vectors" / "g722"
SAID = np.fromfile(VECTORS / "said.pcm", "<i2").reshape(-1, 320)
CODE = np.fromfile(VECTORS / "code.g722", np.uint8).reshape(-1, 160)
HEARD = np.fromfile(VECTORS / "heard.pcm", "<i2").reshape(-1, 320)
ROW = np.array([1])


def encoded(encoder: Encoder, frames: np.ndarray) -> np.ndarray:
    return np.concatenate([encoder.run(ROW, frame[None]) for frame in frames])


def decoded(decoder: Decoder, codes: np.ndarray) -> np.ndarray:
    return np.concatenate([decoder.run(ROW, code[None]) for code in codes])


def test_sound_becomes_the_bytes_that_another_implementation_makes_of_it() -> None:
    assert np.array_equal(encoded(Encoder(2), SAID), CODE)


def test_bytes_become_the_sound_that_another_implementation_makes_of_them() -> None:
    assert np.array_equal(decoded(Decoder(2), CODE), HEARD)


def test_each_row_has_its_own_memory() -> None:
    encoder, both = Encoder(3), np.array([0, 2])
    for n, frame in enumerate(SAID[:10]):
        codes = encoder.run(both, np.stack([frame, SAID[n + 10]]))
        assert np.array_equal(codes[0], CODE[n])
        assert (n == 0) or not np.array_equal(codes[1], CODE[n + 10])


def test_a_forgotten_row_begins_anew() -> None:
    encoder = Encoder(2)
    encoded(encoder, SAID[:5])
    encoder.forget(1)
    assert np.array_equal(encoded(encoder, SAID), CODE)


@pytest.mark.parametrize("ends", ["encoder", "decoder"])
def test_one_end_that_is_replaced_mid_stream_is_no_louder_than_the_voice(ends: str) -> None:
    """The primed end knows only the sound, as the rings of a line keep it."""
    first, last = SAID[:12], SAID[12:20]
    encoder, decoder = Encoder(2), Decoder(2)
    heard = decoded(decoder, encoded(encoder, first))
    if ends == "encoder":
        encoder = Encoder(2)
        encoder.prime(1, first[2:].ravel())
    else:
        decoder = Decoder(2)
        decoder.prime(1, heard[2:].ravel())
    after = decoded(decoder, encoded(encoder, last)).astype(float)
    assert np.abs(after).max() < 1.3 * np.abs(SAID[:20].astype(float)).max()
    wanted = HEARD[12:20].astype(float)
    error = np.sqrt(np.mean((after[4:] - wanted[4:]) ** 2) / np.mean(wanted[4:] ** 2))
    assert error < 0.2
