"""Real agent processes, killed and replaced; the beat is given by hand."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.agent.brief import Brief, Choice, ToolBrief
from gateway.agent.load import Overloaded
from gateway.agent.messages import (
    Action,
    ActionResult,
    Checkpoint,
    Digit,
    FromAgent,
    HangUp,
    Happened,
    Spoken,
    Start,
    Stopped,
)
from gateway.agent.pool import Agents
from gateway.agent.settings import AgentSettings
from gateway.logs import LogSettings
from gateway.speech.settings import VendorSettings
from tests.agent.stage import Media

CHOICE = Choice(vendor="clay")
BRIEF = Brief(
    hearing=CHOICE,
    thinking=CHOICE,
    speaking=CHOICE,
    greeting="Hello there.",
    greeting_interruptible=True,
    tools=(ToolBrief(kind="function", name="look"),),
)


class House:
    """The pool, two lines, and a media process by hand."""

    def __init__(self) -> None:
        self.lines = {row: Media(row) for row in (1,)}
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.heard: list[FromAgent] = []
        self.said = 0
        self.agents = Agents(
            AgentSettings(processes=1),
            [self.wake],
            self.lines[1].main.fd,
            3,
            {"clay": VendorSettings(api_key="secret")},
            LogSettings(level="error"),
        )
        self.agents.command = (sys.executable, "-m", "tests.agent.actor")

    def begin(self, call: str = "c1", asked: str = "", **start: object) -> None:
        """Begin a call; one that ``asked`` something before, goes on with that."""
        if asked:
            start["resumed"] = Checkpoint(
                conversation=({"role": "user", "content": asked},),
                greeted=True,
                started_at=asyncio.get_running_loop().time(),
            )
        self.agents.begin(0, Start(call=call, row=1, brief=BRIEF, **start), self.heard.append)

    async def beat(self) -> None:
        now = asyncio.get_running_loop().time()
        self.said += self.lines[1].beat(now)
        os.eventfd_write(self.wake, 1)
        await asyncio.sleep(0.001)  # the other process's turn; nothing is measured by it

    async def until(self, done: Callable[[], object], within_s: float = 30.0) -> None:
        """A spare that has just been started may load for long on a busy machine."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not done():
            assert loop.time() < deadline, f"still not: {self.heard[-3:]}"
            await self.beat()

    def key(self, digit: str) -> None:
        self.agents.send("c1", Digit(call="c1", digit=digit))

    def of(self, role: str) -> list[str]:
        return [m.text for m in self.heard if isinstance(m, Spoken) and m.role == role]

    def kinds(self, kind: type[FromAgent]) -> list[FromAgent]:
        return [m for m in self.heard if isinstance(m, kind)]

    def kill(self) -> None:
        os.kill(self.agents.pids[0], signal.SIGKILL)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.agents.start()
    yield house
    await house.agents.close()
    os.close(house.wake)
    house.lines[1].close()


async def test_a_call_is_greeted_and_let_go(house: House) -> None:
    house.begin()
    assert house.agents.load == [1]
    await house.until(lambda: house.of("assistant"))
    assert house.of("assistant") == ["Hello there."]
    assert house.said == len("Hello there.") * 3
    await house.agents.stop("c1")
    assert house.kinds(Stopped)
    assert house.agents.load == [0]
    await house.agents.stop("c1")  # nothing happens


async def test_a_killed_agents_call_goes_on_without_a_second_greeting(house: House) -> None:
    house.begin()
    await house.until(lambda: house.of("assistant"))
    before = house.agents.pids
    house.kill()
    await house.until(lambda: house.agents.restarts == 1)
    assert house.agents.pids != before
    house.key("7")
    house.key("#")
    await house.until(lambda: len(house.of("assistant")) == 2)
    assert house.of("assistant") == [
        "Hello there.",
        "You said: User's Keypad Entry: 7, and I could go on about it for a long time.",
    ]
    assert not house.kinds(HangUp)
    await house.agents.stop("c1")


async def test_what_was_queued_plays_out_when_the_agent_is_killed(house: House) -> None:
    house.begin()
    await house.until(lambda: house.said == 5)
    queued = house.lines[1].column("written")
    assert queued > 5
    house.lines[1].set("pauses", 1)  # and the caller had just coughed
    house.kill()
    await house.until(lambda: house.said == queued)
    assert house.agents.restarts == 1
    assert not house.lines[1].paused
    house.key("#")
    await house.until(lambda: house.kinds(Happened))
    await house.agents.stop("c1")


async def test_a_sentence_goes_on_where_the_killed_agent_was(house: House) -> None:
    house.begin(asked="look up")
    await house.until(lambda: house.said == 20)
    house.kill()
    await house.until(lambda: house.of("assistant"))
    sentence = "You said: look up, and I could go on about it for a long time."
    assert house.of("assistant") == [sentence]
    assert house.said == len(sentence) * 3
    await house.agents.stop("c1")


async def test_a_result_that_arrives_around_the_kill_is_not_lost(house: House) -> None:
    house.begin(asked="look")
    await house.until(lambda: house.kinds(Action))
    house.kill()
    house.agents.send("c1", ActionResult(call="c1", action="look-1", ok=True, content="a cat"))
    await house.until(lambda: house.of("assistant"))
    assert house.of("tool_result") == ["a cat"]
    assert house.of("assistant") == ["You said: a cat, and I could go on about it for a long time."]
    await house.agents.stop("c1")


async def test_a_process_that_hangs_is_replaced(house: House) -> None:
    house.begin()
    await house.until(lambda: house.of("assistant"))
    before = house.agents.pids
    house.agents.hung_s = 1.5
    house.agents._watch()
    os.kill(before[0], signal.SIGSTOP)
    await house.until(lambda: house.agents.pids not in (before, []))
    house.key("5")
    house.key("#")
    await house.until(lambda: len(house.of("assistant")) == 2)
    assert house.agents.restarts == 1
    await house.agents.stop("c1")


async def test_a_call_that_kills_every_process_is_given_up(house: House) -> None:
    house.begin(asked="die")
    await house.until(lambda: house.kinds(HangUp))
    assert [m.reason for m in house.kinds(HangUp)] == [
        "call.in-progress.error-vapifault-worker-died"
    ]
    assert house.agents.restarts == 3
    await house.agents.stop("c1")
    house.begin("c2")
    await house.until(lambda: "Hello there." in house.of("assistant"))
    await house.agents.stop("c2")


async def test_a_brief_that_cannot_be_held_ends_its_own_call_only(house: House) -> None:
    house.begin("bad", variables={"refuse": True})
    await house.until(lambda: house.kinds(HangUp))
    refusal = house.kinds(HangUp)[0]
    assert (refusal.call, refusal.reason) == ("bad", "pipeline-error-clay-llm-failed")
    assert refusal.detail == "no key in ['clay']"
    await house.agents.stop("bad")
    house.begin()
    await house.until(lambda: house.of("assistant"))
    await house.agents.stop("c1")


def test_secrets_are_not_on_the_command_line_and_do_arrive() -> None:
    house = House()
    try:
        assert house.agents._setup.vendors["clay"]["api_key"] == "secret"
        assert "secret" not in " ".join(house.agents.command)
    finally:
        os.close(house.wake)
        house.lines[1].close()


async def test_a_process_that_lags_gets_no_more_calls_until_it_is_replaced(house: House) -> None:
    assert house.agents.choose() == 0
    house.begin(asked="stall")
    await house.until(lambda: house.agents.loads[0].lagging)
    assert house.agents.loads[0].cpu >= 0
    with pytest.raises(Overloaded):
        house.agents.choose()
    assert house.agents.refused == 1
    await house.agents.stop("c1")
    house.kill()
    await house.until(lambda: house.agents.restarts == 1)
    assert house.agents.choose() == 0
