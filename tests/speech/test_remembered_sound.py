"""What a voice has said is known: whole sounds only, within bounds, shared while they are made."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.errors import Fault, VendorError
from gateway.speech.contract import Mark
from gateway.speech.remembered import Memory, Remembering

CUT = VendorError("clay", Fault.THEIRS, "cut")


class Voice:
    vendor = "clay"
    tags = ("break",)

    def __init__(self, *gives: object) -> None:
        self.gives: tuple[object, ...] = gives or (Mark(0.5, 0.1), b"ab", b"cd")
        self.asked: list[str] = []

    async def open(self) -> None: ...

    async def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        self.asked.append(text)
        for one in self.gives:
            if isinstance(one, Exception):
                raise one
            if isinstance(one, asyncio.Event):
                await one.wait()
            else:
                yield one  # type: ignore[misc]

    async def close(self) -> None: ...


def remembering(voice: Voice, memory: Memory, name: str = "v") -> Remembering:
    return Remembering(voice, name, memory)


async def said(voice: Remembering, text: str = "Hello.") -> list[bytes | Mark]:
    return [piece async for piece in voice.speak(text)]


async def test_the_same_words_in_the_same_voice_are_asked_for_once() -> None:
    told = list[bool]()
    voice, memory = Voice(), Memory(100, told.append)
    first, second = remembering(voice, memory), remembering(voice, memory)  # of two calls
    assert await said(first) == await said(second) == [Mark(0.5, 0.1), b"ab", b"cd"]
    assert voice.asked == ["Hello."]
    assert told == [False, True]
    await said(remembering(voice, memory, "another voice"))
    await said(first, "Bye.")
    assert voice.asked == ["Hello.", "Hello.", "Bye."]


@pytest.mark.parametrize("gives", [(b"ab", CUT), (CUT,), (Mark(1.0, 0.0),)])
async def test_what_is_not_whole_or_empty_is_not_kept(gives: tuple[object, ...]) -> None:
    voice, memory = Voice(*gives), Memory(100)
    one = remembering(voice, memory)
    for _ in range(2):
        with contextlib.suppress(VendorError):
            await said(one)
    assert len(voice.asked) == 2
    assert memory.under_way == {}


async def test_what_was_interrupted_is_not_kept() -> None:
    voice, memory = Voice(), Memory(100)
    one = remembering(voice, memory)
    speech = one.speak("Hello.")
    await anext(speech)
    await speech.aclose()  # type: ignore[attr-defined]
    await said(one)
    assert len(voice.asked) == 2


async def test_the_oldest_go_when_there_is_no_more_room() -> None:
    voice, memory = Voice(b"abcd"), Memory(8)
    one = remembering(voice, memory)
    for text in ("a", "b", "a", "c", "a", "b"):
        await said(one, text)
    assert voice.asked == ["a", "b", "c", "b"]
    await said(remembering(Voice(b"abcd" * 3), memory), "too long")
    await said(one, "a")
    assert voice.asked == ["a", "b", "c", "b"]  # it has pushed nobody out


async def test_calls_that_begin_together_hear_the_same_sound_as_it_comes() -> None:
    go = asyncio.Event()
    voice, memory = Voice(b"ab", go, b"cd"), Memory(100)
    calls = [remembering(voice, memory).speak("Hello.") for _ in range(3)]
    assert [await anext(call) for call in calls] == [b"ab"] * 3
    go.set()
    assert [[piece async for piece in call] for call in calls] == [[b"cd"]] * 3
    assert voice.asked == ["Hello."]


async def test_who_followed_a_sound_that_breaks_is_told_or_asks_itself() -> None:
    go = asyncio.Event()
    voice, memory = Voice(b"ab", go, CUT), Memory(100)
    first, second = (remembering(voice, memory).speak("Hello.") for _ in range(2))
    assert await anext(first) == await anext(second) == b"ab"
    go.set()
    with pytest.raises(VendorError, match="cut"):
        await anext(first)
    with pytest.raises(VendorError, match="broke off"):
        await anext(second)

    voice.gives = (asyncio.Event(),)
    third = asyncio.ensure_future(anext(remembering(voice, memory).speak("Hi.")))
    await asyncio.sleep(0)
    fourth = asyncio.ensure_future(said(remembering(voice, memory), "Hi."))
    await asyncio.sleep(0)
    voice.gives = (b"ok",)
    third.cancel()  # that call is over, before there was any sound
    await asyncio.gather(third, return_exceptions=True)
    assert await fourth == [b"ok"]
