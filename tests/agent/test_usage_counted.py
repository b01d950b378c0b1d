"""What vendors bill is counted where they are asked, however a request ends."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from gateway.agent.brief import Choice
from gateway.agent.counting import Account, CountedHearing, CountedSpeaking, CountedThinking
from gateway.agent.framing import frame
from gateway.agent.messages import FROM_PROCESS, Used
from gateway.calls.record import Usage
from gateway.calls.usage import add
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Called, Delta, Finished, Heard, Message, Said, Tool

QUESTION = [Message("system", "x" * 40), Message("user", "y" * 42)]
TOOL = Tool("look", "z" * 16, {})


class Vendor:
    """Of all three kinds."""

    vendor = "clay"
    tags = ()

    def __init__(self, *gives: object) -> None:
        self.gives = gives
        self.told: list[str] = []

    async def open(self) -> None:
        self.told.append("open")

    async def close(self) -> None:
        self.told.append("close")

    def hear(self, pcm: bytes) -> None:
        self.told.append("hear")

    def onset(self) -> None:
        self.told.append("onset")

    def offset(self) -> None:
        self.told.append("offset")

    def expect(self, phrases: Sequence[str]) -> None:
        self.told.append("expect")

    async def events(self) -> AsyncIterator[Heard]:
        yield Heard("hello")

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ["yes"]

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        for one in self.gives:
            if isinstance(one, Exception):
                raise one
            yield one  # type: ignore[misc]

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        for one in self.gives:
            if isinstance(one, Exception):
                raise one
            yield one  # type: ignore[misc]


class Book:
    def __init__(self, vendor: str = "clay") -> None:
        self.entries: list[Used] = []
        self.now = 100.0
        choice = Choice(vendor=vendor, model="m1")
        self.account = Account("c1", choice, self.entries.append, self.clock)

    def clock(self) -> float:
        self.now += 1.0
        return self.now


async def replied(book: Book, *gives: object, take: int = 99) -> Used:
    """The account of one reply, of which so many pieces are wanted."""
    try:
        reply = CountedThinking(Vendor(*gives), book.account).reply(QUESTION, [TOOL])
        async with aclosing(reply) as deltas:
            async for _ in deltas:
                take -= 1
                if not take:
                    break
    except VendorError:
        pass
    (used,) = book.entries
    return used


async def test_a_reply_costs_what_its_vendor_counted() -> None:
    used = await replied(Book(), Said("Hi"), Finished("stop", 900, 12, 512))
    assert (used.tokens_in, used.tokens_out, used.tokens_cached) == (900, 12, 512)
    assert (used.part, used.vendor, used.model, used.finish) == ("thinking", "clay", "m1", "stop")
    assert used.began_at < (used.first_at or 0) < used.ended_at
    assert not used.estimated


async def test_a_reply_that_is_thrown_away_is_paid_for_all_the_same() -> None:
    used = await replied(Book(), Said("Eleven char"), Said("more"), take=1)
    assert used.finish == used.fault == ""
    assert used.estimated
    assert used.tokens_out == 3
    assert used.tokens_in == -(-(82 + 16 + 2) // 4)


async def test_a_tool_call_counts_as_written() -> None:
    used = await replied(Book(), Called("1", "look", "{}  "), Finished("tool_calls"))
    assert (used.finish, used.tokens_out, used.estimated) == ("tool_calls", 2, True)


async def test_a_request_that_was_refused_costs_nothing() -> None:
    used = await replied(Book(), VendorError("clay", Fault.OVERLOAD, "busy"))
    assert (used.fault, used.tokens_in, used.tokens_out) == ("overload", 0, 0)


async def test_a_reply_that_broke_off_costs_what_had_come() -> None:
    used = await replied(Book(), Said("four"), VendorError("clay", Fault.THEIRS, "gone"))
    assert (used.fault, used.tokens_out) == ("theirs", 1)
    assert used.tokens_in > 0


async def test_a_script_uses_no_tokens() -> None:
    used = await replied(Book("script"), Said("Hello"), Finished("stop"))
    assert (used.tokens_in, used.tokens_out, used.estimated) == (0, 0, False)


async def spoken(*gives: object, take: int = 99) -> Used:
    book = Book()
    try:
        async with aclosing(CountedSpeaking(Vendor(*gives), book.account).speak("Hello")) as sound:
            async for _ in sound:
                take -= 1
                if not take:
                    break
    except VendorError:
        pass
    (used,) = book.entries
    return used


@pytest.mark.parametrize(
    ("gives", "take", "finish", "fault", "characters", "seconds"),
    [
        ([bytes(16000), bytes(16000)], 9, "stop", "", 5, 1.0),
        ([bytes(16000), bytes(16000)], 1, "", "", 5, 0.5),
        ([bytes(32000), VendorError("clay", Fault.THEIRS, "gone")], 9, "", "theirs", 5, 1.0),
        ([VendorError("clay", Fault.QUOTA, "no money")], 9, "", "quota", 0, 0.0),
    ],
    ids=["whole", "cut short", "broken off", "refused"],
)
async def test_a_sentence_costs_its_characters(
    gives: list[object], take: int, finish: str, fault: str, characters: int, seconds: float
) -> None:
    used = await spoken(*gives, take=take)
    assert (used.finish, used.fault) == (finish, fault)
    assert (used.characters, used.seconds) == (characters, seconds)


async def test_a_transcriber_costs_the_sound_it_heard_told_as_the_call_goes() -> None:
    book, vendor = Book(), Vendor()
    ear = CountedHearing(vendor, book.account)
    await ear.open()
    for _ in range(25):
        ear.hear(bytes(32000))
    assert [used.seconds for used in book.entries] == [10.0, 10.0]
    assert [heard.text async for heard in ear.events()] == ["hello"]
    ear.onset()
    ear.offset()
    ear.expect(["yes"])
    await ear.close()
    await ear.close()
    assert [used.seconds for used in book.entries] == [10.0, 10.0, 5.0]
    assert vendor.told == ["open", *["hear"] * 25, "onset", "offset", "expect", "close", "close"]


async def test_one_that_was_never_heard_costs_nothing() -> None:
    book = Book()
    await CountedHearing(Vendor(), book.account).close()
    assert not book.entries


async def test_usage_is_added_up_by_vendor_and_model() -> None:
    usage: list[Usage] = []
    book = Book()
    await replied(book, Said("Hi"), Finished("stop", 900, 12, 512))
    for used in (
        *book.entries,
        *book.entries,
        book.entries[0].model_copy(update={"model": "m2", "finish": "", "estimated": True}),
        await spoken(bytes(32000)),
        await spoken(VendorError("clay", Fault.QUOTA, "no money")),
    ):
        assert FROM_PROCESS.validate_json(frame(used)[4:]) == used
        add(usage, used)
    first, second, voice = usage
    assert (first.requests, first.tokens_in, first.tokens_out, first.tokens_cached) == (
        2, 1800, 24, 1024,
    )  # fmt: skip
    assert (second.model, second.thrown_away, second.tokens_estimated) == ("m2", 1, 912)
    assert (voice.requests, voice.failed, voice.thrown_away) == (2, 1, 0)
    assert (voice.characters, voice.seconds) == (5, 1.0)
