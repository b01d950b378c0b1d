"""Downloads of a call's recording: as it lies there, or made of it while it is sent; and of its
SIP messages."""

import gzip
import json
import struct
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from gateway.api.errors import NotFound
from gateway.archive.formats import FORMS, MIXES, PARTIES, Samples, path_of
from gateway.calls.record import CallRecord, Status

CHUNK = 16_384  # frames: a second at 16 kHz


def download(record: CallRecord, state_dir: Path, which: str) -> Response:
    """``which`` is one of PARTIES: as a file here, or else where it lies in a bucket. Raises
    NotFound, which says what is missing."""
    if which not in PARTIES:
        raise NotFound(f"There is no {which} recording; there are: {', '.join(PARTIES)}")
    path = _find(record, state_dir)
    if path is None:
        assert record.stored
        valid = datetime.now(UTC) < record.stored.expires_at
        return RedirectResponse((record.stored.presigned if valid else record.stored.urls)[which])
    form = next(form for form in FORMS.values() if path.suffix == f".{form.suffix}")
    name = f"{record.id}-{which}.{form.suffix}"
    own = path_of(path, which)
    if own.is_file():
        return FileResponse(own, media_type=form.media_type, filename=name)
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


def taken(record: CallRecord, state_dir: Path, number: int) -> Response:
    """A message that the caller left, as WAV. Raises NotFound."""
    if not 1 <= number <= len(record.taken):
        raise NotFound(f"Call {record.id} has {len(record.taken)} messages, and no number {number}")
    path = state_dir / record.taken[number - 1].path
    if not path.is_file():
        raise NotFound(f"Message {number} of call {record.id} is not written yet, or was deleted")
    return FileResponse(path, media_type="audio/wav", filename=path.name)


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


def call_log(record: CallRecord) -> Response:
    """What happened and what was said, in order, as gzipped lines of JSON. Raises NotFound."""
    if record.status is not Status.ENDED:
        raise NotFound(f"Call {record.id} has not ended; its log is ready when it has")
    happened = [
        {"time": event.at.isoformat(), "event": event.what, **event.facts}
        for event in record.events
    ]
    said = [
        {"time": line.at.isoformat(), "event": "said", "role": line.role, "text": line.text}
        for line in record.transcript
    ]
    entries = sorted(happened + said, key=lambda entry: str(entry["time"]))
    lines = "".join(json.dumps(entry, default=str) + "\n" for entry in entries)
    headers = {"Content-Disposition": f'attachment; filename="{record.id}.jsonl.gz"'}
    return Response(gzip.compress(lines.encode(), mtime=0), 200, headers, "application/gzip")


def _find(record: CallRecord, state_dir: Path) -> Path | None:
    """The stereo file; None: it lies in a bucket and no more here."""
    if record.status is not Status.ENDED:
        raise NotFound(f"Call {record.id} has not ended; its recording is ready when it has")
    if not record.recording:
        raise NotFound(f"Call {record.id} was not recorded")
    path = state_dir / record.recording
    # A gateway that was killed may have brought it into another form and not noted that.
    for form in FORMS.values():
        if (one := path.with_suffix(f".{form.suffix}")).is_file():
            return one
    if record.stored:
        return None
    raise NotFound(f"The recording of call {record.id} has been deleted")


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
