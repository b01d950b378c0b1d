"""A transcriber that is connected and hears nothing: the next one is given what was said to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from gateway.agent.ear import KEPT, LEAD, Candidate, Ear
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Heard

HELLO, AGAIN, QUIET = b"hello" * 128, b"again" * 128, bytes(640)
NOTHING = Heard("", final=True, confidence=0.0, assumed=True)
WORDLESS = Heard("", final=True, confidence=0.0)


class Scripted:
    """A transcriber that says what a test has it say."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.sound: list[bytes] = []
        self.hints: list[str] = []
        self.says: asyncio.Queue[Heard | VendorError] = asyncio.Queue()

    async def open(self) -> None: ...

    def hear(self, pcm: bytes) -> None:
        self.sound += [pcm[at : at + 640] for at in range(0, len(pcm), 640)]

    def onset(self) -> None:
        self.hints.append("onset")

    def offset(self) -> None:
        self.hints.append("offset")

    def expect(self, phrases: Sequence[str]) -> None: ...

    async def events(self) -> AsyncIterator[Heard]:
        while True:
            said = await self.says.get()
            if isinstance(said, VendorError):
                raise said
            yield said

    async def close(self) -> None: ...

    def fails(self) -> None:
        self.says.put_nowait(VendorError(self.vendor, Fault.OVERLOAD, "no answer in time"))


class World:
    """An ear with two transcribers, and its owner."""

    def __init__(self) -> None:
        self.first, self.second = Scripted("first"), Scripted("second")
        self.told: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        both = [
            Candidate(one.vendor, lambda one=one: one, 9.0) for one in (self.first, self.second)
        ]  # type: ignore[misc]
        self.ear = Ear(both, self.spawn, lambda: 0.0, self)

    def spawn(self, work, name):  # type: ignore[no-untyped-def]
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    def heard(self, heard: Heard) -> None: ...

    def ear_failed(self, error: VendorError) -> None:
        self.told.append("failed")

    def retrying(self, error: VendorError, after_s: float) -> None:
        self.told.append("retrying")

    def substituted(self, error: VendorError, by: str) -> None:
        self.told.append(by)

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        self.ear.beat(0.0)
        for _ in range(10):
            await asyncio.sleep(0)

    def says(self, frame: bytes, beats: int = 50) -> None:
        self.quiet(LEAD)
        self.ear.onset()
        for _ in range(beats):
            self.ear.hear(frame)
        self.ear.offset()

    def quiet(self, beats: int) -> None:
        for _ in range(beats):
            self.ear.hear(QUIET)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def begun() -> World:
    world = World()
    world.ear.open(0.0)
    await world.settle()
    return world


async def test_what_nobody_heard_is_heard_by_the_next_without_the_silence_between() -> None:
    world = await begun()
    world.says(HELLO)
    world.first.says.put_nowait(NOTHING)
    await world.settle()
    world.quiet(3 * KEPT)
    world.says(AGAIN)
    world.quiet(3 * KEPT)
    world.first.says.put_nowait(NOTHING)
    world.first.fails()
    await world.settle()
    assert world.told == ["second"]
    replayed = world.second.sound
    assert replayed.count(HELLO) == replayed.count(AGAIN) == 50
    assert replayed.count(QUIET) <= 3 * LEAD
    assert world.second.hints == ["onset", "offset"]
    await world.end()


async def only_what_comes_now_is_heard_again(world: World) -> None:
    world.says(AGAIN)
    world.first.fails()
    await world.settle()
    assert world.second.sound.count(HELLO) == 0
    assert world.second.sound.count(AGAIN) == 50
    await world.end()


async def test_what_was_a_noise_by_its_own_word_is_not_heard_again() -> None:
    world = await begun()
    world.says(HELLO)
    world.first.says.put_nowait(WORDLESS)
    await world.settle()
    await only_what_comes_now_is_heard_again(world)


async def test_what_has_become_a_turn_is_not_heard_again_with_the_next_one() -> None:
    world = await begun()
    world.says(HELLO)
    world.first.says.put_nowait(Heard("hello"))  # and nothing more
    await world.settle()
    world.ear.taken()
    await only_what_comes_now_is_heard_again(world)


async def test_one_that_only_guesses_that_there_were_no_words_has_not_succeeded() -> None:
    world = await begun()
    for _ in range(20):  # each in turn: there is no end of it while somebody may be hearing
        world.says(HELLO)
        current = world.first if world.ear.vendor == "first" else world.second
        current.says.put_nowait(NOTHING)
        current.fails()
        await world.settle()
        if world.told[-1] == "failed":
            break
        world.ear.beat(9.0)
        await world.settle()
    assert world.told[-1] == "failed"
    await world.end()
