"""What a transcriber's file must say, and what it never has to: sockets, retries, clocks, tasks.

A dialect is the machine of one connection: sound and hints go in and frames come out, frames come
in and words go out. :mod:`gateway.speech.driver` puts it on a wire.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode

from gateway.errors import Fault, VendorError
from gateway.speech.contract import RATE, Heard
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.faults import key_of, refused

Frame = str | bytes


@dataclass(frozen=True)
class Ask:
    """An HTTP POST of JSON before the dial; its answer, as JSON too, is given to ``dial``."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Dial:
    """Where and how to open the websocket, and what to send on it first."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    first: tuple[Frame, ...] = ()


class Dialect:
    """One connection to a transcriber. What most of them have in common is already here.

    ``ready`` says whether the vendor listens; one that greets first sets it in :meth:`read`.
    """

    vendor: ClassVar[str]
    cloud: ClassVar[str]  # where it is, unless ``base_url`` says something else
    idle_s: ClassVar[float | None] = None  # it hangs up if it gets nothing for longer
    named: ClassVar[bool] = False  # its address is an assistant's, so it lies behind the fence
    gathers: ClassVar[bool] = True  # several beats may be one message; not if it cuts them itself
    chatty: ClassVar[bool] = True  # sound of speech makes it send something, words or not

    def __init__(self, settings: VendorSettings, confidence: float = 0.0) -> None:
        self.settings = settings
        self.confidence = confidence  # words below it are dropped
        self.ready = True

    @property
    def key(self) -> str:
        """VendorError if there is none."""
        return key_of(self.vendor, self.settings)

    def url(self, path: str = "", query: Sequence[tuple[str, Any]] = ()) -> str:
        """The websocket's address; the query as in :func:`addressed`."""
        return websocket(addressed(self.settings.base_url or self.cloud, path, query))

    def ask(self) -> Ask | None:
        """What has to be asked by HTTP before the dial."""
        return None

    def dial(self, answer: Any) -> Dial:
        raise NotImplementedError

    def sound(self, pcm: bytes) -> Iterable[Frame]:
        """The caller's sound, in order, silence included."""
        return (pcm,)

    def onset(self) -> Iterable[Frame]:
        """The voice activity detector says that speech began, within the sound given last."""
        return ()

    def offset(self) -> Iterable[Frame]:
        """And that it has stopped."""
        return ()

    def idle(self) -> Iterable[Frame]:
        """Nothing was sent for most of ``idle_s``."""
        return ()

    def finish(self) -> Iterable[Frame]:
        """The call is over."""
        return ()

    def read(self, frame: Any) -> Iterable[Heard]:
        """What a frame says. Any exception means that the vendor wrote nonsense."""
        raise NotImplementedError

    def closed(self, code: int, reason: str) -> VendorError:
        """Whose fault it is that the vendor closed the websocket (RFC 6455 7.4, or its own)."""
        return closed(self.vendor, code, reason)

    def failure(self, fault: Fault, detail: str) -> VendorError:
        return VendorError(self.vendor, fault, detail.strip())

    def refusal(self, status: int, detail: str) -> VendorError:
        """An error frame that carries an HTTP status."""
        return refused(self.vendor, status, detail)


def closed(vendor: str, code: int, reason: str) -> VendorError:
    """Whose fault it is that a vendor closed a websocket, by RFC 6455 7.4."""
    known = {1008: Fault.OURS, 1013: Fault.OVERLOAD}
    fault = known.get(code, Fault.THEIRS)
    return VendorError(vendor, fault, f"closed: {code} {reason}".strip())


def addressed(base: str, path: str, query: Sequence[tuple[str, Any]] = ()) -> str:
    """A URL. What is None or empty is left out of the query, a list is repeated, and a boolean is
    written as JSON does."""
    asked = urlencode(list(_spelt(query)))
    return base.rstrip("/") + path + (f"?{asked}" if asked else "")


def websocket(url: str) -> str:
    """The same place's address for websockets."""
    return url.replace("http", "ws", 1) if url.startswith("http") else url


class Pieces:
    """Sound cut to the size that a vendor wants, in milliseconds."""

    def __init__(self, size_ms: int) -> None:
        self._size = size_ms * RATE * 2 // 1000
        self._rest = b""

    def cut(self, pcm: bytes) -> list[bytes]:
        sound = self._rest + pcm
        whole = len(sound) - len(sound) % self._size
        self._rest = sound[whole:]
        return [sound[at : at + self._size] for at in range(0, whole, self._size)]

    def rest(self) -> bytes:
        """What is left of the last piece, made as long as the others by silence; b"" if nothing."""
        rest, self._rest = self._rest, b""
        return rest and rest.ljust(self._size, b"\0")


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value: None and empty lists are left to the vendor."""
    return {name: value for name, value in fields.items() if value not in (None, [], {}, "")}


def text_of(**fields: Any) -> str:
    """A JSON frame."""
    return json.dumps(fields, separators=(",", ":"))


def mean(numbers: Iterable[float]) -> float:
    """Of the words' confidences; 1 if the vendor gives none."""
    all_of_them = list(numbers)
    return sum(all_of_them) / len(all_of_them) if all_of_them else 1.0


def _spelt(query: Sequence[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, value in query:
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one != "":
                yield name, json.dumps(one) if isinstance(one, bool) else str(one)
