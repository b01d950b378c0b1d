"""The process that records: ``python -m gateway.media.recorder``, started by ``plane``.

Five times a second it copies what was heard (left) and said (right) out of the rings into each
recording's file. Both are on the row's own clock, its beats, so they never drift apart; beats it
came too late for are silence, and counted. While a recording is paused it is silence, too, so that
its time stays the call's. A slow or full disk costs the recording and nothing else.

Where a file stands follows from its size and the beat it began at, so a recorder that was killed
is replaced by one that goes on.
"""

import json
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Any

import numpy as np

from gateway.media.channel import hear, tell_if_room
from gateway.media.lines import BEAT_S, FRAME, RATE, RING, Lines
from gateway.media.wav import Wav

_EVERY_S = 0.2
_SAFE = RING - 10  # frames: older ones may be overwritten while they are copied
_BYTES = FRAME * 2 * 2  # of one frame, in stereo

Gaps = list[
    list[int]
]  # [first beat, beat after the last] each, the latter OPEN as long as it lasts
OPEN = 2**62


@dataclass
class Recording:
    row: int
    first: int  # the beat it begins at
    path: str
    wav: Wav | None
    gaps: Gaps = field(default_factory=list)  # in which it was paused
    lost: str | None = None  # why there is no more of it
    missed: int = 0  # beats it came too late for, and has not told yet


class Recorder:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._recordings: dict[int, Recording] = {}  # by the number main gave it

    def begin(
        self, number: int, row: int, first: int, path: str, fresh: bool, gaps: Gaps | None = None
    ) -> str | None:
        """Returns why it cannot be, or None."""
        recording = Recording(row, first, path, None)
        self._recordings[number] = recording
        try:
            recording.wav = Wav(Path(path), rate=RATE, channels=2, frame=_BYTES, fresh=fresh)
        except OSError as error:
            recording.lost = str(error)
        return self.pause(number, gaps) if gaps else recording.lost

    def pause(self, number: int, gaps: Gaps) -> str | None:
        """``gaps`` are all that the recording has by now. What was written of the last one, before
        this was known, is made silent. Returns why it cannot be, or None."""
        if (recording := self._recordings.get(number)) and recording.wav and not recording.lost:
            recording.gaps = gaps
            begin, end = (max(beat - recording.first, 0) for beat in gaps[-1])
            try:
                recording.wav.silence(begin, end)
            except OSError as error:
                recording.lost = str(error)
        return recording.lost if recording else None

    def missed(self) -> dict[int, int]:
        """Beats of each recording that are silence because it came too late, since last asked."""
        missed = {number: r.missed for number, r in self._recordings.items() if r.missed}
        for number in missed:
            self._recordings[number].missed = 0
        return missed

    def finish(self, number: int) -> str | None:
        """Write what is left and close; returns why something is missing, or None."""
        recording = self._recordings.pop(number, None)
        if recording is None:
            return "it was never begun"
        self._write(recording)
        if recording.wav:
            recording.wav.close()
        return recording.lost

    def write(self) -> dict[int, str]:
        """Copy what is new into every file; returns the recordings just lost, and why."""
        return {
            number: lost
            for number, recording in self._recordings.items()
            if not recording.lost and (lost := self._write(recording))
        }

    def _write(self, recording: Recording) -> str | None:
        if recording.lost or not recording.wav:
            return recording.lost
        upto = int(self._lines["beat"][recording.row])
        at = recording.first + recording.wav.frames
        try:
            while at < upto:
                count = min(upto - at, RING)
                recording.wav.add(self._stereo(recording, at, count, upto))
                at += count
        except OSError as error:
            recording.lost = str(error)
        return recording.lost

    def _stereo(self, recording: Recording, at: int, count: int, upto: int) -> bytes:
        sound = np.zeros((count, FRAME, 2), "<i2")
        row, beats = recording.row, np.arange(at, at + count)
        wanted = np.ones(count, bool)
        for begin, end in recording.gaps:
            wanted &= (beats < begin) | (beats >= end)
        kept = wanted & (beats >= upto - _SAFE)
        recording.missed += int(np.count_nonzero(wanted & ~kept))
        sound[kept, :, 0] = self._lines["heard"][row, beats[kept] % RING]
        sound[kept, :, 1] = self._lines["said"][row, beats[kept] % RING]
        return sound.tobytes()


def silent(beats: int) -> str:
    """How to say that these were lost."""
    return f"{beats * BEAT_S:.1f} s are silent: the disk was too slow, or the recorder was away"


def main() -> None:
    orders = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=orders["control"])
    recorder = Recorder(Lines(orders["lines"], orders["capacity"], None))
    tell_if_room(control, {"ready": True})
    try:
        while True:
            select([control], [], [], _EVERY_S)
            while message := hear(control):
                _obey(recorder, control, message[0])
            for number, lost in recorder.write().items():
                tell_if_room(control, {"lost": number, "why": lost})
            _tell_missed(recorder, control)
    except EOFError:
        recorder.write()


def _obey(recorder: Recorder, control: socket.socket, message: dict[str, Any]) -> None:
    if order := message.get("record"):
        if lost := recorder.begin(**order):
            tell_if_room(control, {"lost": order["number"], "why": lost})
    elif number := message.get("pause"):
        if lost := recorder.pause(number, message["gaps"]):
            tell_if_room(control, {"lost": number, "why": lost})
    elif number := message.get("finish"):
        recorder.write()
        _tell_missed(recorder, control)
        tell_if_room(control, {"finished": number, "why": recorder.finish(number)})


def _tell_missed(recorder: Recorder, control: socket.socket) -> None:
    for number, beats in recorder.missed().items():
        tell_if_room(control, {"missed": number, "beats": beats})


if __name__ == "__main__":
    main()
