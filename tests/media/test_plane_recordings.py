"""What a recorder or a disk does harms no call."""

import os
import signal
import wave
from pathlib import Path

import numpy as np

from gateway.media import recordings
from gateway.media.lines import FRAME, RING
from tests.media.planes import DEADLINE_S, HOST, until


def sides(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return sound[:, 0], sound[:, 1]


async def test_a_recording_outlives_its_recorder(plane, phone, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recordings, "_PATIENCE_S", DEADLINE_S)
    line = plane.take(0, HOST)
    phone.agree(line, echo=True)
    line.record(tmp_path / "call.wav")
    for n in range(60):
        phone.send(line.port, b"\x20\xa0" * 80)
        await phone.packet()
        if n == 20:
            os.kill(plane.pids["recorder"], signal.SIGKILL)
    beats = int(plane.lines["beat"][line.row])
    await line.give_back()
    assert line.recording_lost is None or "are silent" in line.recording_lost  # it took too long
    left, right = sides(tmp_path / "call.wav")
    assert len(left) >= beats * FRAME
    assert np.array_equal(left, right)  # an echo: both sides, on one clock
    loud = np.flatnonzero(np.abs(left.reshape(-1, FRAME).astype(int)).max(axis=1) > 100)
    assert loud[0] < 20
    assert loud[-1] > 50
    assert len(loud) > 30


async def test_a_disk_that_hangs_costs_the_recording_and_no_sound(plane, phone, tmp_path) -> None:
    """To the recorder, a disk that does not answer and being stopped are the same."""
    line = plane.take(0, HOST)
    phone.agree(line)
    first = int(plane.lines["beat"][line.row])
    line.record(tmp_path / "call.wav")
    before = await phone.packet()
    await until(lambda: (tmp_path / "call.wav").exists())
    os.kill(plane.pids["recorder"], signal.SIGSTOP)
    stopped = int(plane.lines["beat"][line.row])
    while int(plane.lines["beat"][line.row]) < stopped + RING + 20:
        after = await phone.packet()
        assert (after[0] - before[0]) % 2**16 == 1
        before = after
    os.kill(plane.pids["recorder"], signal.SIGCONT)
    await until(lambda: line.recording_lost is not None)
    assert "the disk was too slow" in line.recording_lost
    beats = int(plane.lines["beat"][line.row])
    await line.give_back()
    left, _ = sides(tmp_path / "call.wav")
    assert len(left) >= (beats - first - 5) * FRAME, "its time is the call's"


async def test_a_recording_that_cannot_be_made_harms_nothing(plane, phone, caplog) -> None:
    line = plane.take(0, HOST)
    phone.agree(line)
    line.record(Path("/dev/full"))
    await until(lambda: line.recording_lost is not None)
    assert "No space left" in line.recording_lost
    assert "a recording is incomplete" in caplog.text
    first = await phone.packet()
    assert (await phone.packet())[0] == (first[0] + 1) % 2**16
    await line.give_back()
