"""The process that holds one local model: requests on its input, answers on its output."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gateway.speech.local.models import Recogniser, Unloadable, Voice, recogniser, voice
from gateway.speech.local.pipe import Json, read, write

NICE = 5  # the beat and the conversations come first


class Desk:
    """What is asked, is answered: no IO here. ``model`` is loaded with the first request."""

    def __init__(self, kind: str, folder: Path, threads: int, language: str) -> None:
        self._kind, self._folder = kind, folder
        self._threads, self._language = threads, language
        self._model: Recogniser | Voice | None = None
        self._states: dict[str, Any] = {}

    def answer(self, head: Json, sound: bytes) -> tuple[Json, bytes]:
        try:
            if self._model is None:
                self._model = self._load()
            if isinstance(self._model, Voice):
                return self._speak(self._model, head)
            return self._hear(self._model, head, sound), b""
        except Unloadable as error:
            return {"error": str(error)}, b""
        except ImportError as error:
            return {"error": f"{error.name} is not installed: pip install 'trunkline[local]'"}, b""
        except Exception as error:  # the libraries raise what they like
            return {"error": f"{type(error).__name__}: {error}"}, b""

    def _load(self) -> Recogniser | Voice:
        if self._kind == "voice":
            return voice(self._folder, self._threads)
        return recogniser(self._kind, self._folder, self._threads, self._language)

    def _hear(self, model: Recogniser, head: Json, sound: bytes) -> Json:
        match head["do"]:
            case "begin":
                self._states[head["call"]] = model.begin()
                return {}
            case "sound":
                samples = np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)
                return {"text": model.hear(self._states[head["call"]], samples)}
            case "end":
                return {"text": model.end(self._states[head["call"]])}
        self._states.pop(head["call"], None)
        return {}

    @staticmethod
    def _speak(model: Voice, head: Json) -> tuple[Json, bytes]:
        samples, rate = model.speak(head["text"], head["speaker"], head["speed"])
        sound = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        return {"rate": rate}, sound.tobytes()


def serve(desk: Desk, requests: BinaryIO, answers: BinaryIO) -> None:
    while (request := read(requests)) is not None:
        write(answers, *desk.answer(*request))


def main() -> None:
    # It ends with its pipe. A signal to the whole group is not meant for it: while the gateway
    # drains, calls still have to be heard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICE)
    kind, folder, threads, language = sys.argv[1:5]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    serve(Desk(kind, Path(folder), int(threads), language), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
