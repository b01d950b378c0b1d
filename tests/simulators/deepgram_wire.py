"""Deepgram's wire protocol: a listening websocket that hears energy, and speech over HTTP."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.simulators.sound import hum, spoken_s
from tests.simulators.wire import Broken, Reply, Request, Server, Socket, Trouble

LOUD = 300.0  # RMS of speech
PIECE = 3200


@dataclass
class DeepgramSimulator(Server):
    """``words``: the text of each utterance of a connection, in turn (the last one repeats), or
    a function of the utterance's number and the connection's query."""

    words: Sequence[str] | Callable[[int, dict[str, list[str]]], str] = ("hello there",)
    end_of_speech_s: float | None = None  # None: as ``endpointing`` asks
    final_s: float = 0.0  # from end of speech (in sound) to the words
    interim_every_s: float = 0.3  # of speech
    first_audio_s: float = 0.0
    said: list[dict[str, Any]] = field(default_factory=list)  # the clients' JSON messages

    @property
    def base_url(self) -> str:
        return self.origin

    async def answer(self, request: Request, reply: Reply) -> None:
        trouble = self.trouble
        if await reply.refused({"err_code": (trouble and trouble.code) or "X", "err_msg": "no"}):
            return None
        if request.path != "/v1/speak":
            return await reply.whole(404, b"" if request.method == "HEAD" else b"{}")
        await asyncio.sleep(self.first_audio_s)
        await reply.start("audio/l16")
        rate = int(request.query.get("sample_rate", ["24000"])[0])
        sound = hum(rate, spoken_s(request.json()["text"]))
        for start in range(0, len(sound), PIECE - 1):
            if not await reply.piece(sound[start : start + PIECE - 1]):
                break
        return await reply.end()

    async def converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        socket, trouble = Socket(reader, writer), self.take_trouble()
        if await socket.accept(request, trouble):
            await _Listening(self, request, socket, trouble).run()

    def utterance(self, number: int, query: dict[str, list[str]]) -> str:
        if callable(self.words):
            return self.words(number, query)
        return self.words[min(number, len(self.words) - 1)]


class _Listening:
    """One connection. Time is that of the sound received."""

    def __init__(
        self, world: DeepgramSimulator, request: Request, socket: Socket, trouble: Trouble | None
    ) -> None:
        self._world, self._query = world, request.query
        self._socket, self._trouble = socket, trouble
        self._rate = int(self._query.get("sample_rate", ["16000"])[0])
        asked_s = int(self._query.get("endpointing", ["10"])[0]) / 1000
        asked_end = world.end_of_speech_s
        self._end_s = asked_s if asked_end is None else asked_end
        self._now = self._began = self._loud_at = self._shown_at = 0.0
        self._utterance_end_s = int(self._query.get("utterance_end_ms", ["0"])[0]) / 1000
        self._unended = False  # words were finalised, and no speech_final came with them
        self._speaking = False
        self._heard = 0
        self._sent = 0

    async def run(self) -> None:
        async for message in self._socket.messages():
            if isinstance(message, str):
                asked = json.loads(message)
                self._world.said.append(asked)
                if asked["type"] == "Finalize":
                    await self._final(speech_final=False, from_finalize=True)
                elif asked["type"] == "CloseStream":
                    await self._send({"type": "Metadata", "request_id": "r", "duration": self._now})
                    await self._socket.close()
            else:
                await self._hear(message)

    async def _hear(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2")
        self._now += len(samples) / self._rate
        if len(samples) and np.sqrt(np.mean(np.square(samples, dtype=np.float32))) > LOUD:
            self._loud_at = self._now
            if not self._speaking:
                self._speaking, self._began, self._shown_at = True, self._now, self._now
                await self._send({"type": "SpeechStarted", "channel": [0], "timestamp": self._now})
        silence_s = self._now - self._loud_at
        if self._unended and 0 < self._utterance_end_s <= silence_s:
            self._unended = False
            await self._send({"type": "UtteranceEnd", "channel": [0], "last_word_end": self._now})
        if not self._speaking:
            return
        if silence_s >= self._end_s:
            await self._final(speech_final=True)
        elif self._now - self._shown_at >= self._world.interim_every_s:
            self._shown_at = self._now
            words = self._words().split()
            count = min(len(words), 1 + int((self._now - self._began) / 0.3))
            await self._results(" ".join(words[:count]))

    def _words(self) -> str:
        return self._world.utterance(self._heard, self._query)

    async def _final(self, speech_final: bool, from_finalize: bool = False) -> None:
        text = self._words() if self._speaking else ""
        self._heard += self._speaking
        self._unended = not speech_final and bool(text)
        self._speaking = False
        if self._world.final_s:
            await asyncio.sleep(self._world.final_s)
        await self._results(text, True, speech_final, from_finalize)

    async def _results(self, text: str, *flags: bool) -> None:
        final, speech_final, from_finalize = (*flags, False, False, False)[:3]
        best = {"transcript": text, "confidence": 0.98 if text else 0.0, "words": []}
        await self._send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "duration": self._now - self._began,
                "start": self._began,
                "is_final": final,
                "speech_final": speech_final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [best]},
                "metadata": {"request_id": "r"},
            }
        )

    async def _send(self, message: dict[str, Any]) -> None:
        text, trouble = json.dumps(message), self._trouble or self._world.sudden
        if trouble and self._sent >= trouble.after:
            match trouble.kind:
                case "cut":
                    raise Broken
                case "half":
                    text = text[: len(text) // 2]
                case "nonsense":
                    text = "{nonsense"
                case "end":
                    return await self._socket.close(1011, "NET-0000")
                case "stall":
                    return None
        self._sent += 1
        return await self._socket.text(text)
