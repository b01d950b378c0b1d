"""The local models: what a folder holds, and how it is loaded. Runs in a process of its own.

``sherpa-onnx`` recognises as the sound comes and speaks with Piper's and Kokoro's voices;
``faster-whisper`` recognises whole utterances. Which kind a folder is, its files tell.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

RATE = 16_000
Samples = npt.NDArray[np.floating[Any]]  # -1 to 1


class Unloadable(Exception):
    """The folder is no model; ``str()`` says what is missing."""


class Recogniser(Protocol):
    def begin(self) -> Any:
        """The state of one call's sound."""

    def hear(self, state: Any, samples: Samples) -> str:
        """More sound; the words of this utterance so far."""

    def end(self, state: Any) -> str:
        """The utterance is over: all its words. The state is as at the beginning."""


class Streaming:
    """A streaming model of sherpa-onnx: a transducer, Paraformer, or CTC (Zipformer, T-one)."""

    TAIL_S = 0.5  # of silence, which lets the model say its last words

    def __init__(self, folder: Path, threads: int) -> None:
        import sherpa_onnx

        make = sherpa_onnx.OnlineRecognizer
        common = {"tokens": _one(folder, "tokens.txt"), "num_threads": threads}
        if _find(folder, "joiner*.onnx"):
            self._model = make.from_transducer(
                encoder=_one(folder, "encoder*.onnx"),
                decoder=_one(folder, "decoder*.onnx"),
                joiner=_one(folder, "joiner*.onnx"),
                **common,
            )
        elif _find(folder, "decoder*.onnx"):
            self._model = make.from_paraformer(
                encoder=_one(folder, "encoder*.onnx"),
                decoder=_one(folder, "decoder*.onnx"),
                **common,
            )
        elif "t-one" in folder.name or "t_one" in folder.name:
            self._model = make.from_t_one_ctc(model=_one(folder, "*.onnx"), **common)
        else:
            self._model = make.from_zipformer2_ctc(model=_one(folder, "*.onnx"), **common)

    def begin(self) -> Any:
        return self._model.create_stream()

    def hear(self, state: Any, samples: Samples) -> str:
        state.accept_waveform(RATE, samples)
        while self._model.is_ready(state):
            self._model.decode_stream(state)
        return self._text(state)

    def end(self, state: Any) -> str:
        text = self.hear(state, np.zeros(int(self.TAIL_S * RATE), np.float32))
        self._model.reset(state)
        return text

    def _text(self, state: Any) -> str:
        text = str(self._model.get_result(state)).strip()
        return text.lower() if text.isupper() else text  # many models know capitals only


class Whisper:
    """A model of faster-whisper, which is given an utterance when it is over."""

    def __init__(self, folder: Path, threads: int, language: str) -> None:
        import faster_whisper

        _one(folder, "model.bin")
        self._model = faster_whisper.WhisperModel(
            str(folder), device="auto", compute_type="int8", cpu_threads=threads,
            local_files_only=True,
        )  # fmt: skip
        self._language = language or None

    def begin(self) -> list[Samples]:
        return []

    def hear(self, state: list[Samples], samples: Samples) -> str:
        state.append(samples)
        return ""

    def end(self, state: list[Samples]) -> str:
        sound = np.concatenate(state) if state else np.zeros(0, np.float32)
        state.clear()
        segments, _ = self._model.transcribe(
            sound, language=self._language, beam_size=1, condition_on_previous_text=False,
        )  # fmt: skip
        return " ".join(segment.text.strip() for segment in segments).strip()


class Voice:
    """A voice of sherpa-onnx: Kokoro's if ``voices.bin`` is there, else Piper's (VITS)."""

    def __init__(self, folder: Path, threads: int) -> None:
        import sherpa_onnx

        tokens, data = _one(folder, "tokens.txt"), _find(folder, "espeak-ng-data") or ""
        if voices := _find(folder, "voices.bin"):
            lexicons = ",".join(str(path) for path in sorted(folder.glob("lexicon*.txt")))
            kokoro = sherpa_onnx.OfflineTtsKokoroModelConfig(
                model=_one(folder, "*.onnx"), voices=voices, tokens=tokens, data_dir=data,
                lexicon=lexicons,
            )  # fmt: skip
            model = sherpa_onnx.OfflineTtsModelConfig(kokoro=kokoro, num_threads=threads)
        else:
            vits = sherpa_onnx.OfflineTtsVitsModelConfig(
                model=_one(folder, "*.onnx"), tokens=tokens, data_dir=data,
                lexicon=_find(folder, "lexicon.txt") or "",
            )  # fmt: skip
            model = sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=threads)
        config = sherpa_onnx.OfflineTtsConfig(model=model)
        if not config.validate():
            raise Unloadable(f"{folder} is no voice that sherpa-onnx can load; its log says why")
        self._model = sherpa_onnx.OfflineTts(config)

    def speak(self, text: str, speaker: int, speed: float) -> tuple[Samples, int]:
        """The sound and its rate in Hz."""
        made = self._model.generate(text, sid=speaker, speed=speed)
        return np.asarray(made.samples, np.float32), int(made.sample_rate)


def recogniser(kind: str, folder: Path, threads: int, language: str) -> Recogniser:
    """Raises Unloadable."""
    if not folder.is_dir():
        raise Unloadable(f"no model at {folder}: `trunkline models` lists and fetches them")
    return Whisper(folder, threads, language) if kind == "faster-whisper" else Streaming(
        folder, threads
    )  # fmt: skip


def voice(folder: Path, threads: int) -> Voice:
    """Raises Unloadable."""
    if not folder.is_dir():
        raise Unloadable(f"no voice at {folder}: `trunkline models` lists and fetches them")
    return Voice(folder, threads)


def _find(folder: Path, pattern: str) -> str | None:
    """The smallest that fits: of a model there is often one with int8 weights beside the other."""
    found = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
    small = [path for path in found if "int8" in path.name] or found
    return str(min(small)) if small else None


def _one(folder: Path, pattern: str) -> str:
    found = _find(folder, pattern)
    if found is None:
        raise Unloadable(f"{folder} has no {pattern}")
    return found
