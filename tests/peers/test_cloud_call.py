"""Whole calls held by the cloud's models, spoken with over their own wire protocols; and a tool."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator, Rule
from tests.simulators.otlp_wire import collecting, values
from tests.simulators.wire import Trouble

pytestmark = pytest.mark.peers

SUNNY = "It is sunny in Rome today."


class Cloud:
    """The two vendors, and a gateway that has their keys."""

    def __init__(self, openai: OpenAISimulator, deepgram: DeepgramSimulator) -> None:
        self.openai = openai
        self.deepgram = deepgram

    def env(self) -> dict[str, str]:
        return {
            "OPENAI_API_KEY": "sk-test",
            "DEEPGRAM_API_KEY": "dg-test",
            "GATEWAY_VENDORS__OPENAI__BASE_URL": self.openai.base_url,
            "GATEWAY_VENDORS__DEEPGRAM__BASE_URL": self.deepgram.base_url,
        }


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    openai = OpenAISimulator(rules=[Rule("weather", SUNNY)])
    deepgram = DeepgramSimulator(words=["what is the weather"])
    async with openai, deepgram:
        yield Cloud(openai, deepgram)


@pytest.fixture
async def gateway(tmp_path: Path, cloud: Cloud) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path / "gateway", cloud.env()) as daemon:
        yield daemon


def texts(record: dict[str, Any], role: str) -> list[str]:
    return [m["message"] for m in record["artifact"]["messages"] if m["role"] == role]


async def ask(
    gateway: Daemon,
    phone: Softphone,
    folder: Path,
    openai: OpenAISimulator,
    answer: str,
    trouble: Trouble | None = None,
) -> dict[str, Any]:
    """One question in one call, its answer heard to the end; the call's record. ``trouble``
    begins with the question: the call's own warm-up does not meet it."""
    question = await sound.spoken("What is the weather in Rome?", folder, lead_s=0.5)
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    greeted = await call.until("sound", on=True, within_s=40)
    await call.until("sound", on=False, after=greeted["at"], within_s=40)
    openai.trouble = trouble
    await call.say(question)
    await gateway.until_said(answer)
    if not call.over:
        await call.hang_up()
    await call.disconnected(20)
    (record,) = await gateway.ended_calls(1)
    return record


async def test_with_keys_the_demo_is_held_by_the_cloud(
    cloud: Cloud, phone: Softphone, tmp_path: Path
) -> None:
    call_log = tmp_path / "calls.jsonl"
    with collecting() as collector:
        accounts = {
            "GATEWAY_CALLS__LOG": str(call_log),
            "GATEWAY_TELEMETRY__OTLP_ENDPOINT": collector.url,
        }
        async with Daemon(tmp_path / "gateway", cloud.env() | accounts) as gateway:
            record = await ask(gateway, phone, tmp_path, cloud.openai, SUNNY)
    assert texts(record, "user") == ["what is the weather"]
    assert texts(record, "bot")[-1] == SUNNY
    (turn,) = record["artifact"]["trunkline"]["turns"]
    assert sum(s["ms"] for s in turn["segments"]) == pytest.approx(turn["totalMs"], abs=1)
    assert {"model_first_token", "voice_first_audio"} <= {s["name"] for s in turn["segments"]}
    assert record["endedReason"] == "customer-ended-call"
    model, voice, ear = (
        next(item for item in record["costs"] if item["type"] == kind)
        for kind in ("model", "voice", "transcriber")
    )
    assert (model["promptTokens"], model["completionTokens"]) == (11, 7)
    assert voice["characters"] >= len(SUNNY)
    assert ear["minutes"] > 0
    costs = record["costBreakdown"]
    assert record["cost"] == costs["total"] > 0
    assert min(costs["stt"], costs["llm"], costs["tts"]) > 0
    logged = json.loads(call_log.read_text())
    assert (logged["id"], logged["cost"]) == (record["id"], record["cost"])
    spans = collector.spans
    (chat,) = [span for name, span in spans.items() if name.startswith("chat ")]
    assert chat.trace_id.hex() == record["id"].replace("-", "")
    assert chat.parent_span_id == spans["turn 1"].span_id
    assert values(chat)["gen_ai.usage.input_tokens"] == 11
    assert values(spans["call inbound"])["trunkline.call.cost"] == record["cost"]


async def test_a_vendor_that_refuses_ends_the_call_with_its_name(
    gateway: Daemon, cloud: Cloud, phone: Softphone, tmp_path: Path
) -> None:
    trouble = Trouble("refuse", status=401)
    record = await ask(gateway, phone, tmp_path, cloud.openai, "I am sorry", trouble)
    assert record["endedReason"] == "pipeline-error-openai-llm-failed"


async def test_a_vendor_that_stumbles_once_is_asked_again(
    gateway: Daemon, cloud: Cloud, phone: Softphone, tmp_path: Path
) -> None:
    trouble = Trouble("refuse", status=500, times=1)
    record = await ask(gateway, phone, tmp_path, cloud.openai, SUNNY, trouble)
    assert texts(record, "bot")[-1] == SUNNY
    events = [event["what"] for event in record["artifact"]["trunkline"]["events"]]
    assert "retry" in events


async def test_a_function_is_called_while_the_caller_hears_a_filler(
    gateway: Daemon, cloud: Cloud, phone: Softphone, tmp_path: Path
) -> None:
    asked: list[dict[str, Any]] = []
    filler_heard = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A webhook server that answers tool calls once the caller has heard the filler."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        message = json.loads(await reader.readexactly(length))["message"]
        asked.append(message)
        body = b"{}"
        if message["type"] == "tool-calls":
            async with asyncio.timeout(10):
                await filler_heard.wait()
            call_id = message["toolCallList"][0]["id"]
            body = json.dumps({"results": [{"toolCallId": call_id, "result": "sunny"}]}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    cloud.openai.rules = [
        Rule("sunny", "The weather service says sunny."),
        Rule("weather", calls=(("look_up", {"city": "Rome"}),)),
    ]
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        assistant = {
            "firstMessage": "Hello.",
            "server": {"url": url},
            "model": {
                "provider": "openai",
                "model": "gpt-4.1-mini",
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "look_up",
                            "parameters": {
                                "type": "object",
                                "properties": {"city": {"type": "string"}},
                            },
                        },
                        "messages": [{"type": "request-start", "content": "Let me look that up."}],
                    }
                ],
            },
            "transcriber": {"provider": "deepgram"},
            "voice": {"provider": "openai", "voiceId": "alloy"},
        }
        made = await gateway.api.post("/assistant", json=assistant)
        assert made.status_code == 201, made.text
        number = {"provider": "vapi", "sipUri": "sip:rome@here", "assistantId": made.json()["id"]}
        assert (await gateway.api.post("/phone-number", json=number)).status_code == 201

        question = await sound.spoken("What is the weather in Rome?", tmp_path)
        call = await phone.dial(gateway.uri("rome"))
        await call.confirmed()
        greeted = await call.until("sound", on=True, within_s=40)
        await call.until("sound", on=False, after=greeted["at"])
        spoke = await call.say(question)
        filler = await call.until("sound", on=True, after=spoke - 1, within_s=40)
        quiet = await call.until("sound", on=False, after=filler["at"])
        filler_heard.set()
        answer = await call.until("sound", on=True, after=quiet["at"], within_s=40)
        await call.until("sound", on=False, after=answer["at"])
        await call.hang_up()
        await call.disconnected()
        (record,) = await gateway.ended_calls(1)

        async with asyncio.timeout(40):
            while not asked or asked[-1]["type"] != "end-of-call-report":
                await asyncio.sleep(0.02)
    said = texts(record, "bot")
    assert said[1:] == ["Let me look that up.", "The weather service says sunny."]
    kinds = [message["type"] for message in asked]
    assert kinds.count("tool-calls") == 1
    assert kinds[-2:] == ["status-update", "end-of-call-report"]
    (tool_call,) = next(m for m in asked if m["type"] == "tool-calls")["toolCallList"]
    assert tool_call["function"]["arguments"] == {"city": "Rome"}
