"""Opus by the system's libopus: sound through, loss, silence, and packets that are none."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_codecs import opus
from gateway_codecs.opus import Decoder, Encoder, Wishes

pytestmark = pytest.mark.skipif(not opus.available(), reason="libopus is not installed")

T = np.arange(16_000) / 16_000
# Syllables with pauses and a falling pitch: libopus must take it for speech.
PHASE = 2 * np.pi * np.cumsum(170 - 50 * T) / 16_000
SYLLABLES = np.clip(3 * np.sin(2 * np.pi * 3 * T - 1), 0, 1)
VOICE = np.rint(
    3000 * SYLLABLES * np.sum([np.sin(k * PHASE + k) / k for k in range(1, 30)], axis=0)
).astype(np.int16).reshape(-1, 320)  # fmt: skip


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(float) ** 2)))


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Of spectra, which a codec keeps where it does not keep waveforms."""
    x, y = (np.abs(np.fft.rfft(s.astype(float)))[:1600] for s in (a, b))
    return float(np.dot(x, y) / np.sqrt(np.dot(x, x) * np.dot(y, y)))


def test_a_voice_comes_through_at_its_level() -> None:
    encoder, decoder = Encoder(Wishes()), Decoder()
    packets = [encoder.run(frame) for frame in VOICE]
    heard = np.concatenate([decoder.run(packet) for packet in packets])
    assert len(heard) == VOICE.size
    assert level(heard[3200:]) == pytest.approx(level(VOICE.ravel()[3200:]), rel=0.15)
    assert likeness(heard[3200:9600], VOICE.ravel()[3200:9600]) > 0.9
    rate = 8 * sum(map(len, packets)) / (0.02 * len(packets))
    assert rate < 1.25 * opus.BITRATE


@pytest.mark.parametrize("ms", opus.SIZES_MS)
def test_packets_of_each_size_say_how_long_they_are(ms: int) -> None:
    encoder, decoder = Encoder(Wishes()), Decoder()
    packet = encoder.run(VOICE.ravel()[: 16 * ms])
    assert opus.ticks(packet) == 48 * ms
    sound = decoder.run(packet)
    assert sound is not None
    assert len(sound) == 16 * ms


def test_a_bitrate_that_the_peer_caps_is_kept() -> None:
    encoder = Encoder(Wishes(bitrate=8000, constant=True))
    sizes = {len(encoder.run(frame)) for frame in VOICE}
    assert sizes == {20}


def test_what_a_peer_cannot_play_is_not_sent_to_it() -> None:
    narrow = Encoder(Wishes(bandwidth=8000))
    assert {narrow.run(frame)[0] >> 3 & 31 for frame in VOICE} <= {1, 16, 17, 18, 19}  # NB modes


def test_silence_need_not_be_sent_if_the_peer_wishes() -> None:
    encoder = Encoder(Wishes(dtx=True))
    quiet = np.zeros(320, np.int16)
    sent = [len(encoder.run(quiet)) for _ in range(50)]
    assert sent.count(0) > 25
    assert all(len(Encoder(Wishes()).run(quiet)) for _ in range(5))


def test_a_lost_packet_is_mended_from_the_next_one() -> None:
    lost = 9  # in the middle of a syllable
    errors = {}
    for mended in (True, False):
        encoder, decoder = Encoder(Wishes(fec=True)), Decoder()
        packets = [encoder.run(frame) for frame in VOICE]
        assert all(packets)
        whole = Decoder()
        clear = [whole.run(packet) for packet in packets][lost]
        for packet in packets[:lost]:
            decoder.run(packet)
        sound = decoder.conceal(320, packets[lost + 1] if mended else None)
        errors[mended] = level(sound - np.asarray(clear, float))
    assert errors[True] < 0.7 * errors[False]


def test_a_long_loss_fades_to_silence() -> None:
    encoder, decoder = Encoder(Wishes()), Decoder()
    for frame in VOICE[:20]:
        decoder.run(encoder.run(frame))
    made_up = [level(decoder.conceal(320)) for _ in range(20)]
    assert made_up[0] > 500
    assert max(made_up[12:]) < 0.1 * made_up[0]


def test_stereo_at_full_rate_is_heard_in_mono_at_16_khz() -> None:
    lib = opus._lib()
    state = ctypes.create_string_buffer(lib.opus_encoder_get_size(2))
    assert lib.opus_encoder_init(state, 48_000, 2, 2049) == 0
    t = np.arange(960 * 30) / 48_000
    both = np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 440 * t)], axis=1)
    sound = np.rint(8000 * both).astype(np.int16)
    out, decoder, heard = ctypes.create_string_buffer(4000), Decoder(), []
    for n in range(30):
        frame = np.ascontiguousarray(sound[960 * n : 960 * n + 960])
        size = lib.opus_encode(state, ctypes.c_void_p(frame.ctypes.data), 960, out, 4000)
        heard.append(decoder.run(out.raw[:size]))
    mono = np.concatenate(heard)[3200:]
    assert len(heard[0]) == 320
    assert level(mono) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_as_long_as_libopus_says_or_none(packet: bytes) -> None:
    said = opus._lib().opus_packet_get_nb_samples(packet, len(packet), 48_000)
    assert opus.ticks(packet) == max(said, 0)
    sound = Decoder().run(packet)
    assert sound is None or len(sound) <= 1920


@settings(deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=8))
def test_no_bytes_stop_a_decoder_for_those_that_follow(packets: list[bytes]) -> None:
    decoder, encoder = Decoder(), Encoder(Wishes())
    for packet in packets:
        decoder.run(packet)
        decoder.conceal(320, packet)
    heard = [decoder.run(encoder.run(frame)) for frame in VOICE[:20]]
    assert level(np.concatenate(heard)[3200:]) > 500
