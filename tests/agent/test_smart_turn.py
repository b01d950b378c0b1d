"""Smart Turn: Whisper's features, and a model of the same shape that is made here."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.agent.smart_turn import SmartTurn, features, log_odds
from gateway.errors import ConfigError
from tests.agent.stage import Stage, say


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    septets = bytearray()
    while value > 127:
        septets.append(value & 127 | 128)
        value >>= 7
    return bytes([*septets, value])


def tensor(name: str, *shape: int) -> bytes:
    dims = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def node(operation: str, takes: str, gives: str) -> bytes:
    return field(1, field(1, takes) + field(2, gives) + field(4, operation))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """ONNX: the sigmoid of the mean of the features."""
    graph = (
        field(1, field(1, "input_features") + field(2, "mean") + field(4, "ReduceMean"))
        + node("Sigmoid", "mean", "probability")
        + field(2, "tiny")
        + field(11, tensor("input_features", 1, 80, 800))
        + field(12, tensor("probability", 1, 1, 1))
    )
    path = tmp_path / "tiny.onnx"
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def voice(seconds: float) -> np.ndarray:
    at = np.arange(int(16_000 * seconds)) / 16_000
    wave = 0.3 * np.sin(2 * np.pi * 180 * at) * (np.sin(5 * at) > 0)
    wave += 0.05 * np.sin(2 * np.pi * 1000 * at * at)  # a chirp through every band
    return np.asarray(wave, np.float32)


def test_the_features_are_whispers() -> None:
    """The numbers are those of transformers' WhisperFeatureExtractor(chunk_length=8), for the same
    sound, padded in front and normalised as Smart Turn's own inference does."""
    made = features(voice(3.0))
    assert made.shape == (80, 800)
    assert made.dtype == np.float32
    places = [(0, 0), (5, 520), (5, 700), (20, 560), (40, 640), (60, 799)]
    assert [float(made[place]) for place in places] == pytest.approx(
        [-0.168586, 1.705357, -0.168586, -0.11765, -0.168586, -0.035578], abs=1e-5
    )
    assert float(made.mean()) == pytest.approx(-0.089318, abs=1e-5)


def test_only_the_last_eight_seconds_count() -> None:
    long = voice(11.0)
    assert np.array_equal(features(long), features(long[-8 * 16_000 :]))


def test_silence_is_no_trouble() -> None:
    assert np.isfinite(features(np.zeros(0, np.float32))).all()
    assert np.isfinite(features(np.zeros(200_000, np.float32))).all()


def test_a_model_is_asked(model: Path) -> None:
    sound = voice(2.0)
    pcm = (sound * 32767).astype(np.int16)
    expected = 1 / (1 + math.exp(-float(features(pcm / np.float32(32768)).mean())))
    assert SmartTurn(str(model)).finished(pcm.tobytes()) == pytest.approx(expected, abs=1e-4)


def test_a_model_that_is_none_names_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"agents.smart_turn: .*bad.onnx cannot be loaded"):
        SmartTurn(str(path))


def test_its_probability_as_log_odds() -> None:
    assert log_odds(0.5) == 0
    assert log_odds(1.0) == pytest.approx(math.log(1 / 99))
    assert log_odds(0.0) == pytest.approx(math.log(99))


class Judge:
    """A model that hears the same every time."""

    def __init__(self, finished: float) -> None:
        self.says = finished
        self.asked = 0

    def finished(self, pcm: bytes) -> float:
        self.asked += 1
        assert len(pcm) % 640 == 0
        return self.says


async def answered_after(finished: float) -> float:
    """Seconds from the end of the same words to the answer, as the model hears them."""
    judge = Judge(finished)
    async with Stage(smart_turn=judge) as stage:
        await stage.until("listening")
        stage.clay.replies = [say("All right.")]
        await stage.seconds(0.8, speech=True)
        silent_at = stage.now
        await stage.seconds(0.1)
        assert judge.asked == 1
        await stage.says("tuesday at ten")
        await stage.until("speaking")
        return stage.now - silent_at


async def test_it_makes_the_agent_quick_or_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(function: Callable[[bytes], float], pcm: bytes) -> float:
        return function(pcm)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    quick, patient = await answered_after(0.99), await answered_after(0.02)
    assert quick < 0.6
    assert patient > 1.5
