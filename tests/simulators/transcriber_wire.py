"""Transcribers' wire protocols: one ear that hears energy, and a tongue for each vendor.

A tongue is the vendor's side of a protocol, written from its documentation: which frames are
sound, which are orders, and how words are said. The ear and its troubles are the same for all.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.simulators.transcriber_tongues import TONGUES, Tongue
from tests.simulators.wire import Broken, Reply, Request, Server, Socket, Trouble

LOUD = 300.0  # RMS of speech
INTERIM_S = 0.3


@dataclass
class TranscriberSimulator(Server):
    """``words`` is the text of each utterance, in turn; the last one repeats."""

    vendor: str = "assembly-ai"
    words: Sequence[str] = ("hello there",)
    silence_s: float = 0.5  # that ends an utterance by the vendor's own opinion
    starts: list[Any] = field(default_factory=list)  # what each connection said of itself
    orders: list[str] = field(default_factory=list)
    seconds: float = 0.0  # of sound that came

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: Request, reply: Reply) -> None:
        if await reply.refused({"message": "no"}):
            return
        if self.trouble and self.trouble.kind == "nonsense":
            await reply.whole(200, b"{nonsense")
            return
        self.starts.append(request.json() if request.body else {})
        socket = f"ws://127.0.0.1:{self.port}/session"
        await reply.whole(201, json.dumps({"id": "s", "url": socket}).encode())

    async def converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        socket, trouble = Socket(reader, writer), self.take_trouble()
        if await socket.accept(request, trouble):
            await _Session(self, TONGUES[self.vendor](), request, socket, trouble).run()


class _Session:
    """One connection. Time is that of the sound received."""

    def __init__(
        self,
        world: TranscriberSimulator,
        tongue: Tongue,
        request: Request,
        socket: Socket,
        trouble: Trouble | None,
    ) -> None:
        self._world, self._tongue, self._socket = world, tongue, socket
        self._trouble = trouble
        self._request = request
        self._now = self._began = self._loud_at = self._shown_at = 0.0
        self._speaking = False
        self._heard = 0
        self._sent = 0

    async def run(self) -> None:
        await self._say(self._tongue.greeting(), greeting=True)
        async for message in self._socket.messages():
            kind, content = self._tongue.read(message)
            if kind == "start":
                self._world.starts.append(content)
                await self._say(self._tongue.welcome(), greeting=True)
            elif kind == "sound":
                await self._say(self._tongue.took())
                await self._hear(content)
            elif kind == "end":
                await self._final(asked=True)
            if kind not in ("sound", "start"):
                self._world.orders.append(kind)
            if kind == "bye":
                await self._socket.close()

    async def _hear(self, samples: Any) -> None:
        rate = self._tongue.rate
        for start in range(0, len(samples), rate // 50):
            piece = samples[start : start + rate // 50].astype(np.float64)
            self._now += len(piece) / rate
            self._world.seconds += len(piece) / rate
            if np.sqrt(np.mean(np.square(piece))) > LOUD:
                self._loud_at = self._now
                if not self._speaking:
                    self._speaking, self._began, self._shown_at = True, self._now, self._now
                    await self._say(self._tongue.began())
            if not self._speaking:
                continue
            if self._now - self._loud_at >= self._world.silence_s:
                await self._final(asked=False)
            elif self._now - self._shown_at >= INTERIM_S:
                self._shown_at = self._now
                words = self._words().split()
                count = min(len(words), 1 + int((self._now - self._began) / INTERIM_S))
                await self._say(self._tongue.interim(" ".join(words[:count])))

    def _words(self) -> str:
        words = self._world.words
        return words[min(self._heard, len(words) - 1)]

    async def _final(self, asked: bool) -> None:
        text = self._words() if self._speaking else ""
        self._heard += self._speaking
        self._speaking = False
        await self._say(self._tongue.final(text, asked))

    async def _say(self, frames: Iterable[str], greeting: bool = False) -> None:
        for frame in frames:
            trouble = self._trouble or self._world.sudden
            if trouble and not greeting and self._sent >= trouble.after:
                match trouble.kind:
                    case "cut":
                        raise Broken
                    case "half":
                        await self._socket.text(frame[: len(frame) // 2])
                        continue
                    case "nonsense":
                        await self._socket.text("{nonsense")
                        continue
                    case "end":
                        await self._socket.close(1011, "internal error")
                        return
                    case "stall":
                        return
            self._sent += not greeting
            if self._world.piece_s:
                await asyncio.sleep(self._world.piece_s)
            await self._socket.text(frame)
