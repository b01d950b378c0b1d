"""Two peers with sockets of their own, connected by the real media process."""

import asyncio
import os
import signal

import numpy as np
import pytest

from gateway.media.line import Line
from gateway.media.lines import BEAT_S
from gateway.media.plane import Plane
from gateway_codecs import PCMA, PCMU, Law
from tests.media.planes import HOST, Phone, plane_of, spare_is_ready, until

PITCHES = (500.0, 700.0)
BEATS = np.arange(50 * 160).reshape(50, 160)


class Party:
    """Says one tone all the time; knows which pitch it hears."""

    def __init__(self, plane: Plane, codec: Law, pitch: float) -> None:
        self.codec, self.phone, self.running = codec, Phone(), 0
        self.line: Line = plane.take(None, HOST)
        self.phone.agree(self.line, codec=(PCMU, PCMA).index(codec), payload_out=codec.payload,
                         payload_in=codec.payload)  # fmt: skip
        tone = np.rint(8000 * np.sin(2 * np.pi * pitch * BEATS / 8000)).astype(np.int16)
        self.frames = [codec.encode(frame).tobytes() for frame in tone]

    def speak(self) -> None:
        body = self.frames[self.phone.sequence % len(self.frames)]
        self.phone.send(self.line.port, body, self.codec.payload)

    async def talks(self, pitch: float) -> None:
        """Speak for ever; ``running`` is how many packets in a row had this pitch, loud. What is
        passed through comes only while the other speaks, so nobody may wait for it in silence."""
        while True:
            self.speak()
            try:
                async with asyncio.timeout(BEAT_S):
                    _, _, payload = await self.phone.packet()
            except TimeoutError:
                continue
            sound = self.codec.decode(np.frombuffer(payload, np.uint8)).astype(float)
            t = np.arange(len(sound)) / 8000
            level = 2 * abs(np.mean(sound * np.exp(-2j * np.pi * pitch * t)))
            self.running = self.running + 1 if level > 4000 else 0

    async def end(self) -> None:
        await self.line.give_back()
        self.phone.close()


async def both_hear(a: Party, b: Party) -> None:
    a.running = b.running = 0
    talks = [asyncio.create_task(a.talks(PITCHES[1])), asyncio.create_task(b.talks(PITCHES[0]))]
    try:
        await until(lambda: a.running >= 10 and b.running >= 10)
    finally:
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@pytest.mark.parametrize("second", [PCMU, PCMA], ids=["passed through", "transcoded"])
async def test_two_bridged_phones_hear_one_another_also_after_media_is_killed(second: Law) -> None:
    async with plane_of() as plane:
        await spare_is_ready(plane)
        a, b = Party(plane, PCMU, PITCHES[0]), Party(plane, second, PITCHES[1])
        a.line.bridge(b.line)
        await both_hear(a, b)
        decoded = bool(plane.lines["heard"][a.line.row].any())
        assert decoded == (second is not PCMU)
        for kills in range(1, 11 if second is PCMU else 2):
            await spare_is_ready(plane)
            os.kill(plane.pids["media"] or 0, signal.SIGKILL)
            await until(lambda n=kills: plane.restarts == n and plane.pids["media"] is not None)
            await both_hear(a, b)
        with a.line.listen() as tap:
            heard = np.zeros((0, 2), np.int16)
            while len(heard) < 16_000 // 5:
                await both_hear(a, b)
                heard = np.concatenate([heard, tap.stereo()])
        assert (np.abs(heard[-3200:].astype(int)).max(axis=0) > 6000).all()
        await asyncio.gather(a.end(), b.end())
        assert not plane.lines["sources"].any()
