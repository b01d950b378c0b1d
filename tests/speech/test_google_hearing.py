"""Gemini as a transcriber, over HTTP, against a server that answers as it does."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Heard, Hearing
from gateway.speech.settings import VendorSettings
from tests.simulators.sound import hum
from tests.simulators.wire import Reply, Request, Server, Trouble

LOUD, QUIET = hum(16_000, 0.02), bytes(640)


@dataclass
class Gemini(Server):
    text: str = "what time is it"
    bodies: list[dict[str, object]] = field(default_factory=list)

    async def answer(self, request: Request, reply: Reply) -> None:
        if request.method == "GET":
            return await reply.whole(200, b"{}")
        error = {"error": {"code": 400, "message": "API key not valid."}}
        if await reply.refused(error):
            return None
        self.bodies.append(request.json())
        parts = [{"text": "thinking", "thought": True}, {"text": f"{self.text}\n"}]
        answer = json.dumps({"candidates": [{"content": {"parts": parts}}]}).encode()
        match self.trouble and self.trouble.kind:
            case "nonsense":
                answer = b"{nonsense"
            case "half":
                answer = b'{"candidates": [{}]'
            case "end":
                answer = b'{"promptFeedback": {}}'
            case "cut":
                await reply.start("application/json")
                await reply.piece(answer)
            case "stall":
                await reply.start("application/json")
        return await reply.whole(200, answer)


@pytest.fixture
async def cloud() -> AsyncIterator[Gemini]:
    async with Gemini() as simulator:
        yield simulator


def ear(cloud: Gemini, timeout_s: float = 30.0, **options: object) -> Hearing:
    base = f"http://127.0.0.1:{cloud.port}"
    settings = VendorSettings(base_url=base, api_key=SecretStr("k"), timeout_s=timeout_s)
    return catalog.hearing("google", "gemini-2.5-flash", options, settings, "call-1")


async def one(hearing: Hearing) -> Heard:
    await hearing.open()
    for _ in range(20):
        hearing.hear(QUIET)
    hearing.onset()
    for _ in range(50):
        hearing.hear(LOUD)
    hearing.offset()
    for _ in range(15):
        hearing.hear(QUIET)
    try:
        return await anext(aiter(hearing.events()))
    finally:
        await hearing.close()


async def test_an_utterance_is_sent_as_a_file_and_comes_back_as_words(cloud: Gemini) -> None:
    assert await one(ear(cloud, language="German")) == Heard("what time is it", True)
    path = cloud.requests[-1].path
    assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert cloud.requests[-1].headers["x-goog-api-key"] == "k"
    (content,) = cloud.bodies[0]["contents"]  # type: ignore[misc]
    sound, order = content["parts"]
    wav = base64.b64decode(sound["inlineData"]["data"])
    assert wav[:4] == b"RIFF"
    assert len(wav) == 44 + 640 * (15 + 50 + 10)
    assert "in German" in order["text"]


async def test_an_utterance_without_words_is_answered(cloud: Gemini) -> None:
    cloud.text = ""
    assert await one(ear(cloud)) == Heard("", True, False, 0.0)


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (Trouble("refuse", status=400), Fault.AUTH),  # as Google says that a key is wrong
        (Trouble("refuse", status=429, retry_after="3"), Fault.OVERLOAD),
        (Trouble("refuse", status=503), Fault.THEIRS),
        (Trouble("nonsense"), Fault.THEIRS),
        (Trouble("half"), Fault.THEIRS),
        (Trouble("end"), Fault.THEIRS),
        (Trouble("cut"), Fault.THEIRS),
        (Trouble("stall", after=-1), Fault.OVERLOAD),
    ],
    ids=lambda v: f"{v.kind}-{v.status}" if isinstance(v, Trouble) else None,
)
async def test_a_failure_says_whose_it_is(cloud: Gemini, trouble: Trouble, fault: Fault) -> None:
    hearing = ear(cloud, 1.0 if trouble.kind == "stall" else 30.0)
    cloud.trouble = trouble
    trouble.times = 3
    with pytest.raises(VendorError) as failure:
        await one(hearing)
    assert failure.value.fault is fault
