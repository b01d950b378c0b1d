"""What a voice's file must say, and what it never has to: sockets, retries, clocks, resampling.

A dialect is one call's voice, as its vendor knows it: text goes in and a request or frames come
out; an answer or frames come in and sound goes out. :mod:`gateway.speech.voice_http` and
:mod:`gateway.speech.voice_socket` put it on a wire.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from gateway.errors import Fault, VendorError
from gateway.fence import Fence
from gateway.speech.contract import RATE
from gateway.speech.dialect import Dial, Frame, addressed
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import key_of, refused

Json = dict[str, Any]


@dataclass(frozen=True)
class Post:
    """An HTTP POST; a body that is no text is sent as JSON."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Json | str = ""


@dataclass(frozen=True, slots=True)
class Spelt:
    """The next words of the text are said by ``until_s``: since its sound began, or since the
    sound that follows does. Only their letters count; spaces do not."""

    text: str
    until_s: float
    since_start: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """All of the text has been said."""


Voiced = bytes | Spelt | Done | VendorError


class VoiceDialect:
    """What all of them have in common."""

    vendor: ClassVar[str]
    cloud: ClassVar[str] = ""  # where it is, unless ``base_url`` says something else
    rate: ClassVar[int] = RATE  # of the int16 sound that is asked for

    def __init__(self, settings: VendorSettings) -> None:
        self.settings = settings
        self.tags: Collection[str] = ()  # in angle brackets, that it understands

    @property
    def key(self) -> str:
        """VendorError if there is none."""
        return key_of(self.vendor, self.settings)

    def url(self, path: str = "", query: Sequence[tuple[str, Any]] = ()) -> str:
        """What is None or empty is left out of the query."""
        return addressed(self.settings.base_url or self.cloud, path, query)

    def failure(self, fault: Fault, detail: str) -> VendorError:
        return VendorError(self.vendor, fault, detail.strip())

    def refusal(self, status: int, said: Json, headers: Mapping[str, str]) -> VendorError:
        """An answer that is not 2xx; ``said`` is its JSON, if it had any."""
        error = next((said[n] for n in ("error", "detail", "message") if said.get(n)), "")
        code = ""
        if isinstance(error, dict):
            code = str(error.get("code") or error.get("status") or "")
            error = error.get("message") or json.dumps(error)
        return refused(self.vendor, status, str(error)[:200], headers, code)


class PostedVoice(VoiceDialect):
    """A request for each text; the answer is sound (``raw``), or JSON objects in lines or in
    server-sent events."""

    framing: ClassVar[Literal["raw", "lines", "events"]] = "raw"
    fence: Fence | None = None  # the URL is somebody else's

    def post(self, text: str) -> Post:
        raise NotImplementedError

    def proven(self, post: Post, now: float) -> Post:
        """With what shows who asks, where that depends on the request; ``now`` is epoch seconds."""
        return post

    def again_s(self, tried: int, status: int | None) -> float | None:
        """How long after so many attempts, the last of them answered so (None: not at all), there
        is to be another; None: never. The call's agent tries again by itself."""
        return None

    def read(self, item: Json) -> Iterable[bytes]:
        """The sound in one of the answer's objects. Any exception but VendorError means that the
        vendor wrote nonsense."""
        raise NotImplementedError


class SocketVoice(VoiceDialect):
    """A websocket that outlives the texts spoken on it. Each text is a context of a name of its
    own; one connection serves ``calls`` calls at a time."""

    calls: ClassVar[int] = 1
    idle_s: ClassVar[float] = 60.0  # it hangs up if it gets nothing for longer

    def dial(self) -> Dial:
        """Calls whose dials are equal may share a connection."""
        raise NotImplementedError

    def say(self, context: str, text: str) -> Iterable[Frame]:
        raise NotImplementedError

    def cancel(self, context: str) -> Iterable[Frame]:
        """Nobody listens to it any more."""
        return ()

    def idle(self) -> Iterable[Frame]:
        """Nothing was sent for most of ``idle_s``; a ping is, in any case."""
        return ()

    def read(self, frame: Any) -> Iterable[tuple[str, Voiced]]:
        """What a frame says, and of which context; "" means all of them. Of the call, only what
        ``dial`` depends on may be used: the connection may be another's. Any exception means that
        the vendor wrote nonsense."""
        raise NotImplementedError
