"""What every vendor keeps, whichever it is: the promises of gateway.speech.contract."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.errors import ConfigError, Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Delta, Finished, Hearing, Message, Said, Speaking, Thinking
from gateway.speech.settings import VendorSettings
from tests.simulators.anthropic_wire import AnthropicSimulator
from tests.simulators.bedrock_wire import BedrockSimulator
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.gemini_wire import GeminiSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.sound import hum
from tests.simulators.wire import Server, Trouble

SCRIPT = {"start": "a", "states": {"a": {"rules": [{"phrases": ["hello"], "say": "You said hi"}]}}}
OPTIONS: dict[tuple[str, str], dict[str, object]] = {("thinking", "script"): {"script": SCRIPT}}
MODELS = {"openai-responses": "gpt-5.4"}  # of a vendor that has two protocols
HELLO = [Message("user", "hello")]


@dataclass
class Cloud:
    openai: OpenAISimulator
    deepgram: DeepgramSimulator
    anthropic: AnthropicSimulator
    bedrock: BedrockSimulator
    gemini: GeminiSimulator

    def settings(self, vendor: str, timeout_s: float = 30.0) -> VendorSettings:
        place: Any = self.server(vendor)
        return VendorSettings(base_url=place.base_url, timeout_s=timeout_s)

    def make(self, part: str, vendor: str, timeout_s: float = 30.0) -> object:
        build: Callable[..., object] = getattr(catalog, part)
        options = OPTIONS.get((part, vendor), {})
        model = MODELS.get(vendor, "")
        name = vendor.removesuffix("-responses")
        return build(name, model, options, self.settings(vendor, timeout_s), "call-1")

    def server(self, vendor: str) -> Server:
        clouds: dict[str, Server] = {
            "deepgram": self.deepgram, "anthropic": self.anthropic,
            "anthropic-bedrock": self.bedrock, "google": self.gemini,
        }  # fmt: skip
        return clouds.get(vendor, self.openai)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with (
        OpenAISimulator() as openai,
        DeepgramSimulator() as deepgram,
        AnthropicSimulator() as anthropic,
        BedrockSimulator(secret="none") as bedrock,
        GeminiSimulator() as gemini,
    ):
        yield Cloud(openai, deepgram, anthropic, bedrock, gemini)


@pytest.fixture(params=["deepgram", "embedded"])  # test_transcriber_contract.py has the others
def ear(cloud: Cloud, request: pytest.FixtureRequest) -> Hearing:
    return cloud.make("hearing", request.param)  # type: ignore[return-value]


@pytest.fixture(params=[*catalog.THINKING, "openai-responses"])
def mind(cloud: Cloud, request: pytest.FixtureRequest) -> Thinking:
    return cloud.make("thinking", request.param)  # type: ignore[return-value]


@pytest.fixture(params=["deepgram", "embedded", "openai"])  # test_voice_contract.py has the others
def voice(cloud: Cloud, request: pytest.FixtureRequest) -> Speaking:
    return cloud.make("speaking", request.param)  # type: ignore[return-value]


async def test_an_ear_says_something_final_after_speech_and_ends_with_close(ear: Hearing) -> None:
    before = asyncio.all_tasks()
    await ear.open()
    ear.expect(["hello"])
    events = aiter(ear.events())
    ear.onset()
    for _ in range(40):
        ear.hear(hum(16_000, 0.02))
    ear.offset()
    for _ in range(20):
        ear.hear(bytes(640))
    async for heard in events:
        assert 0 <= heard.confidence <= 1
        if heard.final:
            break
    await ear.close()
    assert [heard async for heard in ear.events()] == []
    assert {t for t in asyncio.all_tasks() - before if "simulators" not in repr(t)} == set()


async def test_an_ear_may_be_closed_unopened_and_its_waiting_listener_is_let_go(
    ear: Hearing,
) -> None:
    listener = asyncio.ensure_future(anext(aiter(ear.events()), None))
    await asyncio.sleep(0)
    await ear.close()
    assert await listener is None


async def test_a_mind_streams_text_and_finishes_once(mind: Thinking) -> None:
    await mind.open()
    for _ in range(2):  # the same mind again: a reply leaves nothing behind
        deltas: list[Delta] = [delta async for delta in mind.reply(HELLO, ())]
        assert [type(d) for d in deltas].count(Finished) == 1
        assert isinstance(deltas[-1], Finished)
        assert "".join(d.text for d in deltas if isinstance(d, Said)).startswith("You said")
    assert isinstance(list(mind.expected(HELLO)), list)
    await mind.close()


async def test_a_mind_may_be_interrupted(mind: Thinking) -> None:
    reply = mind.reply(HELLO, ())
    assert isinstance(await anext(reply), Said)
    await reply.aclose()  # type: ignore[attr-defined]
    waiting = asyncio.ensure_future(anext(mind.reply(HELLO, ())))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert [d async for d in mind.reply(HELLO, ())]
    await mind.close()


async def test_a_voice_gives_whole_samples_and_may_be_interrupted(voice: Speaking) -> None:
    await voice.open()
    sound = [piece async for piece in voice.speak("Hello there, this is a sentence.")]
    assert sum(map(len, sound)) > 16_000
    assert all(len(piece) % 2 == 0 for piece in sound)
    speech = voice.speak("This one is not heard to its end, whatever it says.")
    await anext(speech)
    await speech.aclose()  # type: ignore[attr-defined]
    waiting = asyncio.ensure_future(anext(voice.speak("Nor this one.")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await voice.close()


@pytest.mark.parametrize("vendor", ["deepgram", "openai"])
async def test_a_vendor_that_fails_raises_nothing_but_vendor_errors(
    cloud: Cloud, vendor: str
) -> None:
    kinds = ("refuse", "cut", "half", "stall", "nonsense", "end")
    for kind in kinds:
        for after in (-1, 0, 1, 3):
            cloud.server(vendor).trouble = Trouble(kind, after)  # type: ignore[arg-type]
            voice: Speaking = cloud.make("speaking", vendor, 0.02)  # type: ignore[assignment]
            await voice.open()
            with contextlib.suppress(VendorError):
                [_ async for _ in voice.speak("Hello there.")]
            if vendor == "openai":
                mind: Thinking = cloud.make("thinking", vendor, 0.02)  # type: ignore[assignment]
                with contextlib.suppress(VendorError):
                    [_ async for _ in mind.reply(HELLO, ())]


@pytest.mark.parametrize("part", ["hearing", "thinking", "speaking"])
def test_an_unknown_vendor_is_named_with_the_known_ones(part: str) -> None:
    with pytest.raises(ConfigError, match=f"{part}: 'acme'; known are .*, .*"):
        catalog.check(part, "acme", "", {})  # type: ignore[arg-type]


@pytest.mark.parametrize("vendor", ["deepgram", "openai", "groq", "anthropic", "google"])
async def test_a_cloud_without_a_key_is_not_even_dialled(vendor: str) -> None:
    if vendor == "deepgram":
        ear = catalog.hearing(vendor, "", {}, VendorSettings(), "c")
        with pytest.raises(VendorError, match=r"no key: set api_key in \[vendors.deepgram\]"):
            await ear.open()
        await ear.close()
    else:
        mind = catalog.thinking(vendor, "m", {}, VendorSettings(), "c")
        await mind.open()  # never fails
        with pytest.raises(VendorError, match="no key") as failure:
            await anext(mind.reply(HELLO, ()))
        assert failure.value.fault is Fault.AUTH


def test_a_custom_model_must_say_where_it_is() -> None:
    with pytest.raises(VendorError, match="url"):
        catalog.thinking("custom-llm", "m", {}, VendorSettings(), "c")


def test_the_catalog_imports_no_sdk_until_one_is_asked_for() -> None:
    code = (
        "import sys; from gateway.speech import catalog\n"
        "heavy = {'openai', 'deepgram', 'soxr', 'liquid'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "catalog.warm_up('openai', 'deepgram', 'embedded', 'script')\n"
        "assert heavy <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
