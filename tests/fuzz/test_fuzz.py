"""Fuzzing in short: every corpus replayed, then mutated by a seed. It needs no atheris."""

import random
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
try:
    from targets import TARGETS
finally:
    sys.path.remove(str(HERE))

VECTORS = HERE.parent / "vectors" / "sip"
RUNS = {"framing": 4000, "stack": 4000, "rtp": 5000, "jitter": 500, "digits": 2000, "srtp": 1000,
        "sound": 500, "wideband": 1000, "beat": 30}  # fmt: skip
WORDS = [b"\r\n", b"\r\n ", b"\0", b'"', b"\\", b"<", b">", b";", b",", b":", b"=", b"@", b"[",
         b"]", b"%00", b"\xff", b"\xc3\xa9", b"\x85", b" ", b"\t", b"-1", b"99999999999999999999",
         b"Content-Length: 5\r\n", b"SIP/2.0"]  # fmt: skip


def corpus(name: str) -> list[bytes]:
    paths = sorted((HERE / "corpus" / name).iterdir())
    if name in ("message", "stack", "framing"):
        paths += sorted(VECTORS.glob("*/*.dat"))
    return [path.read_bytes() for path in paths]


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 5)):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        match rng.randrange(5):
            case 0:
                data = data[:at] + rng.choice(WORDS) + data[at:]
            case 1:
                data = data[:at] + data[min(to, at + 40) :]
            case 2:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 3:
                data = data[:at] + data[at : at + 60] + data[at:]
            case 4:
                start = rng.randrange(len(other) + 1)
                data = data[:at] + other[start : start + 60] + data[to:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_only_the_module_s_own_exceptions(name: str) -> None:
    target, seeds = TARGETS[name], corpus(name)
    for data in seeds:
        target(data)
        for end in range(0, len(data), max(1, len(data) // 20)):
            target(data[:end])
    rng = random.Random(name)
    for _ in range(RUNS.get(name, 15_000)):
        data = mutated(rng.choice(seeds), rng.choice(seeds), rng)
        try:
            target(data)
        except Exception as error:
            pytest.fail(f"{name}({data!r}): {error!r}")
