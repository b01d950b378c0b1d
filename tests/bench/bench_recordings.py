"""What denoising costs a beat, and what each form of recording costs after a call.

``python -m tests.bench.bench_recordings``
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from gateway.archive.formats import FORMS, PARTIES, encode, path_of
from gateway.media.denoise import Denoising
from gateway.media.lines import FRAME, Lines

ROWS, BEATS = 50, 100
CALL_S = 60


def denoising() -> float:
    """Seconds for one row's frame, the median of the beats."""
    lines = Lines.make(ROWS)
    denoising, rows = Denoising(lines), np.arange(ROWS)
    frames = np.random.default_rng(1).normal(0, 800, (BEATS, ROWS, FRAME)).astype(np.int16)
    spent = []
    for frame in frames:
        began = time.perf_counter()
        denoising.run(rows, frame)
        spent.append((time.perf_counter() - began) / ROWS)
    lines.close()
    return float(np.median(spent[10:]))


def encoding(form: str) -> tuple[float, int]:
    """Seconds of a core for a minute's call, and bytes of its files."""
    noise = np.random.default_rng(2).normal(0, 1500, (CALL_S * 16_000, 2))
    noise *= (np.arange(len(noise)) // 32_000 % 2)[:, None] == np.array([0, 1])
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "call.wav"
        soundfile.write(wav, noise.astype(np.int16), 16_000, subtype="PCM_16")
        stereo = Path(folder) / f"kept.{FORMS[form].suffix}"
        files = {party: path_of(stereo, party) for party in PARTIES}
        began = time.process_time()
        encode(wav, FORMS[form], files)
        return time.process_time() - began, sum(path.stat().st_size for path in files.values())


def main() -> None:
    row_s = denoising()
    print(f"denoising: {row_s * 1e6:.1f} us a row and beat, {row_s / 0.02:.2%} of a core a call")
    for form in FORMS:
        spent, size = encoding(form)
        print(f"{form}: {spent:.2f} s a minute, {spent / CALL_S:.1%}; {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
