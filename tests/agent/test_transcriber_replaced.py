"""Real dialects over loopback: one dies or stalls in mid-sentence, and the next has the words."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from gateway.agent.brief import Brief, Choice
from gateway.agent.ear import Candidate, Ear
from gateway.agent.messages import Start
from gateway.agent.vendors import Catalog
from gateway.errors import VendorError
from gateway.speech import catalog
from gateway.speech.contract import Heard
from gateway.speech.settings import VendorSettings
from tests.simulators.sound import hum
from tests.simulators.transcriber_wire import TranscriberSimulator
from tests.simulators.wire import Trouble

LOUD, QUIET = hum(16_000, 0.02), bytes(640)


@dataclass
class Owner:
    finals: list[Heard] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def heard(self, heard: Heard) -> None:
        if heard.final:
            self.finals.append(heard)

    def ear_failed(self, error: VendorError) -> None:
        self.told.append(("failed", error.vendor))

    def retrying(self, error: VendorError, after_s: float) -> None:
        self.told.append(("retrying", error.vendor))

    def substituted(self, error: VendorError, by: str) -> None:
        self.told.append((error.vendor, by))


@pytest.mark.parametrize("trouble", ["refuse", "cut", "half", "stall", "nonsense", "end"])
@pytest.mark.parametrize("after", [0, 1])
async def test_the_next_has_the_whole_sentence(
    trouble: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.agent.vendors.HASTE_S", 60.0)  # the second may be slow here
    bad = Trouble(trouble, after, status=503)  # type: ignore[arg-type]
    async with (
        TranscriberSimulator(vendor="soniox", trouble=bad) as first,
        TranscriberSimulator(vendor="speechmatics", words=["what time is it"]) as second,
    ):
        choices = [Choice(vendor=place.vendor) for place in (first, second)]
        vendors = Catalog(
            {
                place.vendor: VendorSettings(
                    base_url=place.base_url, api_key=SecretStr("k"), timeout_s=patience_s
                )
                for place, patience_s in ((first, 1.0), (second, 60.0))
            },
            lambda used: None,
            time.monotonic,
        )
        brief = Brief(
            hearing=choices[0], hearing_substitutes=(choices[1],),
            thinking=choices[0], speaking=choices[0],
        )  # fmt: skip
        start = Start(call="c1", row=1, brief=brief)
        tasks: list[asyncio.Task[None]] = []

        def spawn(work, name):  # type: ignore[no-untyped-def]
            tasks.append(asyncio.create_task(work))
            return tasks[-1]

        candidates = [
            Candidate(choice.vendor, lambda c=choice: vendors.hearing(start, c), 60.0)  # type: ignore[misc]
            for choice in choices
        ]
        owner = Owner()
        ear = Ear(candidates, spawn, time.monotonic, owner)
        ear.open(time.monotonic())

        async def beats(sound: bytes, count: int) -> None:
            for _ in range(count):
                ear.hear(sound)
                ear.beat(time.monotonic())
                await asyncio.sleep(0)

        await beats(QUIET, 30)
        ear.onset()
        await beats(LOUD, 60)
        ear.offset()
        await beats(QUIET, 30)
        async with asyncio.timeout(60):
            while not owner.finals:
                ear.beat(time.monotonic())
                await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert owner.finals[0].text == "what time is it."
        assert owner.told == [("soniox", "speechmatics")]
        assert second.seconds >= 1.2 + 0.4
    await catalog.close()
