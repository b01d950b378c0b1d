"""Server-sent events, however the network cuts them; and what OpenAI's readers make of odd ones."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Called, Delta, Finished, Message, Said
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.sse import LONGEST, Json, Stream
from tests.simulators.wire import Reply, Request, Server

EVENTS: list[Json] = [{"text": "a line\u2028another\x85 \r\n"}, {"Ünï": "çödé", "n": [1, None]}, {}]


def fed(stream: Stream, *pieces: bytes) -> list[Json]:
    return [event for piece in pieces for event in stream.feed(piece)]


def cut(text: bytes, places: list[int]) -> Iterator[bytes]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    yield from (text[a:b] for a, b in pairwise(ends))


@given(st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 1000)), st.booleans())
def test_it_does_not_matter_where_the_network_cuts(end: str, places: list[int], one: bool) -> None:
    lines = [":comment", "event: x"]
    for event in EVENTS:
        lines += [f"data: {json.dumps(event, ensure_ascii=False)}", "id: 1", ""]
    text = end.join([*lines, "data: [DONE]", "", ""]).encode()
    stream = Stream("clay")
    pieces = [text[n : n + 1] for n in range(len(text))] if one else list(cut(text, places))
    assert fed(stream, *pieces) == EVENTS
    assert stream.done


@given(st.lists(st.binary() | st.sampled_from([b"data:", b"{}", b"\n\n", b"[DONE]", b"\r"])))
def test_whatever_comes_it_is_an_event_or_the_vendors_fault(pieces: list[bytes]) -> None:
    with suppress(VendorError):
        assert all(isinstance(event, dict) for event in fed(Stream("clay"), *pieces))


def test_the_lines_of_one_event_belong_together() -> None:
    assert fed(Stream("clay"), b'data: {"a":\ndata:1}\n\n') == [{"a": 1}]


@pytest.mark.parametrize("text", [b"data: {nonsense\n\n", b"data: 1\n\n", b'data: "\xff"\n\n'])
def test_what_is_no_json_object_is_the_vendors_fault(text: bytes) -> None:
    with pytest.raises(VendorError) as failure:
        fed(Stream("clay"), text)
    assert failure.value.fault is Fault.THEIRS


@pytest.mark.parametrize("line", [b"data: " + b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_an_event_without_end_is_not_waited_for(line: bytes) -> None:
    with pytest.raises(VendorError, match="without end"):
        fed(Stream("clay"), *[line] * (LONGEST // 65536 + 1))


@dataclass
class Scripted(Server):
    """Answers every request with these events, and then ends or does not."""

    events: tuple[str, ...] = ()
    open_ended: bool = False

    async def answer(self, request: Request, reply: Reply) -> None:
        await reply.start("text/event-stream")
        for event in self.events:
            await reply.piece(f"data: {event}\n\n".encode())
        if self.open_ended:
            await asyncio.Event().wait()
        await reply.end()


async def replied(server: Scripted, **options: object) -> list[Delta]:
    settings = VendorSettings(base_url=f"{server.origin}/v1", api_key=SecretStr("k"))
    mind = catalog.thinking("openai", "gpt-4o", options, settings, "call-1")
    try:
        return [delta async for delta in mind.reply([Message("user", "hello")], ())]
    finally:
        await catalog.close()


def chunk(delta: Json, reason: str | None = None, **more: object) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})


async def test_what_a_compatible_vendor_leaves_out_is_not_missed() -> None:
    call = {"id": "c1", "function": {"name": "dtmf", "arguments": None}}
    arguments = {"function": {"arguments": "{}"}}
    events = (
        "{}",
        '{"choices": null, "usage": {"prompt_tokens": 3}}',
        chunk({"role": "assistant", "content": None}),
        chunk({"content": "Well."}, error=None),
        chunk({"tool_calls": [call]}),
        chunk({"tool_calls": [arguments]}),
        '{"choices": [{"finish_reason": "stop"}]}',
    )
    async with Scripted(events=events) as server:
        assert await replied(server) == [
            Said("Well."),
            Called("c1", "dtmf", "{}"),
            Finished("stop", 3),
        ]


async def test_a_reply_is_over_when_the_vendor_says_so() -> None:
    events = (chunk({"content": "Yes."}), chunk({}, "stop"), "[DONE]")
    async with Scripted(events=events, open_ended=True) as server:
        settings = VendorSettings(base_url=f"{server.origin}/v1", api_key=SecretStr("k"))
        mind = catalog.thinking("openai", "gpt-4o", {}, settings, "call-1")
        reply = mind.reply([Message("user", "hello")], ())
        async with asyncio.timeout(30):
            assert [await anext(reply), await anext(reply)] == [Said("Yes."), Finished("stop")]
        await reply.aclose()  # type: ignore[attr-defined]
        await catalog.close()


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    ("event", "fault", "detail"),
    [
        ({"error": {"code": "insufficient_quota", "message": "no money"}}, Fault.QUOTA, "no money"),
        ({"error": {"code": "rate_limit_exceeded"}}, Fault.OVERLOAD, "no reason"),
        ({"error": {"code": 502, "message": "gone"}}, Fault.THEIRS, "gone"),
        ({"error": "overworked"}, Fault.THEIRS, "overworked"),
    ],
    ids=lambda v: None,
)
async def test_an_error_within_a_stream_says_whose_it_is(
    api: str, event: Json, fault: Fault, detail: str
) -> None:
    async with Scripted(events=(json.dumps(event),)) as server:
        with pytest.raises(VendorError, match=detail) as failure:
            await replied(server, api=api)
    assert failure.value.fault is fault


FAILURE = {"code": "rate_limit_exceeded", "message": "slower"}


@pytest.mark.parametrize(
    ("api", "event", "fault"),
    [
        ("chat", {"choices": 7}, Fault.THEIRS),
        ("chat", {"choices": [{"delta": {"tool_calls": ["dtmf"]}}]}, Fault.THEIRS),
        ("chat", {"choices": [{"delta": "hello"}]}, Fault.THEIRS),
        ("chat", {"usage": [1]}, Fault.THEIRS),
        ("responses", {"type": "response.output_text.delta"}, Fault.THEIRS),
        ("responses", {"type": "response.completed", "response": None}, Fault.THEIRS),
        ("responses", {"type": "response.failed", "response": {"error": None}}, Fault.THEIRS),
        ("responses", {"type": "response.failed", "response": {"error": FAILURE}}, Fault.OVERLOAD),
        ("responses", {"type": "error", **FAILURE}, Fault.OVERLOAD),
    ],
    ids=str,
)
async def test_an_event_of_another_shape_is_the_vendors_fault(
    api: str, event: Json, fault: Fault
) -> None:
    async with Scripted(events=(json.dumps(event),)) as server:
        with pytest.raises(VendorError) as failure:
            await replied(server, api=api)
    assert failure.value.fault is fault
