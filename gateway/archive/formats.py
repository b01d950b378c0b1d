"""The forms that a recording may have, and how the stereo WAV file is brought into them."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.int16]

_AT_ONCE = 16_000 * 10  # frames


@dataclass(frozen=True)
class Form:
    """``major`` and ``subtype`` are libsndfile's names."""

    suffix: str
    media_type: str
    major: str
    subtype: str


FORMS = {
    "wav": Form("wav", "audio/wav", "WAV", "PCM_16"),
    "mp3": Form("mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "opus": Form("opus", "audio/ogg", "OGG", "OPUS"),  # RFC 7845 section 9 has this suffix
}


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
PARTIES = ("stereo", *MIXES)


def path_of(stereo: Path, party: str) -> Path:
    """Where a party's file lies, beside the stereo one."""
    return stereo if party == "stereo" else stereo.with_stem(f"{stereo.stem}-{party}")


def encode(wav: Path, form: Form, files: Mapping[str, Path]) -> None:
    """Write a file for each party; all of them appear at the end, complete, that of ``stereo``
    last. Raises OSError, soundfile.SoundFileError."""
    parts = {party: path.with_name(path.name + ".part") for party, path in files.items()}
    try:
        with ExitStack() as opened:
            sound = opened.enter_context(soundfile.SoundFile(wav))
            out = {
                party: opened.enter_context(
                    soundfile.SoundFile(
                        part, "w", sound.samplerate, 2 if party == "stereo" else 1,
                        format=form.major, subtype=form.subtype,
                    )
                )
                for party, part in parts.items()
            }  # fmt: skip
            while len(frames := sound.read(_AT_ONCE, "int16", always_2d=True)):
                for party, file in out.items():
                    file.write(MIXES[party](frames) if party in MIXES else frames)
        for party in sorted(parts, key=lambda party: party == "stereo"):
            parts[party].chmod(0o600)
            parts[party].replace(files[party])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
