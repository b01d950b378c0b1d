"""Every voice that has a dialect, over loopback, against its simulator: what all of them keep,
whatever their protocols are like, when things go well and when they break."""

from collections.abc import AsyncIterator

import numpy as np
import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.fence import Fence
from gateway.speech import catalog
from gateway.speech.contract import RATE, Mark, Speaking
from gateway.speech.settings import VendorSettings
from gateway.speech.speaking import ROWS
from tests.simulators.refusals import REFUSALS
from tests.simulators.sound import spoken_s
from tests.simulators.voice_mouths import POSTED, SOCKETS
from tests.simulators.voice_wire import VoiceSimulator
from tests.simulators.wire import Trouble

TEXT = "It is half past nine, and the train leaves at ten."
DIALECTS = sorted(name for name, row in ROWS.items() if row.module.startswith("voices."))
CASES = [*DIALECTS, "11labs-http"]


@pytest.fixture(params=CASES)
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[VoiceSimulator]:
    vendor = request.param.removesuffix("-http")
    async with VoiceSimulator(vendor=vendor) as simulator:
        simulator.posted = request.param.endswith("-http")  # type: ignore[attr-defined]
        yield simulator
        assert simulator.bad == []


def voice(cloud: VoiceSimulator, timeout_s: float = 20.0) -> Speaking:
    settings = VendorSettings(
        base_url=cloud.base_url,
        api_key=SecretStr("the-key"),
        timeout_s=timeout_s,
    ).behind(Fence.of(["127.0.0.0/8"]))
    model = "eleven_v3" if getattr(cloud, "posted", False) else ""
    return catalog.speaking(cloud.vendor, model, {}, settings, "call-1")


async def said(speaking: Speaking, text: str = TEXT) -> tuple[bytes, list[Mark]]:
    pieces = [piece async for piece in speaking.speak(text)]
    sound = [piece for piece in pieces if isinstance(piece, bytes)]
    assert all(piece and len(piece) % 2 == 0 for piece in sound)
    return b"".join(sound), [piece for piece in pieces if isinstance(piece, Mark)]


def pitch(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


def test_each_dialect_has_a_simulator() -> None:
    assert {*POSTED, *SOCKETS} == set(DIALECTS)


async def test_a_text_is_spoken_whole_and_at_our_rate_again_and_again(
    cloud: VoiceSimulator,
) -> None:
    speaking = voice(cloud)
    await speaking.open()
    for text in (TEXT, "Mind the gap."):
        pcm, _ = await said(speaking, text)
        assert len(pcm) / 2 / RATE == pytest.approx(spoken_s(text), abs=0.02)
        assert pitch(pcm) == pytest.approx(440, abs=3)
    assert cloud.said == [TEXT, "Mind the gap."]
    assert cloud.connections <= 2
    await speaking.close()


async def test_the_next_call_finds_the_connection_warm(cloud: VoiceSimulator) -> None:
    for _ in range(3):
        speaking = voice(cloud)
        await speaking.open()
        await said(speaking, "Hello.")
        await speaking.close()
    assert cloud.connections <= (2 if cloud.vendor == "custom-voice" else 1)


async def test_it_tells_the_key(cloud: VoiceSimulator) -> None:
    await said(voice(cloud))
    told = repr([(request.headers, request.query) for request in cloud.requests])
    assert "the-key" in told or cloud.vendor == "custom-voice"


async def test_marks_say_when_words_are_said(cloud: VoiceSimulator) -> None:
    pcm, marks = await said(voice(cloud))
    assert bool(marks) is (cloud.vendor in SOCKETS and not cloud.posted)  # type: ignore[attr-defined]
    parts, times = [m.part for m in marks], [m.at_s for m in marks]
    assert parts == sorted(parts)
    assert times == sorted(times)
    if marks:
        assert len(marks) >= len(TEXT.split())
        assert parts[-1] == 1.0
        assert times[-1] == pytest.approx(len(pcm) / 2 / RATE, abs=0.1)


async def test_a_voice_may_be_interrupted_and_goes_on_with_something_else(
    cloud: VoiceSimulator,
) -> None:
    speaking = voice(cloud)
    speech = speaking.speak("This one is not heard to its end, whatever it says.")
    while isinstance(await anext(speech), Mark):
        pass
    await speech.aclose()  # type: ignore[attr-defined]
    pcm, _ = await said(speaking, "Mind the gap.")
    assert len(pcm) / 2 / RATE == pytest.approx(spoken_s("Mind the gap."), abs=0.02)
    await speaking.close()


@pytest.mark.parametrize(("trouble", "fault", "after_s"), REFUSALS)
async def test_a_refusal_says_whose_fault_it_is(
    cloud: VoiceSimulator, trouble: Trouble, fault: Fault, after_s: float | None
) -> None:
    cloud.trouble = trouble
    with pytest.raises(VendorError) as failure:
        await said(voice(cloud))
    assert (failure.value.fault, failure.value.retry_after_s) == (fault, after_s)
    assert failure.value.vendor == cloud.vendor
    assert "the-key" not in str(failure.value)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("kind", ["cut", "half", "nonsense", "end"])
async def test_a_stream_that_breaks_is_theirs(cloud: VoiceSimulator, kind: str, after: int) -> None:
    cloud.trouble = Trouble(kind, after)  # type: ignore[arg-type]
    framed = cloud.vendor in ("11labs", "cartesia", "hume", "inworld", "minimax", "neuphonic")
    framed = framed and not cloud.posted  # type: ignore[attr-defined]
    if kind == "nonsense" and not framed:
        return  # raw sound is whatever it is
    if kind == "end" and cloud.vendor not in SOCKETS:
        return  # an HTTP answer that ends ends
    if kind == "end" and cloud.posted:  # type: ignore[attr-defined]
        return
    with pytest.raises(VendorError) as failure:
        await said(voice(cloud))
    assert (failure.value.vendor, failure.value.fault) == (cloud.vendor, Fault.THEIRS)


@pytest.mark.parametrize("after", [-1, 0, 1])
async def test_one_that_says_nothing_has_stalled(cloud: VoiceSimulator, after: int) -> None:
    cloud.trouble = Trouble("stall", after)
    with pytest.raises(VendorError) as failure:
        await said(voice(cloud, timeout_s=1.0))
    assert failure.value.fault is Fault.OVERLOAD


async def test_a_slow_stream_is_no_failure(cloud: VoiceSimulator) -> None:
    cloud.piece_s = 0.01
    pcm, _ = await said(voice(cloud))
    assert len(pcm) / 2 / RATE == pytest.approx(spoken_s(TEXT), abs=0.02)


async def test_a_voice_is_had_again_after_its_connection_broke(cloud: VoiceSimulator) -> None:
    speaking = voice(cloud)
    cloud.trouble = Trouble("cut", after=1, times=1)
    with pytest.raises(VendorError):
        await said(speaking)
    pcm, _ = await said(speaking)
    assert len(pcm) / 2 / RATE == pytest.approx(spoken_s(TEXT), abs=0.02)
    await speaking.close()


async def test_one_that_nobody_listens_at(cloud: VoiceSimulator) -> None:
    speaking = voice(cloud)
    await cloud.__aexit__()
    await speaking.open()  # never fails
    with pytest.raises(VendorError) as failure:
        await said(speaking)
    assert failure.value.fault is Fault.THEIRS
    await speaking.close()


@pytest.mark.parametrize("vendor", sorted(set(DIALECTS) - {"custom-voice"}))
async def test_a_cloud_without_a_key_is_not_even_dialled(vendor: str) -> None:
    speaking = catalog.speaking(vendor, "", {}, VendorSettings(region="x"), "c")
    await speaking.open()
    with pytest.raises(VendorError, match="no key: set api_key in") as failure:
        await said(speaking)
    assert failure.value.fault is Fault.AUTH
    await speaking.close()
