"""Recordings: two sides on one clock, readable at any moment, and never a reason to stop."""

import resource
import signal
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.media.lines import FRAME, RING, Lines
from gateway.media.recorder import OPEN, Recorder, silent
from gateway.media.wav import HEADER, Wav


def read(path: Path) -> np.ndarray:
    """Frames x samples x (left, right)."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
        octets = file.readframes(file.getnframes())
    return np.frombuffer(octets, "<i2").reshape(-1, FRAME, 2)


def beats(stage, count: int) -> None:
    """Row 3 hears n and says -n in beat n."""
    lines = stage.media
    for _ in range(count):
        n = int(lines["beat"][3])
        lines["heard"][3, n % RING], lines["said"][3, n % RING] = n, -n
        lines["beat"][3] = n + 1


@pytest.fixture
def recorder(stage) -> Recorder:
    return Recorder(Lines(stage.main.fd, stage.main.capacity, None))


def begin(recorder: Recorder, path: Path, *, first: int = 0, fresh: bool = True) -> str | None:
    return recorder.begin(number=1, row=3, first=first, path=str(path), fresh=fresh)


def test_left_is_what_was_heard_and_right_what_was_said(stage, recorder, tmp_path) -> None:
    beats(stage, 7)
    begin(recorder, tmp_path / "a.wav", first=7)
    for count in (10, 3, 0, 90):
        beats(stage, count)
        recorder.write()
    beats(stage, 4)
    assert recorder.finish(1) is None
    sound = read(tmp_path / "a.wav")
    assert sound[:, 0, 0].tolist() == [*range(7, 114)]
    assert sound[:, -1, 1].tolist() == [-n for n in range(7, 114)]


def test_the_file_can_be_read_while_it_is_being_written(stage, recorder, tmp_path) -> None:
    begin(recorder, tmp_path / "a.wav")
    assert len(read(tmp_path / "a.wav")) == 0
    beats(stage, 5)
    recorder.write()
    assert len(read(tmp_path / "a.wav")) == 5
    recorder.finish(1)


def test_another_recorder_goes_on_and_what_it_missed_is_silence(stage, recorder, tmp_path) -> None:
    path = tmp_path / "a.wav"
    begin(recorder, path)
    beats(stage, 20)
    recorder.write()
    beats(stage, 150)
    with path.open("ab") as file:
        file.write(b"half a frame")  # the first one was killed in the middle of a write
    other = Recorder(Lines(stage.main.fd, stage.main.capacity, None))
    begin(other, path, fresh=False)
    other.write()
    beats(stage, 10)
    assert other.finish(1) is None
    recorder.finish(1)
    sound = read(path)[:, 5, 0]
    assert len(sound) == 180
    assert sound[:20].tolist() == [*range(20)]
    assert sound[100:].tolist() == [*range(100, 180)]
    assert not sound[20:75].any()


def test_a_new_recording_does_not_go_on_with_an_old_file(stage, recorder, tmp_path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"x" * 100_000)
    begin(recorder, path)
    beats(stage, 3)
    recorder.finish(1)
    assert len(read(path)) == 3


def test_a_full_disk_ends_the_recording_and_says_why(stage, recorder) -> None:
    assert "No space left" in (begin(recorder, Path("/dev/full")) or "")
    beats(stage, 5)
    assert recorder.write() == {}
    assert "No space left" in (recorder.finish(1) or "")


def test_a_disk_that_fills_up_leaves_what_was_written(
    stage, recorder, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "a.wav"
    begin(recorder, path)
    beats(stage, 5)
    recorder.write()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    beats(stage, 5)
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        assert "No space left" in recorder.write()[1]
    beats(stage, 5)
    assert recorder.write() == {}
    assert "No space left" in (recorder.finish(1) or "")
    assert len(read(path)) == 5


def test_a_path_that_cannot_be_written_is_told(recorder, tmp_path) -> None:
    assert "No such file" in (begin(recorder, tmp_path / "nowhere" / "a.wav") or "")


def test_while_it_is_paused_there_is_silence_on_both_sides_and_time_goes_on(
    stage, recorder, tmp_path
) -> None:
    begin(recorder, tmp_path / "a.wav", first=5)
    beats(stage, 30)
    recorder.write()  # before the pause that began in beat 20 is known
    recorder.pause(1, [[20, OPEN]])
    beats(stage, 20)
    recorder.write()
    recorder.pause(1, [[20, 50]])
    beats(stage, 20)
    recorder.pause(1, [[20, 50], [60, OPEN]])
    beats(stage, 5)
    assert recorder.finish(1) is None
    assert recorder.missed() == {}
    sound = read(tmp_path / "a.wav")
    wanted = [0 if 20 <= n < 50 or n >= 60 else n for n in range(5, 75)]
    assert sound[:, 7, 0].tolist() == wanted
    assert sound[:, 7, 1].tolist() == [-n for n in wanted]


def test_a_recorder_that_takes_over_knows_the_pauses(stage, recorder, tmp_path) -> None:
    path = tmp_path / "a.wav"
    begin(recorder, path)
    beats(stage, 15)
    recorder.write()  # of the pause in beat 10 it did not hear any more
    beats(stage, 15)
    other = Recorder(Lines(stage.main.fd, stage.main.capacity, None))
    other.begin(number=1, row=3, first=0, path=str(path), fresh=False, gaps=[[10, 20]])
    other.finish(1)
    assert read(path)[:, 0, 0].tolist() == [*range(10), *[0] * 10, *range(20, 30)]
    recorder.finish(1)


def test_what_it_came_too_late_for_is_counted_but_not_what_was_paused(
    stage, recorder, tmp_path
) -> None:
    begin(recorder, tmp_path / "a.wav")
    recorder.pause(1, [[0, 40]])
    beats(stage, 200)
    recorder.write()
    assert recorder.missed() == {1: 200 - (RING - 10) - 40}
    assert recorder.missed() == {}
    assert silent(70) == "1.4 s are silent: the disk was too slow, or the recorder was away"
    recorder.finish(1)


def test_a_limit_of_the_files_size_ends_the_recording_and_says_why(
    stage, recorder, tmp_path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        begin(recorder, tmp_path / "a.wav")
        beats(stage, 5)
        recorder.write()
        resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER + 7 * 1280, before[1]))
        beats(stage, 5)
        assert "File too large" in recorder.write()[1]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert len(read(tmp_path / "a.wav")) == 5
    assert "File too large" in (recorder.finish(1) or "")


def test_what_was_never_begun_is_told(recorder) -> None:
    assert recorder.finish(9) == "it was never begun"


def test_a_wav_file_tells_its_size(tmp_path) -> None:
    wav = Wav(tmp_path / "a.wav", rate=8000, channels=1, frame=4, fresh=True)
    wav.add(b"\1\0\2\0\3\0\4\0")
    wav.close()
    octets = (tmp_path / "a.wav").read_bytes()
    assert len(octets) == HEADER + 8
    assert int.from_bytes(octets[4:8], "little") == len(octets) - 8
    assert int.from_bytes(octets[40:44], "little") == 8
