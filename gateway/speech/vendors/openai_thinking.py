"""A model behind OpenAI's SDK: what chat completions and responses have in common.

A file for each of the two says how a request is written and how the stream is read: both as the
JSON that they are. The SDK would go through each message of the conversation by its types, and
make a model of pydantic's of each token, and that costs more than all else that a turn takes here.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, cast

import httpx2  # the SDK's own
import openai
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault, VendorError
from gateway.speech.contract import Delta, Message, Said, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import MUST_SAY, Row
from gateway.speech.vendors.faults import patiently, refused
from gateway.speech.vendors.openai import blame, client
from gateway.speech.vendors.schemas import Stripping, stripped
from gateway.speech.vendors.sse import Json, Stream
from gateway.speech.vendors.turns import CONNECTED

# A reasoning model thinks before the caller hears a word. Where the assistant does not say how
# long, it is as short as the model can; and what it thinks is no part of the documented limit.
_EFFORTS = (
    (re.compile(r"gpt-5(-mini|-nano)?(-\d{4}.*)?$"), "minimal"),
    (re.compile(r"(gpt-5\.\d+|gpt-[6-9])(?!.*chat)"), "none"),
    (re.compile(r"o\d"), "low"),
)
HEADROOM = 2000  # tokens for thoughts
_THOUGHTLESS = (None, "none", "minimal")
DRAIN_S = 1.0  # for the end of the answer behind its last event: its connection can stay


class ThinkingOptions(BaseModel):
    """``options`` of a model of OpenAI's protocol. What is not set is not sent."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    api: Literal["chat", "responses"] | None = None
    url: str | None = Field(None, description="custom-llm: where its /chat/completions is")
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] = Field(
        default_factory=dict, description="custom-llm: what it is told of the call"
    )
    strip: Stripping = Field(
        "validation", description="azure-openai: what a strict tool loses that Azure refuses"
    )


class Reader(Protocol):
    """Puts a streamed reply together."""

    def take(self, event: Json) -> str:
        """The text in it. Raises VendorError if the event says that the reply failed."""

    def end(self) -> list[Delta]:
        """The tool calls and the end. Raises VendorError if the reply broke off."""


class Wire(Protocol):
    """One of the two protocols."""

    path: str

    def asked(self, options: ThinkingOptions, row: Row, name: str) -> dict[str, Any]:
        """What every request says."""

    def request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        """What one request says more."""

    def reader(self, vendor: str) -> Reader: ...


def thought_of(model: str, options: ThinkingOptions) -> ThinkingOptions:
    """The options with the effort and the limit that suit the model."""
    effort = options.reasoning_effort or next(
        (effort for pattern, effort in _EFFORTS if pattern.match(model)), None
    )
    limit = options.max_tokens
    if limit is not None and effort not in _THOUGHTLESS:
        limit += HEADROOM
    return options.model_copy(update={"reasoning_effort": effort, "max_tokens": limit})


class OpenAIThinking:
    """One call's language model. ``name`` is the call's."""

    def __init__(
        self,
        vendor: str,
        row: Row,
        model: str,
        options: ThinkingOptions,
        settings: VendorSettings,
        name: str,
        wire: Wire,
    ) -> None:
        self.vendor = vendor
        url = settings.base_url or options.url or row.url
        if url == MUST_SAY:
            raise VendorError(vendor, Fault.OURS, "url: says where the model is, and is missing")
        # The API lets an assistant name either the root or the very resource.
        self._url = url.removesuffix("/").removesuffix("/chat/completions") if url else None
        self._row = row
        self._model = model
        self._settings = settings
        self._name = name
        self._requests = 0
        self._options = options
        self._wire = wire
        if vendor in ("openai", "azure-openai"):
            options = thought_of(model, options)
        self._asked = {"model": model, **wire.asked(options, row, name)}

    async def open(self) -> None:
        with contextlib.suppress(VendorError):  # a missing key: reply will say it
            await client(self.vendor, self._url, self._settings, self._row.keyless).warm()

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        def whose(error: Exception) -> VendorError:
            return blame(self.vendor, error)

        if self.vendor == "azure-openai":
            tools = [stripped(tool, self._options.strip) for tool in tools]
        # An agent without instructions that is to speak first: no message at all is refused.
        request = self._wire.request(messages or [Message("user", CONNECTED)], tools)
        try:
            answer = await self._answer(request)
        except Exception as error:
            raise whose(error) from error
        async with contextlib.aclosing(answer):
            pieces = patiently(aiter(answer.aiter_bytes()), self._settings.timeout_s, whose)
            stream, reply = Stream(self.vendor), self._wire.reader(self.vendor)
            async for piece in pieces:
                for text in self._texts(stream.feed(piece), reply):
                    yield Said(text)
                if stream.done:
                    break
            for delta in reply.end():
                yield delta
            with contextlib.suppress(VendorError, TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    async for _ in pieces:
                        pass

    def _texts(self, events: Iterable[Json], reply: Reader) -> Iterator[str]:
        try:
            for event in events:
                if error := event.get("error"):
                    raise failed(self.vendor, error)
                if text := reply.take(event):
                    yield text
        except VendorError:
            raise
        except Exception as slip:
            what = f"an event that is no such reply's: {slip!r}"
            raise VendorError(self.vendor, Fault.THEIRS, what) from slip

    async def _answer(self, request: dict[str, Any]) -> httpx2.Response:
        """2xx, its body still to come.

        Models differ in what may be set: a reasoning one refuses a temperature. What is refused
        is left out, from then on in every call."""
        cloud = client(self.vendor, self._url, self._settings, self._row.keyless)
        cloud.used_at = time.monotonic()
        self._requests += 1
        headers = {
            "X-Client-Request-Id": f"{self._name}-{self._requests}",
            **self._options.headers,
        }
        while True:
            refused = cloud.refused.get(self._model, ())
            asked = {name: value for name, value in self._asked.items() if name not in refused}
            try:
                answer: object = await cloud.sdk.post(  # typed for streams of models
                    self._wire.path,
                    cast_to=httpx2.Response,
                    body={**asked, **request, "stream": True},
                    options={"headers": headers},
                    stream=True,
                    stream_cls=openai.AsyncStream[Any],
                )
                return cast(httpx2.Response, answer)
            except openai.BadRequestError as error:
                field = str(error.param or "").split(".")[0]
                if field not in asked or field == "model" or not _unsupported(error):
                    raise
                cloud.refused.setdefault(self._model, set()).add(field)

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ()

    async def close(self) -> None: ...


def failed(vendor: str, error: Any) -> VendorError:
    """What a stream that began well says of its failure: ``{"code": ..., "message": ...}``."""
    said = error if isinstance(error, dict) else {"message": error}
    code = str(said.get("code") or "")
    status = 429 if code in ("insufficient_quota", "rate_limit_exceeded") else 500
    return refused(vendor, status, str(said.get("message") or "no reason given"), code=code)


def _unsupported(error: openai.BadRequestError) -> bool:
    """The field is refused as such, and not because of its value alone."""
    return error.code in ("unsupported_value", "unsupported_parameter") or bool(
        re.search(r"unsupported|not supported|only allowed", error.message, re.IGNORECASE)
    )
