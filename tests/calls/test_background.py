"""The sound under an agent's voice: ours, or a file from the web; without it a call goes on."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile

from gateway.calls.background import Backgrounds, decode
from gateway.fence import Fence
from gateway.media.line import Line
from gateway.media.lines import FRAME, UNDER, Lines
from gateway.media.sounds import Sounds

LOOPBACK = Fence.of(["127.0.0.0/8"])


class Owner:
    def __init__(self) -> None:
        self.lines = Lines.make(2)
        self.sounds = Sounds(self.lines)
        self.line = Line(self, 1, 20_000, "0.0.0.0")  # type: ignore[arg-type]

    @property
    def playing(self) -> int:
        """Frames of the background."""
        assert self.lines["play_how"][1] in (0, UNDER)
        return int(self.lines["play_frames"][1])


@pytest.fixture
def owner():
    owner = Owner()
    yield owner
    owner.lines.close()


def file(rate: int = 44_100, form: str = "WAV") -> bytes:
    """Half a second of 500 Hz, in stereo."""
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(rate // 2) / rate)
    into = io.BytesIO()
    soundfile.write(into, np.stack([tone, tone], axis=1), rate, format=form)
    return into.getvalue()


@asynccontextmanager
async def web(body: bytes, status: str = "200 OK") -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/rain.wav"


@pytest.mark.parametrize("form", ["WAV", "MP3", "OGG", "FLAC"])
def test_a_file_becomes_mono_at_16_khz(form: str) -> None:
    sound = decode(file(form=form)).astype(float)
    assert len(sound) == pytest.approx(8000, rel=0.2)  # MP3 has a lead-in
    middle = sound[2000:6000]
    level = 2 * abs(np.mean(middle * np.exp(-2j * np.pi * 500 * np.arange(4000) / 16_000)))
    assert level == pytest.approx(16_384, rel=0.05)


async def test_the_office_is_played_under_the_agent(owner) -> None:
    await Backgrounds(owner.sounds, LOOPBACK).play(owner.line, "office")
    assert owner.playing == owner.sounds.of("office").frames


async def test_a_file_on_the_web_is_fetched_once_and_played(owner) -> None:
    backgrounds = Backgrounds(owner.sounds, LOOPBACK)
    async with web(file()) as url:
        await backgrounds.play(owner.line, url)
    assert owner.playing == 8000 // FRAME
    owner.line.background(None)
    await backgrounds.play(owner.line, url)  # the server has gone
    assert owner.playing == 8000 // FRAME


@pytest.mark.parametrize(
    ("body", "status"), [(b"no sound", "200 OK"), (b"", "404 Not Found"), (b"", "200 OK")]
)
async def test_what_cannot_be_had_is_a_warning(owner, caplog, body: bytes, status: str) -> None:
    with caplog.at_level(logging.WARNING):
        async with web(body, status) as url:
            await Backgrounds(owner.sounds, LOOPBACK).play(owner.line, url)
    assert owner.playing == 0
    assert "there is no such sound" in caplog.text


async def test_an_address_behind_the_fence_is_not_asked(owner, caplog) -> None:
    async with web(file()) as url:
        await Backgrounds(owner.sounds, Fence()).play(owner.line, url)
    assert owner.playing == 0
    assert "there is no such sound" in caplog.text


async def test_a_line_that_was_given_back_meanwhile_is_left_alone(owner) -> None:
    owner.line.part()
    await Backgrounds(owner.sounds, LOOPBACK).play(owner.line, "office")
    assert owner.playing == 0
