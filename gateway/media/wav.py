"""WAV files that can be read at any moment, also when their writer was killed: 16-bit PCM, whose
header is brought up to date with every piece of sound."""

import os
import struct
from pathlib import Path

HEADER = 44  # bytes
_MOST = 0xFFFFFFFF - HEADER  # bytes of sound that the header's 32 bits can tell


class Wav:
    """One file being written. ``frame`` is the bytes of a sample of all channels times those in
    a frame: sound is added, and counted on taking up a file again, in whole frames of it."""

    def __init__(self, path: Path, *, rate: int, channels: int, frame: int, fresh: bool) -> None:
        """``fresh`` begins anew; else a file that is there goes on. OSError if it cannot be."""
        self._frame = frame
        self._rate, self._channels = rate, channels
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if fresh else 0)
        self._fd = os.open(path, flags, 0o600)
        size = os.fstat(self._fd).st_size
        self.frames = max(size - HEADER, 0) // frame
        try:
            self._write_header()
        except OSError:
            self.close()
            raise

    def add(self, sound: bytes) -> None:
        """Whole frames. OSError: the disk is full or gone; what was written before stays whole."""
        if (self.frames * self._frame) + len(sound) > _MOST:
            raise OSError("a WAV file cannot hold more")
        self._put(self.frames, sound)
        self.frames += len(sound) // self._frame
        self._write_header()

    def silence(self, begin: int, end: int) -> None:
        """Have nothing be heard in these of the frames that were added. OSError."""
        if begin < (end := min(end, self.frames)):
            self._put(begin, bytes((end - begin) * self._frame))

    def _put(self, frame: int, sound: bytes) -> None:
        at = HEADER + frame * self._frame
        rest = memoryview(sound)
        while rest:
            written = os.pwrite(self._fd, rest, at)
            rest, at = rest[written:], at + written

    def _write_header(self) -> None:
        size, width = self.frames * self._frame, 2 * self._channels
        header = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF", size + HEADER - 8, b"WAVE",
            b"fmt ", 16, 1, self._channels, self._rate, self._rate * width, width, 16,
            b"data", size,
        )  # fmt: skip
        os.pwrite(self._fd, header, 0)

    def close(self) -> None:
        os.close(self._fd)
