"""Deepgram through its SDK, over loopback, against the simulator: what goes well and breaks."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Heard, Hearing, Speaking
from gateway.speech.settings import VendorSettings
from gateway.speech.vendors.deepgram_hearing import ListenOptions, Nova, SdkWire
from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.refusals import REFUSALS
from tests.simulators.sound import hum, spoken_s
from tests.simulators.wire import Trouble

FRAME = 640
QUIET = bytes(FRAME)
Message = dict[str, Any]
LOUD = hum(16_000, 0.02)


@pytest.fixture
async def cloud() -> AsyncIterator[DeepgramSimulator]:
    async with DeepgramSimulator(words=["what time is it", "goodbye"]) as simulator:
        yield simulator


def settings(cloud: DeepgramSimulator, timeout_s: float = 30.0) -> VendorSettings:
    return VendorSettings(base_url=cloud.base_url, api_key=SecretStr("k"), timeout_s=timeout_s)


def ear(cloud: DeepgramSimulator, timeout_s: float = 30.0, **options: object) -> Hearing:
    return catalog.hearing("deepgram", "nova-3", options, settings(cloud, timeout_s), "call-1")


def speak(hearing: Hearing, seconds: float, sound: bytes = LOUD) -> None:
    for _ in range(round(seconds / 0.02)):
        hearing.hear(sound)


async def until_final(hearing: Hearing) -> list[Heard]:
    heard = []
    async for words in hearing.events():
        heard.append(words)
        if words.final:
            break
    return heard


async def test_words_come_as_they_are_spoken_and_end_with_the_silence(
    cloud: DeepgramSimulator,
) -> None:
    hearing = ear(cloud)
    await hearing.open()
    for expected in ("what time is it", "goodbye"):
        hearing.onset()
        speak(hearing, 1.2)
        speak(hearing, 0.4, QUIET)
        *interim, final = await until_final(hearing)
        assert final == Heard(expected, True, True, 0.98)
        assert interim
        assert all(expected.startswith(h.text) and not h.final for h in interim)
    await hearing.close()
    asked = cloud.requests[0]
    assert asked.headers["authorization"] == "Token k"
    assert {name: asked.query[name] for name in ("encoding", "sample_rate", "tag", "model")} == {
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "tag": ["call-1"],
        "model": ["nova-3"],
    }
    assert asked.query["interim_results"] == ["true"]
    assert asked.query["endpointing"] == ["300"]


async def test_an_offset_has_the_words_finalised_at_once(cloud: DeepgramSimulator) -> None:
    hearing = ear(cloud, endpointing=500, keyterm=["Trunkline", "Vapi"], numerals=True)
    await hearing.open()
    hearing.onset()
    speak(hearing, 0.8)
    speak(hearing, 0.1, QUIET)
    hearing.offset()
    assert (await until_final(hearing))[-1] == Heard("what time is it", True, False, 0.98)
    assert {"type": "Finalize"} in cloud.said
    speak(hearing, 1.1, QUIET)
    assert await until_final(hearing) == [Heard("", True, True)]  # UtteranceEnd
    await hearing.close()
    assert cloud.requests[0].query["keyterm"] == ["Trunkline", "Vapi"]
    assert cloud.requests[0].query["numerals"] == ["true"]


async def test_speech_without_words_is_still_answered(cloud: DeepgramSimulator) -> None:
    hearing = ear(cloud)
    await hearing.open()
    hearing.onset()
    speak(hearing, 0.3, QUIET)
    hearing.offset()
    assert await until_final(hearing) == [Heard("", True, False, 0.0)]
    await hearing.close()


async def test_closing_ends_the_stream_and_its_events(cloud: DeepgramSimulator) -> None:
    hearing = ear(cloud)
    await hearing.open()
    before = asyncio.all_tasks()
    await hearing.close()
    assert [heard async for heard in hearing.events()] == []
    assert len(asyncio.all_tasks()) < len(before)
    assert cloud.said[-1] == {"type": "CloseStream"}


@pytest.mark.parametrize(("trouble", "fault", "after_s"), REFUSALS)
async def test_a_refused_dial_says_whose_fault_it_is(
    cloud: DeepgramSimulator, trouble: Trouble, fault: Fault, after_s: float | None
) -> None:
    cloud.trouble = trouble
    hearing = ear(cloud)
    with pytest.raises(VendorError) as failure:
        await hearing.open()
    await hearing.close()
    assert (failure.value.fault, failure.value.retry_after_s) == (fault, after_s)
    assert "Token" not in str(failure.value)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("cut", Fault.THEIRS),
        ("half", Fault.THEIRS),
        ("nonsense", Fault.THEIRS),
        ("end", Fault.THEIRS),
        ("stall", Fault.OVERLOAD),
    ],
)
async def test_a_stream_that_breaks_says_whose_fault_it_is(
    cloud: DeepgramSimulator, kind: str, fault: Fault
) -> None:
    cloud.trouble = Trouble(kind)  # type: ignore[arg-type]
    hearing = ear(cloud, timeout_s=1.0 if kind == "stall" else 30.0)
    await hearing.open()
    hearing.onset()
    speak(hearing, 1.0)
    with pytest.raises(VendorError) as failure:
        await until_final(hearing)
    await hearing.close()
    assert (failure.value.vendor, failure.value.fault) == ("deepgram", fault)


async def test_nobody_listens_there(cloud: DeepgramSimulator) -> None:
    hearing = ear(cloud)
    await cloud.__aexit__()
    with pytest.raises(VendorError) as failure:
        await hearing.open()
    assert failure.value.fault is Fault.THEIRS
    await hearing.close()


def results(text: str, final: bool = True, speech: bool = False, asked: bool = False) -> Message:
    best = {"transcript": text, "confidence": 0.5}
    return {
        "type": "Results",
        "channel": {"alternatives": [best]},
        "is_final": final,
        "speech_final": speech,
        "from_finalize": asked,
    }


def nova(confidence: float) -> Nova:
    options = ListenOptions(confidence_threshold=confidence)
    return Nova("", options, VendorSettings(), "")


@pytest.mark.parametrize(
    ("messages", "heard"),
    [
        ([results("", final=False)], []),
        ([results("")], []),
        ([results("", speech=True)], []),
        ([results("yes", final=False)], [Heard("yes", confidence=0.5)]),
        ([results("yes", speech=True)], [Heard("yes", True, True, 0.5)]),
        (
            [results("yes"), results("", speech=True)],
            [Heard("yes", True, False, 0.5), Heard("", True, True, 0.5)],
        ),
        (
            [results("yes"), {"type": "UtteranceEnd"}, {"type": "UtteranceEnd"}],
            [Heard("yes", True, False, 0.5), Heard("", True, True)],
        ),
        ([results("yes", speech=True), {"type": "UtteranceEnd"}], [Heard("yes", True, True, 0.5)]),
        (
            [results("yes"), results("", asked=True)],
            [Heard("yes", True, False, 0.5)],
        ),
        ([results("", asked=True)] * 2, [Heard("", True, False, 0.5)]),
        ([{"type": "SpeechStarted"}, {"type": "Metadata"}, {"type": "FromTheFuture"}], []),
    ],
)
def test_results_become_words(messages: list[Message], heard: list[Heard]) -> None:
    reading = nova(0.0)
    reading.onset()
    assert [h for message in messages for h in reading.read(message)] == heard


def test_words_below_the_threshold_are_dropped() -> None:
    assert list(nova(0.6).read(results("mumble", speech=True))) == []


async def test_messages_are_read_inside_the_sdks_socket_and_else_from_its_models() -> None:
    """Fails if the SDK's socket is no longer made around a websocket, or no longer calls it so."""
    # Not above: the SDK warns of what it imports, unless it is imported as the vendor does.
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v1.types.listen_v1results import ListenV1Results
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient

    class Websocket:
        async def recv(self) -> str:
            return json.dumps(results("yes", speech=True))

    inside: Any = Websocket()
    with_it = AsyncV1SocketClient(websocket=inside)
    for socket in (with_it, AsyncV2SocketClient(websocket=inside)):
        assert vars(socket)["_websocket"] is inside
    assert await SdkWire(with_it).recv() == results("yes", speech=True)

    class Closed:
        async def recv(self) -> Any:
            return await with_it.recv()

    assert isinstance(await with_it.recv(), ListenV1Results)
    assert nova(0.0).read(await SdkWire(Closed()).recv()) == [Heard("yes", True, True, 0.5)]


def voice(cloud: DeepgramSimulator, timeout_s: float = 30.0, **options: object) -> Speaking:
    return catalog.speaking("deepgram", "", options, settings(cloud, timeout_s), "call-1")


async def test_a_sentence_becomes_sound(cloud: DeepgramSimulator) -> None:
    speaking = voice(cloud, voice="asteria")
    await speaking.open()
    text = "It is nine o'clock."
    for _ in range(2):
        pieces = [piece async for piece in speaking.speak(text)]
        assert all(len(piece) % 2 == 0 for piece in pieces)
        assert b"".join(pieces) == hum(16_000, spoken_s(text))
    await speaking.close()
    assert cloud.connections == 1
    asked = cloud.requests[-1].query
    assert (asked["model"], asked["tag"]) == (["aura-2-asteria-en"], ["call-1"])
    assert (asked["encoding"], asked["container"]) == (["linear16"], ["none"])


async def test_a_slow_voice_is_no_failure(cloud: DeepgramSimulator) -> None:
    cloud.piece_s = 0.01
    text = "One moment, please."
    pieces = [piece async for piece in voice(cloud).speak(text)]
    assert b"".join(pieces) == hum(16_000, spoken_s(text))


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (Trouble("refuse", status=401), Fault.AUTH),
        (Trouble("refuse", status=500), Fault.THEIRS),
        (Trouble("refuse", status=402, code="ASR_PAYMENT_REQUIRED"), Fault.QUOTA),
        (Trouble("refuse", status=400), Fault.OURS),
        (Trouble("refuse", status=429, retry_after="3"), Fault.OVERLOAD),
        (Trouble("refuse", status=503), Fault.THEIRS),
        (Trouble("cut", after=1), Fault.THEIRS),
        (Trouble("half", after=1), Fault.THEIRS),
        (Trouble("stall", after=-1), Fault.OVERLOAD),
        (Trouble("stall", after=1), Fault.OVERLOAD),
    ],
    ids=lambda v: f"{v.kind}-{v.status}-{v.after}" if isinstance(v, Trouble) else None,
)
async def test_a_voice_that_fails_says_whose_fault_it_is(
    cloud: DeepgramSimulator, trouble: Trouble, fault: Fault
) -> None:
    cloud.trouble = trouble
    timeout_s = 1.0 if trouble.kind == "stall" else 30.0
    with pytest.raises(VendorError) as failure:
        async for _ in voice(cloud, timeout_s).speak("One moment, please."):
            pass
    assert failure.value.fault is fault
    if trouble.retry_after:
        assert failure.value.retry_after_s == 3.0
    assert len(cloud.requests) == 1
