"""Keys that end within a call: the token of an authentication plan is had anew from main, which
alone knows the plan; shortly before it ends, and once if it is refused.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import Field

from gateway.agent.brief import VendorKey
from gateway.agent.plain import Plain
from gateway.agent.streams import faithful
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Delta, Message, Thinking, Tool

log = logging.getLogger(__name__)

EARLY_S = 20.0  # before the end, a token is not used any more; main keeps none for longer than 30
ANSWER_S = 3.0  # the caller waits


class KeyWanted(Plain):
    """Agent to main: a key of this ``plan``, other than one that was ``refused``; answered by one
    ``NewKey``."""

    type: Literal["key_wanted"] = "key_wanted"
    call: str
    question: int
    plan: str
    refused: bool


class NewKey(Plain):
    """Main to agent. ``api_key`` is empty if none can be had; ``until`` as a VendorKey's."""

    type: Literal["new_key"] = "new_key"
    call: str
    question: int
    api_key: str = Field(repr=False)
    until: float


class Renewals:
    """What the calls of a process wait for. ``tell`` is told what main is asked."""

    def __init__(self, tell: Callable[[KeyWanted], None]) -> None:
        self._tell = tell
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[NewKey]] = {}

    async def renewed(self, call: str, key: VendorKey, refused: bool) -> VendorKey | None:
        """None: there is no other."""
        question = next(self._numbers)
        self._waiting[question] = asyncio.get_running_loop().create_future()
        self._tell(KeyWanted(call=call, question=question, plan=key.plan, refused=refused))
        try:
            async with asyncio.timeout(ANSWER_S):
                new = await self._waiting[question]
        except TimeoutError:
            return None
        finally:
            del self._waiting[question]
        update = {"api_key": new.api_key, "until": new.until}
        return key.model_copy(update=update) if new.api_key else None

    def came(self, new: NewKey) -> None:
        waiting = self._waiting.get(new.question)
        if waiting and not waiting.done():
            waiting.set_result(new)


class RenewedThinking:
    """A model with such a key. ``make`` makes the model with one, ``renew`` has another (of one
    that was refused, or of one that ends); ``now`` is epoch seconds."""

    def __init__(
        self,
        key: VendorKey,
        make: Callable[[VendorKey], Thinking],
        renew: Callable[[VendorKey, bool], Awaitable[VendorKey | None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._make, self._renew, self._now = key, make, renew, now
        self._thinking = make(key)
        self.vendor = self._thinking.vendor

    async def open(self) -> None:
        await self._thinking.open()

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        if self._key.until and self._now() > self._key.until - EARLY_S:
            await self._changed(refused=False)
        final = False  # a second refusal is
        while True:
            try:
                reply = faithful(self.vendor, self._thinking.reply(messages, tools))
                async with aclosing(reply) as deltas:
                    async for delta in deltas:
                        final = True
                        yield delta
                return
            except VendorError as error:
                if final or error.fault is not Fault.AUTH:
                    raise
                if not await self._changed(refused=True):
                    raise
                final = True

    async def _changed(self, refused: bool) -> bool:
        key = await self._renew(self._key, refused)
        if key is None:
            log.warning("%s is asked with the key it had: there is no other", self.vendor)
            return False
        await self._thinking.close()
        self._key, self._thinking = key, self._make(key)
        return True

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return self._thinking.expected(messages)

    async def close(self) -> None:
        await self._thinking.close()
