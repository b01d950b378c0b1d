"""Voices on the wire: requests answered by a mouth, or texts spoken on a websocket; the troubles
are the same for all."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.voice_mouths import POSTED, SOCKETS, Contexts
from tests.simulators.wire import Broken, Reply, Request, Server, Socket, Trouble


@dataclass
class VoiceSimulator(Server):
    vendor: str = "lmnt"
    said: list[str] = field(default_factory=list)  # texts that were asked for
    frames: list[Any] = field(default_factory=list)  # that came over websockets
    refusal: dict[str, Any] = field(default_factory=lambda: {"error": {"message": "no"}})
    bad: list[str] = field(default_factory=list)  # what was wrong with requests
    first_audio_s: float = 0.0

    @property
    def base_url(self) -> str:
        return self.origin

    async def answer(self, request: Request, reply: Reply) -> None:
        if request.method != "POST":  # somebody warms a connection
            await reply.whole(404, b"{}")
            return
        if await reply.refused(self.refusal):
            return
        try:
            text, kind, pieces = POSTED[self.vendor](request)
        except (AssertionError, KeyError) as error:
            self.bad.append(f"{error!r}: {request.path} {request.body!r}")
            await reply.whole(400, b'{"error": "the simulator does not understand"}')
            return
        self.said.append(text)
        await asyncio.sleep(self.first_audio_s)
        await reply.start(kind)
        for piece in pieces:
            if not await reply.piece(piece):
                break
        await reply.end()

    async def converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        socket, trouble = Socket(reader, writer), self.take_trouble()
        if await socket.accept(request, trouble):
            await _Session(self, SOCKETS[self.vendor](), socket, trouble).run()


class _Session:
    def __init__(
        self, world: VoiceSimulator, mouth: Contexts, socket: Socket, trouble: Trouble | None
    ) -> None:
        self._world, self._mouth, self._socket = world, mouth, socket
        self._trouble = trouble
        self._sent = 0

    async def run(self) -> None:
        late: set[asyncio.Task[bool]] = set()  # others' texts need not wait for these
        async for message in self._socket.messages():
            frame = json.loads(message)
            self._world.frames.append(frame)
            for context, text in self._mouth.take(frame):
                if text:
                    self._world.said.append(text)
                    speaking = self._speak(context, text)
                    if self._world.first_audio_s:
                        late.add(task := asyncio.ensure_future(speaking))
                        task.add_done_callback(late.discard)
                    elif not await speaking:
                        return

    async def _speak(self, context: str, text: str) -> bool:
        await asyncio.sleep(self._world.first_audio_s)
        for said in self._mouth.say(context, text):
            if not await self._say(said):
                return False
        return True

    async def _say(self, frame: dict[str, Any]) -> bool:
        text, trouble = json.dumps(frame), self._trouble or self._world.sudden
        if trouble and self._sent >= trouble.after:
            match trouble.kind:
                case "cut":
                    raise Broken
                case "half":
                    text = text[: len(text) // 2]
                case "nonsense":
                    text = "{nonsense"
                case "end":
                    await self._socket.close(1011, "internal error")
                    return False
                case "stall":
                    return True
        self._sent += 1
        if self._world.piece_s:
            await asyncio.sleep(self._world.piece_s)
        await self._socket.text(text)
        return True
