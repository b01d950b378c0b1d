"""Every transcriber that has a dialect, over loopback, against its simulator: what all of them
keep, whatever their protocols are like, when things go well and when they break."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from gateway.errors import Fault, VendorError
from gateway.fence import Fence
from gateway.speech import catalog, driver
from gateway.speech.contract import Heard, Hearing
from gateway.speech.hearing import ROWS
from gateway.speech.settings import VendorSettings
from gateway.speech.transcribers.soniox import Options, Soniox
from tests.simulators.refusals import REFUSALS
from tests.simulators.sound import hum
from tests.simulators.transcriber_tongues import TONGUES
from tests.simulators.transcriber_wire import TranscriberSimulator
from tests.simulators.wire import Trouble

FRAME = 640
LOUD, QUIET = hum(16_000, 0.02), bytes(FRAME)
TEXT = "what time is it"


@pytest.fixture(params=sorted(TONGUES))
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[TranscriberSimulator]:
    async with TranscriberSimulator(vendor=request.param, words=[TEXT, "goodbye"]) as simulator:
        yield simulator


def ear(cloud: TranscriberSimulator, timeout_s: float = 30.0) -> Hearing:
    key = SecretStr("the-key")
    settings = VendorSettings(base_url=cloud.base_url, api_key=key, timeout_s=timeout_s).behind(
        Fence.of(["127.0.0.0/8"])
    )
    model = "flux-general-en" if cloud.vendor == "deepgram" else ""
    return catalog.hearing(cloud.vendor, model, {}, settings, "call-1")


def hear(hearing: Hearing, seconds: float, sound: bytes = LOUD) -> None:
    for _ in range(round(seconds / 0.02)):
        hearing.hear(sound)


def utterance(hearing: Hearing, seconds: float = 1.2) -> None:
    """Speech and the silence after it, with the detector's hints."""
    hear(hearing, 0.4, QUIET)
    hearing.onset()
    hear(hearing, seconds)
    hear(hearing, 0.2, QUIET)
    hearing.offset()
    hear(hearing, 0.5, QUIET)


async def until_final(hearing: Hearing) -> list[Heard]:
    heard = []
    async with asyncio.timeout(60):
        async for words in hearing.events():
            heard.append(words)
            if words.final:
                break
    return heard


def test_each_dialect_has_a_simulator() -> None:
    dialects = {name for name, row in ROWS.items() if row.module.startswith("transcribers.")}
    assert set(TONGUES) == {*dialects, "deepgram"}


async def test_words_come_and_become_final_utterance_by_utterance(
    cloud: TranscriberSimulator,
) -> None:
    before = asyncio.all_tasks()
    hearing = ear(cloud)
    await hearing.open()
    for expected in (TEXT, "goodbye"):
        utterance(hearing)
        *interim, final = await until_final(hearing)
        assert final.text.rstrip(".") == expected
        assert 0.8 < final.confidence <= 1
        assert interim
        assert all(expected.startswith(h.text) and not h.final for h in interim)
    await hearing.close()
    assert [heard async for heard in hearing.events()] == []
    left = {task for task in asyncio.all_tasks() - before if "simulators" not in repr(task)}
    assert left == set()


async def test_each_is_told_the_key_and_most_the_call(cloud: TranscriberSimulator) -> None:
    hearing = ear(cloud)
    await hearing.open()
    await hearing.close()
    said = repr(cloud.requests) + repr(cloud.starts)
    assert "the-key" in said or cloud.vendor == "custom-transcriber"
    nameless = {"11labs", "assembly-ai", "cartesia", "xai"}  # no place in the protocol
    assert ("call-1" in said) is (cloud.vendor not in nameless)


async def test_speech_without_words_is_answered_with_none(
    cloud: TranscriberSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "SETTLE_S", 0.0)
    cloud.silence_s = 1000.0  # it has heard nothing, and has no opinion
    hearing = ear(cloud)
    await hearing.open()
    hearing.onset()
    hear(hearing, 0.3, QUIET)
    hearing.offset()
    hear(hearing, 0.3, QUIET)
    (final,) = await until_final(hearing)
    assert (final.text, final.final, final.ended) == ("", True, False)
    await hearing.close()


@pytest.mark.parametrize(("trouble", "fault", "after_s"), REFUSALS)
async def test_a_refused_dial_says_whose_fault_it_is(
    cloud: TranscriberSimulator, trouble: Trouble, fault: Fault, after_s: float | None
) -> None:
    cloud.trouble = trouble
    hearing = ear(cloud)
    with pytest.raises(VendorError) as failure:
        await hearing.open()
    await hearing.close()
    assert (failure.value.fault, failure.value.retry_after_s) == (fault, after_s)
    assert failure.value.vendor == cloud.vendor
    assert "the-key" not in str(failure.value)


@pytest.mark.parametrize("kind", ["cut", "half", "nonsense", "end"])
async def test_a_stream_that_breaks_says_that_it_is_theirs(
    cloud: TranscriberSimulator, kind: str
) -> None:
    hearing = ear(cloud)
    cloud.trouble = Trouble(kind)  # type: ignore[arg-type]

    async def talk() -> None:
        await hearing.open()  # Gladia's nonsense comes while it is dialled
        utterance(hearing)
        await until_final(hearing)

    with pytest.raises(VendorError) as failure:
        await talk()
    await hearing.close()
    assert (failure.value.vendor, failure.value.fault) == (cloud.vendor, Fault.THEIRS)


@pytest.mark.parametrize("after", [0, 1])
async def test_one_that_says_nothing_or_no_more_has_stalled(
    cloud: TranscriberSimulator, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "SETTLE_S", 0.0)
    cloud.trouble = Trouble("stall", after)
    hearing = ear(cloud, timeout_s=0.5)

    async def talk() -> None:
        await hearing.open()
        while True:  # it may have taken the first for a noise
            utterance(hearing, 2.4)
            await until_final(hearing)

    with pytest.raises(VendorError) as failure:
        await talk()
    await hearing.close()
    assert failure.value.fault is Fault.OVERLOAD


async def test_a_slow_one_is_no_failure(cloud: TranscriberSimulator) -> None:
    cloud.piece_s = 0.01
    hearing = ear(cloud)
    await hearing.open()
    utterance(hearing)
    assert (await until_final(hearing))[-1].text.rstrip(".") == TEXT
    await hearing.close()


async def test_one_that_takes_no_sound_is_not_waited_for(cloud: TranscriberSimulator) -> None:
    hearing = ear(cloud)
    await hearing.open()
    hearing.onset()
    for _ in range(50):
        hear(hearing, 3.0)  # without giving it a moment to send
    with pytest.raises(VendorError, match="takes no more sound"):
        await until_final(hearing)
    await hearing.close()


async def test_one_that_nobody_listens_at(cloud: TranscriberSimulator) -> None:
    hearing = ear(cloud)
    await cloud.__aexit__()
    with pytest.raises(VendorError) as failure:
        await hearing.open()
    assert failure.value.fault is Fault.THEIRS
    await hearing.close()


@pytest.mark.parametrize("vendor", sorted(set(TONGUES) - {"custom-transcriber"}))
async def test_a_cloud_without_a_key_is_not_even_dialled(vendor: str) -> None:
    hearing = catalog.hearing(vendor, "", {}, VendorSettings(region="x"), "c")
    with pytest.raises(VendorError, match="no key: set api_key in") as failure:
        await hearing.open()
    assert failure.value.fault is Fault.AUTH
    await hearing.close()


async def test_a_server_that_an_assistant_names_lies_behind_the_fence() -> None:
    options = {"url": "ws://127.0.0.1:9/hear"}
    hearing = catalog.hearing("custom-transcriber", "", options, VendorSettings(), "c")
    with pytest.raises(VendorError, match=r"127\.0\.0\.1 may not be reached") as failure:
        await hearing.open()
    assert failure.value.fault is Fault.OURS
    await hearing.close()


async def test_one_that_takes_no_farewell_is_left_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "LETTING_GO_S", 0.01)
    left = []

    class Stuck:
        transport = SimpleNamespace(abort=lambda: left.append("all the same"))

        async def send(self, frame: object) -> None:
            await asyncio.Event().wait()

        async def recv(self) -> str:
            await asyncio.Event().wait()
            return ""

    @contextlib.asynccontextmanager
    async def connected() -> AsyncIterator[Stuck]:
        try:
            yield Stuck()
        finally:
            left.append("politely")

    settings = VendorSettings(api_key=SecretStr("k"))
    hearing = driver.DrivenHearing(Soniox("", Options(), settings, "c"), settings, connected)
    await hearing.open()
    await hearing.close()
    assert left == ["politely", "all the same"]
