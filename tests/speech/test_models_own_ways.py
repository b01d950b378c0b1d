"""What only some of the protocols that models speak have: caches, tiers, thoughts, regions."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Called, Message, Tool
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import VENDORS, protocol
from gateway.speech.vendors import bedrock
from tests.simulators.bedrock_wire import BedrockSimulator, frame
from tests.simulators.openai_wire import Rule
from tests.simulators.wire import Trouble
from tests.speech.clouds import HELLO, Cloud, replied, said


async def test_the_calls_name_goes_where_the_protocol_has_a_place(
    chat: Cloud, responses: Cloud, anthropic: Cloud
) -> None:
    for cloud in (chat, responses, anthropic):
        await replied(cloud.mind())
    assert chat.sent["user"] == "call-1"
    assert chat.server.requests[-1].headers["x-client-request-id"] == "call-1-1"
    assert responses.sent["metadata"] == {"call": "call-1"}
    assert anthropic.sent["metadata"] == {"user_id": "call-1"}


async def test_the_cache_the_tier_and_the_effort(chat: Cloud, responses: Cloud) -> None:
    settings = {
        "prompt_cache_key": "shop",
        "prompt_cache_retention": "24h",
        "service_tier": "priority",
    }
    for cloud in (chat, responses):
        await replied(cloud.mind(**settings, reasoning_effort="low", max_tokens=100))
        assert {name: cloud.sent[name] for name in settings} == settings
    assert chat.sent["reasoning_effort"] == "low"
    assert responses.sent["reasoning"] == {"effort": "low"}
    assert responses.sent["store"] is False
    assert responses.sent["max_output_tokens"] == 2100  # thoughts are no part of the limit


@pytest.mark.parametrize(
    ("model", "file", "effort"),
    [
        ("gpt-4.1", "chat", None),
        ("gpt-4o-mini", "chat", None),
        ("gpt-5", "chat", "minimal"),
        ("gpt-5-mini", "chat", "minimal"),
        ("gpt-5-chat-latest", "chat", None),
        ("gpt-5.1", "chat", "none"),
        ("gpt-5.2-chat-latest", "chat", None),
        ("gpt-5.4", "responses", "none"),
        ("gpt-5.5", "responses", "none"),
        ("gpt-6-luna", "responses", "none"),
        ("o4-mini", "chat", "low"),
        ("o3-pro", "responses", "low"),
    ],
)
def test_the_model_decides_the_protocol_and_how_long_it_may_think(
    model: str, file: str, effort: str | None
) -> None:
    from gateway.speech.vendors.openai_thinking import ThinkingOptions, thought_of

    assert protocol("openai", model, {}) == file
    assert thought_of(model, ThinkingOptions()).reasoning_effort == effort
    assert protocol("openai", model, {"api": "responses"}) == "responses"
    assert protocol("groq", model, {}) == "chat"


async def test_what_a_model_refuses_is_left_out_from_then_on(responses: Cloud) -> None:
    responses.server.trouble = Trouble("refuse", status=400, param="reasoning.effort", times=1,
                                       code="unsupported_value")  # fmt: skip
    for _ in range(2):  # calls
        assert said(await replied(responses.mind(reasoning_effort="low"))) == "You said: hello"
    assert ["reasoning" in r.json() for r in responses.server.requests] == [True, False, False]


async def test_claude_thinks_within_its_budget_and_its_thoughts_return_with_the_result(
    anthropic: Cloud,
) -> None:
    anthropic.server.thoughts = "Hm, a cat."
    anthropic.server.rules = [Rule("hello", "", (("look", {}),)), Rule("", "A cat.")]
    mind = anthropic.mind(thinking_tokens=2000, max_tokens=100, temperature=0.3)
    *_, call, _ = await replied(mind, HELLO, (Tool("look"),))
    assert isinstance(call, Called)
    sent = anthropic.sent
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert sent["max_tokens"] == 2100
    assert "temperature" not in sent
    history = [*HELLO, Message("assistant", "", (call,)), Message("tool", "cat", (), call.id)]
    assert said(await replied(mind, history, (Tool("look"),))) == "A cat."
    thought = anthropic.sent["messages"][1]["content"][0]
    assert thought == {"type": "thinking", "thinking": "Hm, a cat.", "signature": "sig"}
    # Who has not had the thought may not think on.
    other = anthropic.mind(thinking_tokens=2000)
    assert said(await replied(other, history)) == "A cat."
    assert "thinking" not in anthropic.sent


async def test_claude_caches_the_instructions_and_needs_no_temperature(anthropic: Cloud) -> None:
    anthropic.server.no_temperature = True
    mind = anthropic.mind(temperature=0.0)
    assert said(await replied(mind)) == "You said: hello"
    await replied(mind)
    assert len(anthropic.server.requests) == 3  # refused once
    assert anthropic.sent["system"][0]["cache_control"] == {"type": "ephemeral"}


async def test_an_overload_within_a_stream_that_began_well(anthropic: Cloud) -> None:
    async def overloaded(request: Any, reply: Any) -> None:
        await reply.start("text/event-stream")
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
        await reply.piece(b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n")
        await reply.end()

    anthropic.server.answer = overloaded
    with pytest.raises(VendorError, match="busy") as failure:
        await replied(anthropic.mind())
    assert failure.value.fault is Fault.OVERLOAD


@pytest.mark.parametrize(
    ("model", "region", "user", "path"),
    [
        ("claude-3-haiku-20240307", "eu-central-1", "AKID",
         "eu.anthropic.claude-3-haiku-20240307-v1%3A0"),
        ("claude-3-5-sonnet-20241022", "us-west-2", None,
         "us.anthropic.claude-3-5-sonnet-20241022-v2%3A0"),
        ("claude-opus-4-6", "sa-east-1", None, "anthropic.claude-opus-4-6"),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", "AKID",
         "global.anthropic.claude-haiku-4-5-20251001-v1%3A0"),
    ],
)  # fmt: skip
async def test_bedrock_is_shown_who_asks_and_which_of_its_models_is_meant(
    model: str, region: str, user: str | None, path: str
) -> None:
    async with BedrockSimulator(secret="the-secret") as server:
        settings = VendorSettings(
            base_url=server.base_url, api_key=SecretStr("the-secret"), region=region, user=user
        )
        mind = catalog.thinking("anthropic-bedrock", model, {}, settings, "call-1")
        assert said(await replied(mind)) == "You said: hello"
        asked = server.requests[-1]
        assert asked.path == f"/model/{path}/invoke-with-response-stream"
        proof = asked.headers["authorization"]
        assert (f"/{region}/bedrock/aws4_request" in proof) is bool(user)
        assert isinstance(asked.json()["system"], str) is ("claude-3-" in model)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("throttlingException", Fault.OVERLOAD), ("validationException", Fault.OURS),
     ("modelStreamErrorException", Fault.THEIRS), ("modelTimeoutException", Fault.OVERLOAD)],
)  # fmt: skip
async def test_an_exception_within_bedrocks_stream(kind: str, fault: Fault) -> None:
    class Failing(BedrockSimulator):
        def framed(self, event: dict[str, Any]) -> bytes:
            if event["type"] != "content_block_stop":
                return super().framed(event)
            return frame({":message-type": "exception", ":exception-type": kind}, {"message": "no"})

    async with Failing() as server:
        with pytest.raises(VendorError, match=f"{kind}: no") as failure:
            await replied(Cloud("anthropic-bedrock", "claude-opus-4-6", server).mind())
    assert failure.value.fault is fault


def test_bedrock_without_its_extra_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bedrock, "INSTALLED", False)
    with pytest.raises(ConfigError, match="install the extra bedrock"):
        catalog.thinking("anthropic-bedrock", "claude-opus-4-6", {}, VendorSettings(), "call-1")


async def test_bedrock_must_be_told_its_region() -> None:
    settings = VendorSettings(api_key=SecretStr("k"))
    mind = catalog.thinking("anthropic-bedrock", "claude-opus-4-6", {}, settings, "call-1")
    await mind.open()
    with pytest.raises(VendorError, match="region: ") as failure:
        await replied(mind)
    assert failure.value.fault is Fault.OURS


async def test_geminis_signatures_return_with_the_result_and_it_thinks_little(
    gemini: Cloud,
) -> None:
    gemini.server.rules = [Rule("hello", "", (("look", {}),)), Rule("", "A cat.")]
    gemini.model = "gemini-3-flash-preview"
    mind = gemini.mind(max_tokens=100)
    call, _ = await replied(mind, HELLO, (Tool("look"),))
    assert isinstance(call, Called)
    assert gemini.sent["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "low"}
    assert gemini.sent["generationConfig"]["maxOutputTokens"] == 1124
    history = [*HELLO, Message("assistant", "", (call,)), Message("tool", "cat", (), call.id)]
    for one, signature in ((mind, "sig-look"), (gemini.mind(), "skip_thought_signature_validator")):
        assert said(await replied(one, history)) == "A cat."
        part = gemini.sent["contents"][1]["parts"][0]
        assert part == {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": signature}
    answer = gemini.sent["contents"][2]["parts"][0]["functionResponse"]
    assert answer == {"name": "look", "response": {"result": "cat"}}


async def test_geminis_wrong_key_is_a_bad_request_that_says_so(gemini: Cloud) -> None:
    gemini.server.trouble = Trouble("refuse", status=400, code="API_KEY_INVALID")
    with pytest.raises(VendorError) as failure:
        await replied(gemini.mind())
    assert failure.value.fault is Fault.AUTH


async def test_a_strict_tool_loses_at_azure_what_azure_refuses(chat: Cloud) -> None:
    parameters = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 9}, "n": {"type": "integer"}},
        "required": ["name", "n"],
    }
    tools = (Tool("strict", "", parameters, strict=True), Tool("loose", "", parameters))
    chat.vendor = "azure-openai"
    plain = {"type": "string"}
    for strip, properties in (("validation", {"name": plain}), ("parameters", {})):
        await replied(chat.mind(strip=strip), HELLO, tools)
        strict, loose = (tool["function"] for tool in chat.sent["tools"])
        assert strict["strict"] is True
        assert strict["parameters"]["properties"] == {**properties, "n": {"type": "integer"}}
        assert strict["parameters"]["required"] == [*properties, "n"]
        assert loose["parameters"] == parameters
        assert "strict" not in loose


def test_every_row_can_be_made_and_says_where_it_is() -> None:
    for vendor, row in VENDORS.items():
        if vendor == "script":
            continue
        made = catalog.thinking(
            vendor, "m", {}, VendorSettings(base_url="http://127.0.0.1:1"), "call-1"
        )
        assert made.vendor == vendor
        assert row.url is None or row.url == "" or row.url.startswith(("https://", "http://127"))
