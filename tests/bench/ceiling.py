"""What one thread of C would need for the same rows: ``ceiling.c``, built by the machine's ``cc``.

It runs in the bench's own process and thread, with webrtcvad's own code, so that both are measured
by one clock on one machine.
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import _webrtcvad
import numpy as np

from gateway_codecs import PCMU
from gateway_codecs.resample import _odd_taps

STAGES = ("receive", "compute", "send")
SETTLED = 20  # beats that do not count
_FUNCTIONS = ("Create", "Init", "set_mode", "Process", "Free")


class _Given(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_void_p)
            for name in (*_FUNCTIONS, "decoded", "encoded", "taps", "speech")
        ),
        ("frames", ctypes.c_int),
    ]


def built(folder: Path) -> ctypes.CDLL | None:
    """None: this machine has no C compiler."""
    if not (compiler := shutil.which("cc")):
        return None
    made = folder / "ceiling.so"
    subprocess.run(
        [compiler, "-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC", "-o", made,
         Path(__file__).with_suffix(".c"), "-lm"],
        check=True,
    )  # fmt: skip
    return ctypes.CDLL(str(made))


def ceiling(rows: int, beats: int, speech: np.ndarray) -> dict[str, float] | None:
    """µs a row and beat, by stage, of the median beat. ``speech``: frames x 160 octets."""
    with tempfile.TemporaryDirectory() as folder:
        library = built(Path(folder))
    if library is None:
        return None
    detector = ctypes.CDLL(_webrtcvad.__file__)
    functions = [ctypes.cast(getattr(detector, f"WebRtcVad_{name}"), ctypes.c_void_p).value
                 for name in _FUNCTIONS]  # fmt: skip
    decoded = PCMU.decode(np.arange(256, dtype=np.uint8)[None])[0].copy()
    encoded = PCMU.encode(np.arange(65536, dtype=np.uint16).view(np.int16)[None])[0].copy()
    tables = (decoded, encoded, _odd_taps().astype(np.float32), np.ascontiguousarray(speech))
    given = _Given(*functions, *(table.ctypes.data for table in tables), len(speech))
    spent = np.zeros((SETTLED + beats, len(STAGES)))
    library.ceiling.restype = ctypes.c_long
    lost = library.ceiling(rows, len(spent), ctypes.byref(given),
                           spent.ctypes.data_as(ctypes.c_void_p))  # fmt: skip
    assert not lost
    spent = spent[SETTLED:] * 1e6 / rows
    its = {name: float(np.median(column)) for name, column in zip(STAGES, spent.T, strict=True)}
    return {**its, "whole": float(np.median(spent.sum(axis=1)))}


if __name__ == "__main__":
    import sys

    from tests.bench.voices import voice

    for n in sys.argv[1:]:
        print(n, ceiling(int(n), 60, PCMU.encode(voice(160 * 500, 8000)).reshape(-1, 160)))
