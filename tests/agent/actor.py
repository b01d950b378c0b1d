"""An agent process with vendors of clay, for tests of the pool: ``python -m tests.agent.actor FD``.

Its model answers every turn with one long sentence, and crashes the process when told to.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence

from gateway.agent.brief import Choice
from gateway.agent.messages import Setup, Start, Used
from gateway.agent.process import main
from gateway.errors import Fault, VendorError
from gateway.speech.contract import Called, Delta, Finished, Message, Said, Tool
from tests.agent.stage import Clay, ClayThinking


class Actor(ClayThinking):
    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        last = messages[-1].content
        if last.endswith("die"):
            os._exit(3)
        if last.endswith("raise"):
            raise RuntimeError("a slip")
        if last.endswith("stall"):
            self.stalling = asyncio.create_task(stall())
        if last.endswith("look"):
            yield Called("look-1", "look", "{}")
            yield Finished("tool_calls")
            return
        yield Said(f"You said: {last}, and I could go on about it for a long time.")
        yield Finished("stop")


async def stall() -> None:
    """The loop turns, but late: everything is done a third of a second after it is due."""
    while True:
        time.sleep(0.3)
        await asyncio.sleep(0)


class Actors(Clay):
    def thinking(self, start: Start, choice: Choice) -> Actor:
        if start.variables.get("refuse"):
            raise VendorError("clay", Fault.AUTH, f"no key in {sorted(self.setup.vendors)}")
        return Actor(self, choice)


def make(setup: Setup, tell: Callable[[Used], None]) -> Actors:
    actors = Actors()
    actors.setup = setup
    return actors


if __name__ == "__main__":
    main(make)
