"""Each form, read back: as long as the call, each party in its place and on time."""

import stat

import numpy as np
import pytest
import soundfile

from gateway.archive.formats import FORMS, PARTIES, encode, path_of

FRAME = 320
RATE = 16_000


def lag(wanted: np.ndarray, found: np.ndarray) -> int:
    """Samples by which the loudness of one comes after that of the other."""
    a, b = (np.abs(x.astype(float)) for x in (wanted, found))
    both = np.fft.irfft(np.fft.rfft(b - b.mean(), 2 * len(a)) *
                        np.conj(np.fft.rfft(a - a.mean(), 2 * len(a))))  # fmt: skip
    at = int(np.argmax(both))
    return at if at < len(a) else at - 2 * len(a)


def loudness(sound: np.ndarray) -> np.ndarray:
    """Of each frame."""
    return np.abs(sound.astype(float)).reshape(-1, FRAME).mean(axis=1)


@pytest.mark.parametrize("name", FORMS)
def test_what_is_read_back_is_what_was_recorded(name: str, wav, tmp_path) -> None:
    form = FORMS[name]
    files = {party: path_of(tmp_path / f"a.{form.suffix}", party) for party in PARTIES}
    encode(wav, form, files)
    said, _ = soundfile.read(wav, dtype="int16")
    left, right = said.astype(int).T
    wanted = {"stereo": [left, right], "mono": [left + right], "customer": [left],
              "assistant": [right]}  # fmt: skip
    for party, path in files.items():
        found, rate = soundfile.read(path, dtype="int16", always_2d=True)
        assert (rate, soundfile.info(path).format) == (RATE, form.major)
        assert len(found) == len(said)
        assert found.shape[1] == len(wanted[party])
        for channel, its in zip(found.T, wanted[party], strict=True):
            assert abs(lag(its, channel)) < FRAME
            assert np.corrcoef(loudness(its), loudness(channel))[0, 1] > 0.8
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_left_of_an_encoding_that_failed(wav, tmp_path) -> None:
    wav.write_bytes(b"not a wave file")
    target = tmp_path / "a.mp3"
    with pytest.raises(soundfile.SoundFileError):
        encode(wav, FORMS["mp3"], {"stereo": target})
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]


def test_a_full_disk_is_an_error_and_no_short_file(wav, tmp_path) -> None:
    (tmp_path / "a.mp3.part").symlink_to("/dev/full")
    with pytest.raises((OSError, soundfile.SoundFileError)):
        encode(wav, FORMS["mp3"], {"stereo": tmp_path / "a.mp3"})
    assert not (tmp_path / "a.mp3").exists()
