"""The sound under an agent's voice: a built-in one, or a file that somebody has put on the web."""

import asyncio
import io
import logging

import httpx
import numpy as np
import numpy.typing as npt
import soundfile
import soxr  # type: ignore[import-untyped]  # has no types

from gateway import fenced_http
from gateway.errors import GatewayError
from gateway.fence import Fence
from gateway.media.line import Line
from gateway.media.lines import RATE
from gateway.media.sounds import Sounds

log = logging.getLogger(__name__)

_LONGEST_S = 120.0  # of a file, the rest is not played
_MOST_OCTETS = 20_000_000
_PATIENCE_S = 20.0  # for all of it
_LOOK_S = 0.1  # between two looks whether a file has been played to its end


class Backgrounds:
    """Fetches each file once, as long as there is room for it."""

    def __init__(self, sounds: Sounds, fence: Fence) -> None:
        self._sounds, self._fence = sounds, fence

    async def play(self, line: Line, name: str) -> None:
        """``name``: a sound of ``Sounds``, or a URL of a file (WAV, MP3, Ogg or FLAC). One that
        cannot be had is a warning: the call goes on without."""
        if await self.ready(name) and not line.parted:
            line.background(name)

    async def play_once(self, line: Line, name: str, aloud: bool) -> bool:
        """Fetch it and, if ``aloud``, play it to its end; whether there is such a file."""
        if not await self.ready(name):
            return False
        if aloud and not line.parted:
            line.play(name, once=True)
            while not line.parted and line.playing:  # noqa: ASYNC110  # media tells nobody
                await asyncio.sleep(_LOOK_S)
        return True

    async def ready(self, name: str) -> bool:
        """Whether lines can play it; a file is fetched for it."""
        try:
            if name not in self._sounds:
                async with asyncio.timeout(_PATIENCE_S):
                    self._sounds.add(name, await self._fetch(name))
            return True
        except (httpx.HTTPError, httpx.InvalidURL, soundfile.SoundFileError, GatewayError,
                ValueError, TimeoutError) as error:  # fmt: skip
            why = str(error) or type(error).__name__
            log.warning("there is no such sound", extra={"url": name, "why": why})
            return False

    async def _fetch(self, url: str) -> npt.NDArray[np.int16]:
        found = bytearray()
        async with (
            fenced_http.client(self._fence, connections=1) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                found += part
                if len(found) > _MOST_OCTETS:
                    raise ValueError(f"the file is larger than {_MOST_OCTETS} bytes")
        return await asyncio.to_thread(decode, bytes(found))


def decode(octets: bytes) -> npt.NDArray[np.int16]:
    """A sound file as mono at 16 kHz. Raises soundfile.SoundFileError."""
    with soundfile.SoundFile(io.BytesIO(octets)) as file:
        rate = file.samplerate
        sound = file.read(int(_LONGEST_S * rate), dtype="float32", always_2d=True)
    mono = soxr.resample(sound.mean(axis=1), rate, RATE)
    return np.asarray(np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16))
