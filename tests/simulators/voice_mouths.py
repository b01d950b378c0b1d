"""Voices' wire protocols, from their documentation: what each makes of a request, and how it says
its sound. Each checks what it is sent, as strictly as its documentation lets it."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.simulators.sound import hum, spoken_s
from tests.simulators.wire import Request

PIECE = 6400  # bytes
RATE = 16_000


def sound(text: str, rate: int = RATE) -> bytes:
    return hum(rate, spoken_s(text))


def cut(pcm: bytes, size: int = PIECE) -> Iterable[bytes]:
    for at in range(0, len(pcm), size):
        yield pcm[at : at + size]


def wav(pcm: bytes, rate: int = RATE, size: int = 0xFFFFFFFF) -> bytes:
    """As a stream: with sizes that nobody knows yet."""
    numbers = rate.to_bytes(4, "little") + (rate * 2).to_bytes(4, "little")
    return (
        b"RIFF" + size.to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x01\0\x01\0" + numbers
        + b"\x02\0\x10\0LIST\x04\0\0\0abcddata" + size.to_bytes(4, "little") + pcm
    )  # fmt: skip


def encoded(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()


def event(**fields: Any) -> bytes:
    return f"event: message\ndata: {json.dumps(fields)}\n\n".encode()


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


# Each: from a request to the answer's pieces, of which the first two are what was asked to be said
# and the content type.
Mouth = Callable[[Request], tuple[str, str, Iterable[bytes]]]


def elevenlabs(request: Request) -> tuple[str, str, Iterable[bytes]]:
    assert re.fullmatch(r"/v1/text-to-speech/\w+/stream", request.path)
    assert request.query["output_format"] == ["pcm_16000"]
    text = request.json()["text"]
    return text, "audio/pcm", cut(sound(text), 6401)


def azure(request: Request) -> tuple[str, str, Iterable[bytes]]:
    assert request.path == "/cognitiveservices/v1"
    assert request.headers["content-type"] == "application/ssml+xml"
    assert request.headers["x-microsoft-outputformat"] == "raw-16khz-16bit-mono-pcm"
    text = re.sub(r"<[^>]+>", "", request.body.decode())
    return text, "audio/pcm", cut(sound(text))


def custom(request: Request) -> tuple[str, str, Iterable[bytes]]:
    message = request.json()["message"]
    assert (message["type"], message["sampleRate"]) == ("voice-request", RATE)
    return message["text"], "application/octet-stream", cut(sound(message["text"]))


def hume(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/v0/tts/stream/json"
    assert asked["format"] == {"type": "pcm"}
    text = asked["utterances"][0]["text"]
    pieces = (line(type="audio", audio=encoded(pcm)) for pcm in cut(sound(text, 48_000)))
    return text, "application/x-ndjson", pieces


def inworld(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/tts/v1/voice:stream"
    assert asked["audioConfig"]["audioEncoding"] == "LINEAR16"
    pieces = (
        line(result={"audioContent": encoded(wav(pcm, size=len(pcm)))})
        for pcm in cut(sound(asked["text"]))
    )
    return asked["text"], "application/json", pieces


def lmnt(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/v1/ai/speech/bytes"
    assert (asked["format"], asked["sample_rate"]) == ("pcm_s16le", RATE)
    return asked["text"], "application/octet-stream", cut(sound(asked["text"]))


def minimax(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/v1/t2a_v2"
    assert asked["stream"]
    assert asked["audio_setting"]["format"] == "pcm"

    def pieces() -> Iterable[bytes]:
        done = {"status_code": 0, "status_msg": "success"}
        for pcm in cut(sound(asked["text"])):
            yield event(data={"audio": pcm.hex(), "status": 1}, base_resp=done)
        whole = sound(asked["text"]).hex()
        yield event(data={"audio": whole, "status": 2}, extra_info={}, base_resp=done)

    return asked["text"], "text/event-stream", pieces()


def neuphonic(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert re.fullmatch(r"/sse/speak/\w+", request.path)
    assert (asked["encoding"], asked["sampling_rate"]) == ("pcm_linear", RATE)
    pieces = (
        event(status_code=200, data={"audio": encoded(pcm)}) for pcm in cut(sound(asked["text"]))
    )
    return asked["text"], "text/event-stream", pieces


def playht(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/api/v2/tts/stream"
    assert asked["output_format"] == "wav"
    # An engine with a mind of its own about the rate.
    return asked["text"], "audio/wav", cut(wav(sound(asked["text"], 24_000), 24_000))


def rime(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/v1/rime-tts"
    assert request.headers["accept"] == "audio/pcm"
    assert asked["samplingRate"] == RATE
    return asked["text"], "audio/pcm", cut(sound(asked["text"]))


def smallest(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert re.fullmatch(r"/api/v1/lightning[\w.-]*/get_speech", request.path)
    assert (asked["sample_rate"], asked["add_wav_header"]) == (RATE, False)
    return asked["text"], "audio/wav", cut(sound(asked["text"]))


def xai(request: Request) -> tuple[str, str, Iterable[bytes]]:
    asked = request.json()
    assert request.path == "/v1/tts"
    assert asked["output_format"] == {"codec": "pcm", "sample_rate": RATE}
    return asked["text"], "audio/pcm", cut(sound(asked["text"]))


POSTED: dict[str, Mouth] = {
    "11labs": elevenlabs, "azure": azure, "custom-voice": custom, "hume": hume,
    "inworld": inworld, "lmnt": lmnt, "microsoft": azure, "minimax": minimax,
    "neuphonic": neuphonic, "playht": playht, "rime-ai": rime, "smallest-ai": smallest, "xai": xai,
}  # fmt: skip


class Contexts:
    """A websocket's vendor: which texts are to be said, and the frames that say them."""

    def take(self, message: Any) -> Iterable[tuple[str, str]]:
        """From a message: context and text of what can now be said. An empty text: be silent."""
        raise NotImplementedError

    def say(self, context: str, text: str) -> Iterable[dict[str, Any]]:
        raise NotImplementedError


class Cartesia(Contexts):
    def take(self, message: Any) -> Iterable[tuple[str, str]]:
        if message.get("cancel"):
            yield message["context_id"], ""
            return
        form = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": RATE}
        assert message["output_format"] == form
        assert message["voice"]["mode"] == "id"
        yield message["context_id"], message["transcript"]

    def say(self, context: str, text: str) -> Iterable[dict[str, Any]]:
        of: dict[str, Any] = {"context_id": context, "status_code": 206, "done": False}
        words = text.split()
        ends = [spoken_s(" ".join(words[: n + 1])) for n in range(len(words))]
        times = {"words": words, "start": [0.0, *ends[:-1]], "end": ends}
        for pcm in cut(sound(text)):
            yield {"type": "chunk", "data": encoded(pcm), "step_time": 1.0, **of}
            if times:
                yield {"type": "timestamps", "word_timestamps": times, **of}
                times = {}
        yield {"type": "done", **of, "done": True}


class ElevenLabs(Contexts):
    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def take(self, message: Any) -> Iterable[tuple[str, str]]:
        context = message["context_id"]
        if message.get("close_context"):
            if self._texts.pop(context, "").strip():
                yield context, ""
            return
        first = context not in self._texts
        assert first is (message["text"] == " "), "a context begins with a space"
        self._texts[context] = self._texts.get(context, "") + message["text"]
        if message.get("flush"):
            text, self._texts[context] = self._texts[context].strip(), ""
            yield context, text

    def say(self, context: str, text: str) -> Iterable[dict[str, Any]]:
        step = max(1, int(PIECE / 2 / RATE / 0.06))  # characters in a piece
        for at in range(0, len(text), step):
            chars = text[at : at + step]
            times = [round(1000 * spoken_s(chars[:n])) for n in range(len(chars))]
            alignment = {
                "chars": list(chars),
                "charStartTimesMs": times,
                "charDurationsMs": [60] * len(chars),
            }
            audio = encoded(sound(chars))
            yield {"audio": audio, "alignment": alignment, "contextId": context}
        yield {"isFinal": True, "contextId": context}


SOCKETS: dict[str, type[Contexts]] = {"11labs": ElevenLabs, "cartesia": Cartesia}
