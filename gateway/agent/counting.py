"""What a call's vendors use, counted where they are asked: each is wrapped in one that counts.

They stand next to the vendor, so that what is billed is counted: a text as the vendor is given it,
a request that is tried again twice, a reply that is thrown away, and nothing that was not asked.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from gateway.agent.brief import Choice
from gateway.agent.messages import Used
from gateway.agent.streams import Clock
from gateway.errors import VendorError
from gateway.speech.contract import (
    RATE,
    Called,
    Delta,
    Finished,
    Heard,
    Hearing,
    Mark,
    Message,
    Said,
    Speaking,
    Thinking,
    Tool,
)

HEARD_S = 10.0  # of sound, between two reports of a transcriber: more is not lost with a process
CHARACTERS_A_TOKEN = 4  # of a request that the vendor has not counted
SECOND = 2 * RATE  # in bytes


class Account:
    """Of one vendor in one call: ``tell`` is told of each request when it is over."""

    def __init__(
        self, call: str, choice: Choice, tell: Callable[[Used], None], clock: Clock
    ) -> None:
        self._call = call
        self._choice = choice
        self._tell = tell
        self.clock = clock

    @property
    def counts_tokens(self) -> bool:
        """Whether what it reads and writes is tokens at all."""
        return self._choice.vendor != "script"

    def enter(self, **used: Any) -> None:
        choice = self._choice
        self._tell(
            Used(
                call=self._call,
                vendor=choice.vendor,
                model=choice.model,
                ended_at=self.clock(),
                **used,
            )
        )


class CountedHearing:
    def __init__(self, hearing: Hearing, account: Account) -> None:
        self._hearing = hearing
        self._account = account
        self.vendor = hearing.vendor
        self._bytes = 0
        self._since: float | None = None
        # Called for every frame, and not counted: no need to pass through here.
        self.onset, self.offset, self.expect = hearing.onset, hearing.offset, hearing.expect

    async def open(self) -> None:
        await self._hearing.open()

    def hear(self, pcm: bytes) -> None:
        if self._since is None:
            self._since = self._account.clock()
        self._bytes += len(pcm)
        self._hearing.hear(pcm)
        if self._bytes >= HEARD_S * SECOND:
            self._enter()

    def events(self) -> AsyncIterator[Heard]:
        return self._hearing.events()

    async def close(self) -> None:
        self._enter()
        await self._hearing.close()

    def _enter(self) -> None:
        if self._since is not None:
            self._account.enter(
                part="hearing", began_at=self._since, seconds=self._bytes / SECOND, finish="stop"
            )
        self._bytes, self._since = 0, None


class CountedThinking:
    def __init__(self, thinking: Thinking, account: Account) -> None:
        self._thinking = thinking
        self._account = account
        self.vendor = thinking.vendor

    async def open(self) -> None:
        await self._thinking.open()

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        clock = self._account.clock
        began_at, first_at, written, fault = clock(), None, 0, ""
        finished: Finished | None = None
        try:
            reply = self._thinking.reply(messages, tools)
            # A generator, though the contract promises no more than an iterator.
            async with aclosing(reply) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    first_at = clock() if first_at is None else first_at
                    match delta:
                        case Said(text):
                            written += len(text)
                        case Called(name=name, arguments=arguments):
                            written += len(name) + len(arguments)
                        case Finished():
                            finished = delta
                    yield delta
        except VendorError as error:
            fault = str(error.fault)
            raise
        finally:
            self._account.enter(
                part="thinking",
                began_at=began_at,
                first_at=first_at,
                finish=finished.reason if finished else "",
                fault=fault,
                **self._tokens(messages, tools, written, finished, refused=fault and not written),
            )

    def _tokens(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        written: int,
        finished: Finished | None,
        refused: object,
    ) -> dict[str, Any]:
        """As the vendor counted them; estimated if it did not come to that."""
        if finished and (finished.tokens_in or finished.tokens_out):
            return {
                "tokens_in": finished.tokens_in,
                "tokens_out": finished.tokens_out,
                "tokens_cached": finished.tokens_cached,
            }
        if refused or not self._account.counts_tokens:
            return {}
        shown = sum(len(m.content) + sum(len(c.arguments) for c in m.tool_calls) for m in messages)
        shown += sum(len(t.description) + len(json.dumps(t.parameters)) for t in tools)
        return {
            "tokens_in": -(-shown // CHARACTERS_A_TOKEN),
            "tokens_out": -(-written // CHARACTERS_A_TOKEN),
            "estimated": True,
        }

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return self._thinking.expected(messages)

    async def close(self) -> None:
        await self._thinking.close()


class CountedSpeaking:
    def __init__(self, speaking: Speaking, account: Account) -> None:
        self._speaking = speaking
        self._account = account
        self.vendor = speaking.vendor
        self.tags = speaking.tags

    async def open(self) -> None:
        await self._speaking.open()

    async def speak(self, text: str) -> AsyncIterator[bytes | Mark]:
        clock = self._account.clock
        began_at, first_at, made, finish, fault = clock(), None, 0, "", ""
        try:
            # A generator, though the contract promises no more than an iterator.
            async with aclosing(self._speaking.speak(text)) as sound:  # type: ignore[type-var]
                async for pcm in sound:
                    first_at = clock() if first_at is None else first_at
                    made += 0 if isinstance(pcm, Mark) else len(pcm)
                    yield pcm
            finish = "stop"
        except VendorError as error:
            fault = str(error.fault)
            raise
        finally:
            self._account.enter(
                part="speaking",
                began_at=began_at,
                first_at=first_at,
                finish=finish,
                fault=fault,
                characters=len(text) if made or not fault else 0,
                seconds=made / SECOND,
            )

    async def close(self) -> None:
        await self._speaking.close()
