"""Downloads of a call's recording: as it lies there, or made of it while it is sent; and of its
SIP messages."""

import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi.responses import FileResponse, Response, StreamingResponse

from gateway.api.errors import NotFound
from gateway.calls.record import CallRecord, Status

CHUNK = 16_384  # frames: a second at 16 kHz

Samples = npt.NDArray[np.int16]


def _both(frames: Samples) -> Samples:
    mixed = frames.astype(np.int32).sum(axis=1)
    clipped: Samples = mixed.clip(-32768, 32767).astype(np.int16)
    return clipped


# One channel out of two: the caller is on the left, the agent on the right.
MIXES: dict[str, Callable[[Samples], Samples]] = {
    "mono": _both,
    "customer": lambda frames: frames[:, 0],
    "assistant": lambda frames: frames[:, -1],
}


def download(record: CallRecord, state_dir: Path, which: str) -> Response:
    """``which`` is ``stereo`` or one of MIXES. Raises NotFound, which says what is missing."""
    if which != "stereo" and which not in MIXES:
        raise NotFound(f"There is no {which} recording; there are: stereo, {', '.join(MIXES)}")
    path = _find(record, state_dir)
    name = f"{record.id}-{which}.wav"
    if which == "stereo":
        return FileResponse(path, media_type="audio/wav", filename=name)
    try:
        with wave.open(str(path)) as sound:
            size = sound.getnframes() * 2
            if sound.getsampwidth() != 2:
                raise wave.Error("not 16 bits")
    except (wave.Error, EOFError) as error:
        raise NotFound(f"The recording of call {record.id} is damaged: {error}") from None
    headers = {
        "Content-Length": str(44 + size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return StreamingResponse(_stream(path, MIXES[which]), 200, headers, "audio/wav")


def capture(record: CallRecord, state_dir: Path) -> Response:
    """The call's SIP messages, as pcap. Raises NotFound."""
    if record.status is not Status.ENDED:
        raise NotFound(f"Call {record.id} has not ended; its SIP capture is ready when it has")
    if not record.capture:
        raise NotFound(f"The SIP messages of call {record.id} were not kept")
    path = state_dir / record.capture
    if not path.is_file():
        raise NotFound(
            f"The SIP capture of call {record.id} has been deleted, or is not written yet: "
            "it is once the last message was answered"
        )
    name = f"{record.id}.pcap"
    return FileResponse(path, media_type="application/vnd.tcpdump.pcap", filename=name)


def _find(record: CallRecord, state_dir: Path) -> Path:
    if record.status is not Status.ENDED:
        raise NotFound(f"Call {record.id} has not ended; its recording is ready when it has")
    if not record.recording:
        raise NotFound(f"Call {record.id} was not recorded")
    path = state_dir / record.recording
    if not path.is_file():
        raise NotFound(f"The recording of call {record.id} has been deleted")
    return path


def _stream(path: Path, mix: Callable[[Samples], Samples]) -> Iterator[bytes]:
    """A mono WAV file of the same rate and length. Runs in a worker thread."""
    with wave.open(str(path)) as sound:
        channels, left = sound.getnchannels(), sound.getnframes()
        yield _header(sound.getframerate(), left * 2)
        while left > 0:
            read = sound.readframes(min(CHUNK, left))
            whole = len(read) // (2 * channels)
            frames: Any = np.frombuffer(read, "<i2", whole * channels).reshape(-1, channels)
            if not len(frames):
                # The header promised more than the file has: a recorder that was killed.
                frames = np.zeros((min(CHUNK, left), channels), np.int16)
            left -= len(frames)
            yield np.ascontiguousarray(mix(frames), "<i2").tobytes()


def _header(rate: int, size: int) -> bytes:
    """RIFF, PCM, mono, 16 bits."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    data = struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data) + size, b"WAVE") + form + data
