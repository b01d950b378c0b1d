"""The embedded voice: eSpeak NG by ctypes. No key, no network, a few milliseconds a sentence.

The library keeps its state in globals, so one thread of the process does all its work, in turn.
ctypes lets go of the interpreter lock meanwhile, so the event loop is not held up.
API: https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
"""

import asyncio
import contextlib
import ctypes
import functools
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import espeakng_loader  # type: ignore[import-untyped]
import numpy as np
import soxr  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE
from gateway.speech.settings import VendorSettings

VENDOR = "embedded"
CACHE_BYTES = 32 * 1024 * 1024  # about 17 minutes of remembered sentences
PIECE_MS = 60  # sound per callback: the first comes when this much is made

_SYNCHRONOUS, _UTF8, _RATE, _PITCH = 2, 1, 1, 3
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_HOME = 160  # N_PATH_HOME: the library silently falls back to /usr/share beyond it


class _Properties(ctypes.Structure):
    """espeak_VOICE: what a voice is looked for by."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class Voice(BaseModel):
    """``options``: how the voice sounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str = Field("en-us", description="a name that `espeak-ng --voices` lists, or name+f3")
    words_per_minute: int = Field(165, ge=80, le=450)
    pitch: int = Field(50, ge=0, le=100)


def _unwanted(_: bytes) -> bool:
    return False


class _Library:
    """The library, loaded. Every method runs on the one thread."""

    def __init__(self) -> None:
        data = str(espeakng_loader.get_data_path())
        if len(data.encode()) >= _HOME:
            raise VendorError(VENDOR, Fault.OURS, f"path too long for eSpeak NG: {data}")
        self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate: int = self._c.espeak_Initialize(_SYNCHRONOUS, PIECE_MS, data.encode(), 0)
        if self.rate <= 0:
            raise VendorError(VENDOR, Fault.OURS, f"eSpeak NG does not start with {data}")
        self._callback = _CALLBACK(self._on_sound)  # kept: C holds no reference
        self._c.espeak_SetSynthCallback(self._callback)
        self._take: Callable[[bytes], bool] = _unwanted
        self._voice: Voice | None = None

    def _on_sound(self, samples: Any, count: int, _events: Any) -> int:
        """Called by C with each piece; 1 stops the synthesis."""
        if not samples or not count:
            return 0
        return 0 if self._take(ctypes.string_at(samples, count * 2)) else 1

    def _choose(self, name: str) -> None:
        """A voice by its name (``en-us``, ``en-us+f3``) or, failing that, its language."""
        language = _Properties(languages=name.encode())
        if (
            self._c.espeak_SetVoiceByName(name.encode()) != 0
            and self._c.espeak_SetVoiceByProperties(ctypes.byref(language)) != 0
        ):
            raise VendorError(VENDOR, Fault.OURS, f"voice: eSpeak NG has no {name!r}")

    def speak(self, voice: Voice, text: str, take: Callable[[bytes], bool]) -> None:
        """Synthesise at ``self.rate``; ``take`` gets each piece and may answer False to stop."""
        if voice != self._voice:
            self._choose(voice.voice)
            self._c.espeak_SetParameter(_RATE, voice.words_per_minute, 0)
            self._c.espeak_SetParameter(_PITCH, voice.pitch, 0)
            self._voice = voice
        self._take = take
        words = text.replace("\0", " ").encode()
        failed = self._c.espeak_Synth(words, len(words) + 1, 0, 0, 0, _UTF8, None, None)
        self._take = _unwanted
        if failed:
            raise VendorError(VENDOR, Fault.THEIRS, f"eSpeak NG gave up with status {failed}")


class _Sentences:
    """What was said lately, so that two hundred callers share one synthesis of the greeting."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._sound: OrderedDict[tuple[Voice, str], bytes] = OrderedDict()

    def get(self, key: tuple[Voice, str]) -> bytes | None:
        if key in self._sound:
            self._sound.move_to_end(key)
        return self._sound.get(key)

    def put(self, key: tuple[Voice, str], sound: bytes) -> None:
        if key in self._sound or len(sound) > self._limit:
            return
        self._sound[key] = sound
        self._size += len(sound)
        while self._size > self._limit:
            self._size -= len(self._sound.popitem(last=False)[1])


_thread = ThreadPoolExecutor(1, thread_name_prefix="espeak")
_sentences = _Sentences(CACHE_BYTES)


@functools.cache
def _library() -> _Library:
    return _Library()


def _synthesise(voice: Voice, text: str, take: Callable[[bytes], bool]) -> None:
    """On the thread: one sentence at ``RATE``, from memory if it was said before."""
    if known := _sentences.get((voice, text)):
        take(known)
        return
    library = _library()
    resample = soxr.ResampleStream(library.rate, RATE, 1, dtype="int16", quality="MQ")
    pieces: list[bytes] = []
    wanted = True

    def on_piece(pcm: bytes) -> bool:
        nonlocal wanted
        sound = resample.resample_chunk(np.frombuffer(pcm, np.int16)).tobytes()
        pieces.append(sound)
        wanted = take(sound) if sound else wanted
        return wanted

    library.speak(voice, text, on_piece)
    if wanted:
        rest = resample.resample_chunk(np.empty(0, np.int16), last=True).tobytes()
        take(rest)
        _sentences.put((voice, text), b"".join([*pieces, rest]))


class EspeakSpeaking:
    """One call's voice."""

    vendor = VENDOR
    tags = ()

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def open(self) -> None:
        """Load the library, so that the first sentence does not wait for it."""
        with contextlib.suppress(VendorError):  # speak will say it
            await asyncio.get_running_loop().run_in_executor(_thread, _library)

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        wanted = True

        def take(pcm: bytes) -> bool:
            if wanted:
                loop.call_soon_threadsafe(pieces.put_nowait, pcm)
            return wanted

        work = loop.run_in_executor(_thread, _synthesise, self._voice, text, take)
        work.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                if piece:
                    yield piece
            await work
        finally:
            wanted = False
            if not work.cancel() and not work.cancelled():
                work.exception()  # a sentence nobody waits for any more: its failure is no news

    async def close(self) -> None: ...


def speaking(model: str, voice: Voice, settings: VendorSettings, tag: str) -> EspeakSpeaking:
    """A row's way of making one."""
    return EspeakSpeaking(voice)
