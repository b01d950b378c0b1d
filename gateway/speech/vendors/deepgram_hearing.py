"""Deepgram's hearing, through its SDK: Nova, and Flux with turns of its own.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
https://developers.deepgram.com/reference/speech-to-text/listen-flux
"""

import asyncio
import contextlib
import json
import warnings
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.dialect import Dialect, Frame, Pieces, mean
from gateway.speech.driver import LETTING_GO_S, DrivenHearing, Wire
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.deepgram import VENDOR, blame, client

with warnings.catch_warnings():  # the SDK asks websockets for names that are on their way out
    warnings.simplefilter("ignore", DeprecationWarning)
    # The SDK imports these at first use, in the middle of a call.
    import deepgram.listen.client
    import deepgram.listen.v1.client
    import deepgram.listen.v2.client

# The SDK cannot be told how long to wait for a vendor that does not close its connection. It
# would be 10 s, four times over, in which nothing cancels it.
for _version in (deepgram.listen.v1.client, deepgram.listen.v2.client):
    _version.websockets_client_connect = partial(  # type: ignore[attr-defined]
        _version.websockets_client_connect,
        close_timeout=LETTING_GO_S / 4,
    )

FLUX_PIECE_MS = 80  # as Deepgram wants it for the quickest turns


class ListenOptions(BaseModel):
    """``options`` of hearing, in Deepgram's words."""

    model_config = ConfigDict(extra="forbid")

    language: str = "en"
    endpointing: int = Field(300, description="ms of silence before speech_final; Nova")
    utterance_end_ms: int = Field(1000, ge=1000, description="Nova")
    smart_format: bool = False
    numerals: bool = False
    profanity_filter: bool = False
    mip_opt_out: bool = False
    redact: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list, description="Nova-2 and older")
    keyterm: list[str] = Field(default_factory=list, description="Nova-3 and Flux")
    eot_threshold: float | None = Field(None, ge=0.5, le=0.9, description="Flux")
    eager_eot_threshold: float | None = Field(None, ge=0.3, le=0.9, description="Flux")
    eot_timeout_ms: int | None = Field(None, ge=500, le=10000, description="Flux")
    languages: list[str] = Field(default_factory=list, description="hints; Flux")
    confidence_threshold: float = Field(0.4, ge=0, le=1, description="words below are dropped")


class _Deepgram(Dialect):
    """The SDK's methods are the frames that are sent: bytes are sound, a word is the method that
    sends it. Those that are read are Deepgram's JSON objects."""

    vendor = VENDOR
    asked: dict[str, Any]

    def finish(self) -> Iterable[Frame]:
        return ("close_stream",)


class Nova(_Deepgram):
    idle_s = 5.0  # Deepgram hangs up after 10 s without sound or KeepAlive

    def __init__(
        self, model: str, options: ListenOptions, settings: VendorSettings, tag: str
    ) -> None:
        super().__init__(settings)
        self._threshold = options.confidence_threshold
        self._words = False  # final words that no end of turn has closed
        self._answered = True  # final words have come since the caller began to speak
        self.asked = {
            "model": model or "nova-3",
            "encoding": "linear16",
            "sample_rate": RATE,
            "channels": 1,
            "interim_results": "true",
            "vad_events": "true",
            "tag": tag,
        }
        others = {"confidence_threshold", "languages", "eot_threshold", "eager_eot_threshold",
                  "eot_timeout_ms"}  # fmt: skip
        for name, value in options.model_dump(exclude=others).items():
            if isinstance(value, bool):
                value = "true" if value else None
            self.asked[name] = value or None

    def onset(self) -> Iterable[Frame]:
        self._answered = False
        return ()

    def offset(self) -> Iterable[Frame]:
        return ("finalize",)

    def idle(self) -> Iterable[Frame]:
        return ("keep_alive",)

    def read(self, frame: Any) -> Iterable[Heard]:
        match frame["type"]:
            case "Results":
                heard = self._results(frame)
                return [heard] if heard else []
            case "UtteranceEnd" if self._words:
                self._words = False
                return [Heard("", final=True, ended=True)]
            case "Error":
                raise self.failure(Fault.THEIRS, str(frame.get("description")))
        return []

    def _results(self, message: dict[str, Any]) -> Heard | None:
        best = message["channel"]["alternatives"][0]
        text, sure = best["transcript"].strip(), best["confidence"]
        if text and sure < self._threshold:
            text = ""
        if not message.get("is_final"):
            return Heard(text, confidence=sure) if text else None
        self._words |= bool(text)
        ended = bool(message.get("speech_final")) and self._words
        unheard = bool(message.get("from_finalize")) and not self._answered
        self._answered |= bool(text) or unheard
        if ended:
            self._words = False
        if not (text or ended or unheard):
            return None
        return Heard(text, True, ended, sure)


class Flux(_Deepgram):
    """The words of a turn are cumulative, and its end is the vendor's to say: our own detector's
    offset would only cut it short."""

    gathers = False

    def __init__(
        self, model: str, options: ListenOptions, settings: VendorSettings, tag: str
    ) -> None:
        super().__init__(settings, options.confidence_threshold)
        self.ready = False
        self._pieces = Pieces(FLUX_PIECE_MS)
        self.asked = {
            "model": model,
            "encoding": "linear16",
            "sample_rate": RATE,
            "eot_threshold": options.eot_threshold,
            "eager_eot_threshold": options.eager_eot_threshold,
            "eot_timeout_ms": options.eot_timeout_ms,
            "keyterm": options.keyterm or None,
            "language_hint": options.languages or None,
            "mip_opt_out": "true" if options.mip_opt_out else None,
            "tag": tag,
        }

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        return self._pieces.cut(pcm)

    def read(self, frame: Any) -> Iterable[Heard]:
        match frame["type"]:
            case "Connected":
                self.ready = True
            case "TurnInfo":
                text, event = frame["transcript"].strip(), frame["event"]
                sure = mean(word["confidence"] for word in frame["words"])
                if event == "EndOfTurn":
                    yield Heard(text, True, bool(text), sure if text else 0.0)
                elif text:
                    yield Heard(text, confidence=sure, eager=event == "EagerEndOfTurn")
            case "Error":
                detail = f"{frame.get('code')}: {frame.get('description')}"
                raise self.failure(Fault.THEIRS, detail)


class SdkWire:
    """The SDK's socket, as the driver sees one.

    What comes is read as the JSON that it is, from the websocket inside: the socket would make
    models of pydantic's of each message, which takes ten times as long, and has no other way to
    show one. Without that attribute, the models will do.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._inside = getattr(socket, "_websocket", None)

    async def send(self, frame: Frame) -> None:
        if isinstance(frame, bytes):
            await self._socket.send_media(frame)
        else:
            await getattr(self._socket, f"send_{frame}")()

    async def recv(self) -> Any:
        if self._inside is not None:
            return json.loads(await self._inside.recv())
        return (await self._socket.recv()).dict()

    @property
    def transport(self) -> asyncio.WriteTransport:
        return self._socket._websocket.transport  # type: ignore[no-any-return]


def hearing(
    model: str, options: ListenOptions, settings: VendorSettings, tag: str
) -> DrivenHearing:
    """A model whose name begins with ``flux`` has the second version of the listening API."""
    flux = model.startswith("flux")
    dialect = (Flux if flux else Nova)(model, options, settings, tag)

    @contextlib.asynccontextmanager
    async def dialled() -> AsyncIterator[Wire]:
        listen = client(settings).sdk.listen
        asked: Any = dialect.asked
        connecting: Any = (listen.v2 if flux else listen.v1).connect(**asked)
        async with contextlib.AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(connecting)
            except VendorError:
                raise
            except Exception as error:
                raise blame(error) from error
            yield SdkWire(socket)

    return DrivenHearing(dialect, settings, dialled)
