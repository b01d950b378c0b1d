"""The vendors' sides of the transcribers' protocols, each from its documentation."""

import base64
import json
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

Read = tuple[str, Any]  # "sound" and samples, "start" and what it said, "end", "bye", "other"


def samples(pcm: bytes) -> Any:
    return np.frombuffer(pcm, "<i2")


def frame(**fields: Any) -> str:
    return json.dumps(fields)


class Tongue:
    rate: ClassVar[int] = 16_000
    orders: ClassVar[dict[str, str]] = {}  # what a message's type means

    def greeting(self) -> Iterable[str]:
        return ()

    def welcome(self) -> Iterable[str]:
        return ()

    def read(self, message: str | bytes) -> Read:
        if isinstance(message, bytes):
            return "sound", samples(message)
        asked = json.loads(message)
        return self.orders[asked.get("type") or asked.get("message")], asked

    def took(self) -> Iterable[str]:
        """Said of each piece of sound."""
        return ()

    def began(self) -> Iterable[str]:
        return ()

    def interim(self, text: str) -> Iterable[str]:
        raise NotImplementedError

    def final(self, text: str, asked: bool) -> Iterable[str]:
        raise NotImplementedError


class AssemblyAI(Tongue):
    orders: ClassVar = {"ForceEndpoint": "end", "Terminate": "bye", "KeepAlive": "other"}

    def greeting(self) -> Iterable[str]:
        yield frame(type="Begin", id="s", expires_at="2026-01-01T00:00:00Z")

    def _turn(self, text: str, end: bool, formatted: bool) -> str:
        words = [
            {"text": w, "start": 0, "end": 9, "confidence": 0.9, "word_is_final": end}
            for w in text.split()
        ]
        return frame(
            type="Turn", turn_order=0, turn_is_formatted=formatted, end_of_turn=end,
            transcript=text, end_of_turn_confidence=0.8, words=words,
        )  # fmt: skip

    def interim(self, text: str) -> Iterable[str]:
        yield self._turn(text, False, False)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        if text:
            yield self._turn(text, True, False)
            yield self._turn(text, True, True)


class Azure(Tongue):
    def read(self, message: str | bytes) -> Read:
        if isinstance(message, str):
            head, _, body = message.partition("\r\n\r\n")
            assert "X-RequestId: " in head
            return ("start" if "Path: speech.config" in head else "other"), json.loads(body)
        size = int.from_bytes(message[:2], "big")
        head, data = message[2 : 2 + size].decode(), message[2 + size :]
        assert head.startswith("Path: audio\r\n")
        if not data:
            return "bye", None
        if data.startswith(b"RIFF"):
            assert data[8:16] == b"WAVEfmt "
            data = data[44:]
        return "sound", samples(data)

    def _say(self, path: str, **fields: Any) -> Iterable[str]:
        body = json.dumps(fields)
        yield f"X-RequestId:0\r\nContent-Type:application/json\r\nPath:{path}\r\n\r\n{body}"

    def began(self) -> Iterable[str]:
        return self._say("speech.startDetected", Offset=0)

    def interim(self, text: str) -> Iterable[str]:
        return self._say("speech.hypothesis", Text=text, Offset=0, Duration=1)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        best = {"Confidence": 0.9, "Lexical": text, "Display": text}
        return self._say("speech.phrase", RecognitionStatus="Success", NBest=[best])


class Cartesia(Tongue):
    def read(self, message: str | bytes) -> Read:
        if isinstance(message, str):
            return {"finalize": "end", "done": "bye"}[message], None
        return super().read(message)

    def _transcript(self, text: str, final: bool) -> str:
        return frame(type="transcript", is_final=final, request_id="r", text=text, duration=1.0)

    def interim(self, text: str) -> Iterable[str]:
        yield self._transcript(text, False)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        if text:
            first, _, rest = text.partition(" ")
            yield self._transcript(first, True)
            yield self._transcript(f" {rest}" if rest else "", True)
        if asked:
            yield frame(type="flush_done", request_id="r")


class Custom(Tongue):
    orders: ClassVar = {"start": "start"}

    def read(self, message: str | bytes) -> Read:
        if isinstance(message, bytes):
            both = samples(message).reshape(-1, 2)
            assert not both[:, 1].any()
            return "sound", both[:, 0]
        return super().read(message)

    def _response(self, text: str, **more: str) -> str:
        return frame(type="transcriber-response", transcription=text, channel="customer", **more)

    def interim(self, text: str) -> Iterable[str]:
        yield self._response(text, transcriptType="partial")
        yield frame(type="transcriber-response", transcription="no", channel="assistant")

    def final(self, text: str, asked: bool) -> Iterable[str]:
        yield self._response(text)


class DeepgramFlux(Tongue):
    orders: ClassVar = {"CloseStream": "bye"}

    def greeting(self) -> Iterable[str]:
        yield frame(type="Connected", request_id="r", sequence_id=0)

    def _turn(self, event: str, text: str) -> str:
        words = [{"word": word, "confidence": 0.9} for word in text.split()]
        return frame(
            type="TurnInfo", request_id="r", sequence_id=1, event=event, turn_index=0,
            audio_window_start=0.0, audio_window_end=1.0, transcript=text, words=words,
            end_of_turn_confidence=0.5,
        )  # fmt: skip

    def took(self) -> Iterable[str]:
        yield self._turn("Update", "")

    def began(self) -> Iterable[str]:
        yield self._turn("StartOfTurn", "")

    def interim(self, text: str) -> Iterable[str]:
        yield self._turn("Update", text)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        yield self._turn("EagerEndOfTurn", text)
        yield self._turn("TurnResumed", text)
        yield self._turn("EndOfTurn", text)


class ElevenLabs(Tongue):
    def greeting(self) -> Iterable[str]:
        yield frame(message_type="session_started", session_id="s", config={})

    def read(self, message: str | bytes) -> Read:
        asked = json.loads(message)
        assert asked["message_type"] == "input_audio_chunk"
        sound = samples(base64.b64decode(asked["audio_base_64"]))
        return ("end", None) if asked["commit"] else ("sound", sound)

    def interim(self, text: str) -> Iterable[str]:
        yield frame(message_type="partial_transcript", text=text)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        if text or asked:
            yield frame(message_type="committed_transcript", text=text)


class Gladia(Tongue):
    orders: ClassVar = {"stop_recording": "bye"}

    def took(self) -> Iterable[str]:
        yield frame(type="audio_chunk", session_id="s", acknowledged=True)

    def began(self) -> Iterable[str]:
        yield frame(type="speech_start", session_id="s", data={"time": 0.1, "channel": 0})

    def _transcript(self, text: str, final: bool) -> str:
        utterance = {"text": text, "language": "en", "confidence": 0.9, "start": 0, "end": 1}
        data = {"id": "0", "is_final": final, "utterance": utterance}
        return frame(type="transcript", session_id="s", data=data)

    def interim(self, text: str) -> Iterable[str]:
        yield self._transcript(text, False)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        yield self._transcript(text, True)


class OpenAI(Tongue):
    rate: ClassVar[int] = 24_000
    orders: ClassVar = {"session.update": "start", "input_audio_buffer.commit": "end"}

    def greeting(self) -> Iterable[str]:
        yield frame(type="session.created", session={"type": "transcription"})

    def welcome(self) -> Iterable[str]:
        yield frame(type="session.updated", session={"type": "transcription"})

    def read(self, message: str | bytes) -> Read:
        asked = json.loads(message)
        if asked["type"] == "input_audio_buffer.append":
            return "sound", samples(base64.b64decode(asked["audio"]))
        return super().read(message)

    def interim(self, text: str) -> Iterable[str]:
        return ()  # nothing until the utterance is committed

    def final(self, text: str, asked: bool) -> Iterable[str]:
        if asked:
            kind = "conversation.item.input_audio_transcription"
            yield frame(type="input_audio_buffer.committed", item_id="i")
            for word in text.split():
                yield frame(type=f"{kind}.delta", item_id="i", delta=word + " ")
            yield frame(type=f"{kind}.completed", item_id="i", transcript=text)


class Soniox(Tongue):
    orders: ClassVar = {"finalize": "end", "keepalive": "other"}
    started = False

    def read(self, message: str | bytes) -> Read:
        if message == "":
            return "bye", None
        if not self.started:
            self.started = True
            return "start", json.loads(message)
        return super().read(message)

    def _tokens(self, text: str, final: bool, *more: str) -> str:
        tokens = [
            {"text": f" {word}", "is_final": final, "confidence": 0.9} for word in text.split()
        ]
        tokens += [{"text": mark, "is_final": True, "confidence": 1.0} for mark in more]
        return frame(tokens=tokens, final_audio_proc_ms=0, total_audio_proc_ms=0)

    def began(self) -> Iterable[str]:
        yield self._tokens("", False)

    def interim(self, text: str) -> Iterable[str]:
        yield self._tokens(text, False)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        yield self._tokens(text, True)
        yield self._tokens("", True, "<fin>" if asked else "<end>")


class Speechmatics(Tongue):
    orders: ClassVar = {
        "StartRecognition": "start", "ForceEndOfUtterance": "end", "EndOfStream": "bye",
    }  # fmt: skip

    def welcome(self) -> Iterable[str]:
        yield frame(message="RecognitionStarted", id="s")

    def _results(self, text: str, kind: str = "word") -> list[dict[str, Any]]:
        return [
            {"type": kind, "alternatives": [{"content": word, "confidence": 0.9}]}
            for word in text.split()
        ]

    def took(self) -> Iterable[str]:
        yield frame(message="AudioAdded", seq_no=1)

    def interim(self, text: str) -> Iterable[str]:
        yield frame(message="AddPartialTranscript", results=self._results(text), metadata={})

    def final(self, text: str, asked: bool) -> Iterable[str]:
        for word in text.split():
            yield frame(message="AddTranscript", results=self._results(word), metadata={})
        if text:
            yield frame(message="AddTranscript", results=self._results(".", "punctuation"))
        yield frame(message="EndOfUtterance", metadata={})


class Talkscriber(Tongue):
    started = False

    def __init__(self) -> None:
        self._segments: list[dict[str, Any]] = []

    def welcome(self) -> Iterable[str]:
        yield frame(uid="u", message="SERVER_READY")

    def read(self, message: str | bytes) -> Read:
        if isinstance(message, str):
            return "start", json.loads(message)
        if message == b"END_OF_AUDIO":
            return "bye", None
        return "sound", np.frombuffer(message, "<f4") * 32768

    def interim(self, text: str) -> Iterable[str]:
        yield frame(uid="u", segments=[*self._segments, {"text": text, "EOS": False}])

    def final(self, text: str, asked: bool) -> Iterable[str]:
        self._segments = [*self._segments[-2:], {"text": text, "EOS": True}]
        yield frame(uid="u", segments=self._segments)


class Xai(Tongue):
    orders: ClassVar = {"audio.done": "bye"}

    def greeting(self) -> Iterable[str]:
        yield frame(type="transcript.created")

    def _partial(self, text: str, final: bool, speech_final: bool) -> str:
        return frame(
            type="transcript.partial", text=text, words=[], is_final=final,
            speech_final=speech_final,
        )  # fmt: skip

    def interim(self, text: str) -> Iterable[str]:
        yield self._partial(text, False, False)

    def final(self, text: str, asked: bool) -> Iterable[str]:
        yield self._partial(text, True, True)


TONGUES: dict[str, type[Tongue]] = {
    "11labs": ElevenLabs,
    "assembly-ai": AssemblyAI,
    "azure": Azure,
    "cartesia": Cartesia,
    "custom-transcriber": Custom,
    "deepgram": DeepgramFlux,
    "gladia": Gladia,
    "openai": OpenAI,
    "soniox": Soniox,
    "speechmatics": Speechmatics,
    "talkscriber": Talkscriber,
    "xai": Xai,
}
