"""Models on this machine, in processes of their own: a small voice that runs, and a recogniser's
protocol; what is not there is named."""

import asyncio
import io
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Heard, Hearing
from gateway.speech.local.models import Unloadable, Voice, recogniser, voice
from gateway.speech.local.pipe import read, write
from gateway.speech.local.process import Desk, serve
from gateway.speech.local.speaking import LocalSpeaking, Options
from gateway.speech.settings import VendorSettings
from tests.speech import small_models

TONE = (np.sin(np.arange(320) * 0.2) * 8000).astype(np.int16).tobytes()


class Parrot:
    """Hears how many frames there were."""

    def begin(self) -> list[int]:
        return []

    def hear(self, state: list[int], samples: Any) -> str:
        state.append(len(samples))
        return f"{sum(state) // 320} so far"

    def end(self, state: list[int]) -> str:
        heard = f"{sum(state) // 320} in all"
        state.clear()
        return heard


def desk(model: Any = None) -> Desk:
    desk = Desk("sherpa-onnx", Path("/nowhere"), 1, "")
    desk._model = model
    return desk


def ask(desk: Desk, **head: Any) -> dict[str, Any]:
    return desk.answer({"call": "a", **head}, TONE)[0]


def test_calls_share_a_model_and_not_their_words() -> None:
    parrot = desk(Parrot())
    for call in ("a", "b"):
        assert ask(parrot, do="begin", call=call) == {}
    assert ask(parrot, do="sound")["text"] == "1 so far"
    assert ask(parrot, do="sound")["text"] == "2 so far"
    assert ask(parrot, do="end", call="b")["text"] == "0 in all"
    assert ask(parrot, do="end")["text"] == "2 in all"
    assert ask(parrot, do="close") == {}
    assert "error" in ask(parrot, do="sound")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "no model at /nowhere: `trunkline models`" in ask(desk(), do="begin")["error"]
    with pytest.raises(Unloadable, match=r"has no tokens\.txt"):
        voice(tmp_path, 1)
    with pytest.raises(Unloadable, match=r"has no tokens\.txt"):
        recogniser("sherpa-onnx", tmp_path, 1, "")
    (tmp_path / "tokens.txt").write_text("a 0")
    with pytest.raises(Unloadable, match=r"has no \*\.onnx"):
        recogniser("sherpa-onnx", tmp_path, 1, "")


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError(name="faster_whisper")

    monkeypatch.setattr(Desk, "_load", missing)
    assert ask(desk(), do="begin")["error"].startswith("faster_whisper is not installed: pip")


def test_a_pipe_carries_requests_and_sound() -> None:
    requests, answers = io.BytesIO(), io.BytesIO()
    write(requests, {"do": "begin", "call": "a"})
    write(requests, {"do": "sound", "call": "a"}, TONE * 2)
    requests.seek(0)
    serve(desk(Parrot()), requests, answers)
    answers.seek(0)
    assert [read(answers), read(answers), read(answers)] == [
        ({}, b""), ({"text": "2 so far"}, b""), None,
    ]  # fmt: skip


def test_a_voice_speaks(tmp_path: Path) -> None:
    made = Voice(small_models.voice(tmp_path / "voice", rate=22_050, seconds=0.5), 1)
    samples, rate = made.speak("Hello there.", 0, 1.0)
    assert rate == 22_050
    assert len(samples) == rate // 2
    assert 0.2 < float(np.abs(samples).max()) <= 0.25


async def test_a_sentence_comes_from_the_process_at_our_rate(tmp_path: Path) -> None:
    small_models.voice(tmp_path / "amy", seconds=0.5)
    settings = VendorSettings(base_url=str(tmp_path))
    speaking = LocalSpeaking("amy", Options(speed=1.2), settings)
    await speaking.open()
    pieces = [piece async for piece in speaking.speak("Hello there.")]
    assert len(b"".join(pieces)) == pytest.approx(16_000, abs=8)  # half a second
    await speaking.close()


def ear(folder: str) -> Hearing:
    return catalog.hearing("sherpa-onnx", folder, {}, VendorSettings(), "c")


async def test_a_model_that_is_not_there_is_our_fault() -> None:
    hearing = ear("/nowhere/model")
    with pytest.raises(VendorError, match="no model at /nowhere/model") as failure:
        await hearing.open()
    assert failure.value.fault is Fault.OURS
    await hearing.close()


async def test_words_come_while_the_caller_speaks_and_end_with_the_utterance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hearing = ear("/any")
    parrot = desk(Parrot())

    async def answer(what: str, sound: bytes = b"", timeout_s: float | None = None) -> str:
        head, _ = parrot.answer({"do": what, "call": "a"}, sound)
        return str(head.get("text", ""))

    monkeypatch.setattr(hearing, "_ask", answer)
    await hearing.open()
    hearing.hear(TONE)
    hearing.onset()
    for _ in range(12):
        hearing.hear(TONE)
    hearing.offset()
    for _ in range(12):
        hearing.hear(bytes(640))
    heard = []
    async for words in hearing.events():
        heard.append(words)
        if words.final:
            break
    assert [h.final for h in heard[:-1]] == [False] * (len(heard) - 1)
    assert heard[-1] == Heard("23 in all", final=True)  # with the frame before the onset
    await hearing.close()


async def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    from gateway.speech.worker import Worker

    folder = small_models.voice(tmp_path / "voice", seconds=0.1)
    worker = Worker("local", "gateway.speech.local.process", "voice", str(folder), "1", "")
    request = {"text": "Hi.", "speaker": 0, "speed": 1.0}
    _, first = await worker.ask(request, b"", 60.0)
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    asking = asyncio.ensure_future(worker.ask(request, b"", 60.0))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(VendorError, match="its process died"):
        await asking
    assert (await worker.ask(request, b"", 60.0))[1] == first
    assert worker.pid != pid
    await worker.close()
