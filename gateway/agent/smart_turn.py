"""Smart Turn v3, where its model's path is configured: a small network that hears whether a turn
is over (https://github.com/pipecat-ai/smart-turn, BSD 2-clause). Its input are Whisper's features
of the last eight seconds: log-mel, 80 bands, 10 ms apart.
"""

import math
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gateway.errors import ConfigError
from gateway.speech.contract import RATE

SECONDS = 8
_SAMPLES = SECONDS * RATE
_WINDOW, _HOP, _BANDS = 400, 160, 80

Floats = npt.NDArray[np.float32]


class TurnModel(Protocol):
    def finished(self, pcm: bytes) -> float:
        """The probability that the turn is over. ``pcm``: int16 at 16 kHz, the turn so far. Takes
        some ten milliseconds of a core: not to be called in the beat."""


class SmartTurn:
    """Raises ConfigError if the model cannot be loaded."""

    def __init__(self, path: str) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise ConfigError(
                f"agents.smart_turn is {path}, but onnxruntime is not installed: "
                'install the extra "turns"'
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = onnxruntime.InferenceSession(
                path, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has no error class of its own for this
            raise ConfigError(f"agents.smart_turn: {path} cannot be loaded: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def finished(self, pcm: bytes) -> float:
        sound = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768.0
        (answer,) = self._session.run(None, {self._input: features(sound)[np.newaxis]})[:1]
        return float(min(1.0, max(0.0, np.ravel(answer)[0])))


def log_odds(finished: float) -> float:
    """Of "the caller goes on", by the model's probability that the turn is over."""
    finished = min(0.99, max(0.01, finished))
    return math.log((1 - finished) / finished)


def features(sound: Floats) -> Floats:
    """(80, 800): what transformers' WhisperFeatureExtractor(chunk_length=8) makes of the last
    eight seconds, which are filled up with silence in front and normalised."""
    last = sound[-_SAMPLES:]
    whole = np.concatenate([np.zeros(_SAMPLES - len(last), np.float32), last])
    whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    padded = np.pad(whole, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:-1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    power = np.abs(np.fft.rfft(windows * hann)) ** 2
    mel = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return np.asarray((mel + 4.0) / 4.0, np.float32)


@cache
def _filters() -> npt.NDArray[np.float64]:
    """(80, 201): triangles on Slaney's mel scale, linear to 1 kHz, each of the same area."""
    top = _mel(RATE / 2)
    edges = np.array([_hertz(m) for m in np.linspace(0.0, top, _BANDS + 2)])
    bins = np.linspace(0.0, RATE / 2, _WINDOW // 2 + 1)
    slopes = edges[:, np.newaxis] - bins
    widths = np.diff(edges)[:, np.newaxis]
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis])


_STEP = 200.0 / 3  # hertz a mel below 1 kHz
_LOGARITHMIC = 27.0 / math.log(6.4)  # mels a unit of the logarithm above


def _mel(hertz: float) -> float:
    if hertz < 1000.0:
        return hertz / _STEP
    return 15.0 + math.log(hertz / 1000.0) * _LOGARITHMIC


def _hertz(mel: float) -> float:
    if mel < 15.0:
        return mel * _STEP
    return 1000.0 * math.exp((mel - 15.0) / _LOGARITHMIC)
