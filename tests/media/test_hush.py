"""Rows that may be silent: noise is sent in place of what is no more than noise, and is like it."""

import numpy as np

from gateway.media.hush import Hush
from gateway_codecs import CODECS, PCMU, comfort
from tests.media.test_every_codec import agreed

RNG = np.random.default_rng(9)


def room(rms: float, beats: int, samples: int = 160) -> np.ndarray:
    """The noise of a room: deep, and the same all the time."""
    white = RNG.normal(0, 1, beats * samples + 40)
    deep = np.convolve(white, 0.9 ** np.arange(40), "valid")[: beats * samples]
    return np.rint(deep * rms / deep.std()).astype(np.int16).reshape(beats, samples)


def packets(frames: np.ndarray) -> list[bytes | None]:
    hush = Hush(spectrum=True)
    return [hush.packet(frame) for frame in frames]


def test_after_a_fifth_of_a_second_a_rooms_noise_is_told_twice_a_second() -> None:
    sent = packets(room(40, 70))
    assert sent[:10] == [None] * 10
    told = [n for n, packet in enumerate(sent) if packet]
    assert told == [10, 35, 60]
    assert all(packet == b"" for n, packet in enumerate(sent[10:], 10) if n not in told)
    for n in told:
        level, shape = comfort.read(sent[n])
        assert abs(level - 58) <= 1, "20 log10(32768 / 40)"
        assert shape is not None


def test_silence_is_told_as_what_nobody_hears() -> None:
    assert packets(np.zeros((12, 160), np.int16))[10] == b"\x46"


def test_a_word_is_sent_from_its_first_frame_on_and_the_pause_behind_it_waits() -> None:
    word = np.rint(3000 * np.sin(np.arange(5 * 160) / 3)).astype(np.int16).reshape(5, 160)
    sent = packets(np.concatenate([room(40, 30), word, room(40, 30)]))
    assert sent[30:45] == [None] * 15
    assert sent[45], "noise is told at once when the word is over for good"


def test_a_soft_beginning_is_sent_too() -> None:
    sent = packets(np.concatenate([room(20, 30), room(60, 3)]))
    assert sent[30:] == [None] * 3


def test_what_is_louder_than_a_room_is_sound() -> None:
    assert packets(room(200, 40)) == [None] * 40


def test_noise_that_grows_slowly_is_told_when_it_has_changed() -> None:
    frames = np.concatenate([room(20 * 1.03**n, 1) for n in range(55)])
    levels = [packet[0] for packet in packets(frames) if packet]
    assert len(levels) > 3
    assert levels == sorted(levels, reverse=True)
    assert levels[0] - levels[-1] > 8


def test_of_a_wide_codec_only_the_level_is_told() -> None:
    hush = Hush(spectrum=False)
    sent = [hush.packet(frame) for frame in room(40, 12)]
    assert len(sent[10] or b"") == 1


def test_a_bridged_peer_hears_the_room_of_the_other(stage) -> None:
    """From one telephone's room through both rows into the other's comfort noise."""
    one = stage.open(0, **agreed(PCMU))
    other = stage.open(1, **agreed(PCMU, comfort_out=13, comfort_in=13))
    one.bridge(other)
    for frame in room(60, 60):
        stage.run(stage.rtp(0, PCMU.encode(frame).tobytes()))
    noises = [packet for packet in stage.sent if packet.row == 1 and packet.kind == 13]
    assert noises
    level, shape = comfort.read(noises[-1].payload)
    assert abs(level - 55) <= 1
    assert shape is not None
    assert len([p for p in stage.sent if p.row == 1 and p.kind == 0]) < 20


def test_noise_that_comes_is_heard_with_its_spectrum(stage) -> None:
    stage.open(0, **agreed(PCMU))
    stage.open(1, **agreed(CODECS[2]))
    for row, kind in ((0, 0), (1, 9)):
        for n in range(5):
            stage.run(stage.rtp(row, bytes([0xFF] * 160), kind=kind, timestamp=160 * n))
        stage.run(stage.rtp(row, bytes([45, 20, 140]), kind=13, timestamp=800))
        for _ in range(60):
            stage.run()
        sound = stage.ring("heard", row, 50).astype(float)
        assert 0.75 < sound.std() / (32768 * 10 ** (-45 / 20)) < 1.3
        power = np.abs(np.fft.rfft(sound)) ** 2
        hz = np.fft.rfftfreq(len(sound), 1 / 16_000)
        assert power[hz < 600].mean() > 10 * power[(hz > 2000) & (hz < 3300)].mean()
