"""A call's transfers, one at a time: begun by its agent or from outside, told how they went."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.agent.messages import Away, Happened, Say, Spoken, Summarise
from gateway.agent.templates import Templates
from gateway.calls.destination import Destination
from gateway.calls.leg import Down, Headers, LegEvent, Pressed, Referring
from gateway.calls.outcomes import OUTCOMES, Outcome
from gateway.calls.transfer import Transfer
from gateway.calls.transfer_table import State
from gateway.logs import about
from gateway.reasons import Ended

if TYPE_CHECKING:
    from gateway.calls.call import Call

Result = tuple[bool, str]  # did it work; what the model is told

SUMMARY_S = 12.0  # the caller is waiting
SAID_S = 20.0
QUIET_LOOK_S, QUIET_LOOKS = 0.1, 3
LINES = 6  # of the transcript, where no model sums it up


class Forwarding:
    def __init__(self, call: "Call") -> None:
        self.onward: Destination | None = None  # where the party is sent once it is there
        self.farewell = ""  # why the call will have ended, once the caller has been told
        self._call = call
        self._transfer: Transfer | None = None
        self._result: asyncio.Future[Result] | None = None
        self._said: asyncio.Future[None] | None = None  # by the agent
        self._summary: asyncio.Future[str] | None = None
        self._busy = False
        self._to: Destination | None = None

    @property
    def state(self) -> State | None:
        """Of the last transfer, if there was one."""
        return self._transfer.state if self._transfer else None

    @property
    def busy(self) -> bool:
        """Whether a transfer is under way."""
        return self._busy

    @property
    def parting(self) -> Headers:
        """What the caller's side is told in our BYE."""
        return self._transfer.parting if self._transfer else ()

    async def run(self, to: Destination) -> Result:
        """From the wish to the outcome. If the caller goes away with it, the call ends and nobody
        waits for the result any more."""
        if self._busy:
            return False, "Another transfer of this call is under way."
        call = self._call
        to = to.filled(Templates(call.record.variables, datetime.now(UTC)).fill)
        self._busy, self._to = True, to
        call.holding.resume()
        try:
            summary = await self._sum_up(to) if to.summary else ""
            await self.let_finish(to.announcement)
            self._result = asyncio.get_running_loop().create_future()
            house = call.house
            self._transfer = Transfer(
                call, to, summary, house.reach, house.tasks.start, call.forwarded, self._over
            )
            self._tell_followers(to)
            self._transfer.begin()
            return await self._result
        finally:
            self._busy = False

    def start(self, to: Destination) -> bool:
        """As ``run``, at the wish of somebody outside: the record and the call's followers are
        told how it goes. False: the call has no agent (any more)."""
        if self._call.has_agent:
            self._call.house.tasks.start(self._run(to), "transfer from outside")
        return self._call.has_agent

    async def _run(self, to: Destination) -> None:
        with about(self._call.record.id):
            if to.assistant:
                await self._call.handover.transferred(to)
            else:
                await self.run(to)

    def hold(self, held: bool) -> bool:
        """Part the two who talk, or join them again. False: there are no two."""
        return bool(self._transfer and self._transfer.hold(held))

    # What others tell.

    def up(self) -> None:
        """The call is up."""
        if self.onward:
            self.start(self.onward.model_copy(update={"end_on_failure": True}))

    def leg_event(self, event: LegEvent) -> bool:
        """Whether it was the transfer's business."""
        transfer = self._transfer
        if transfer is None or transfer.state is State.OVER:
            return isinstance(event, Referring)
        if isinstance(event, Down):
            self._call.record.sip_status = event.status
        mine = isinstance(event, (Referring, Down))
        if mine or (isinstance(event, Pressed) and transfer.state is State.BRIDGED):
            transfer.of_caller(event)
            return True
        return False

    def heard(self, spoken: Spoken) -> None:
        if spoken.role == "assistant":
            if self._said and not self._said.done():
                self._said.set_result(None)
            if self._transfer:
                self._transfer.heard(spoken)

    def summed_up(self, text: str) -> None:
        if self._summary and not self._summary.done():
            self._summary.set_result(text)

    def close(self) -> None:
        """The call is over."""
        if self._transfer:
            self._transfer.step("cancel")

    # Before it begins.

    async def let_finish(self, announcement: str) -> None:
        """What the agent is saying is said to the end, and then ``announcement``."""
        call = self._call
        if announcement:
            self._said = asyncio.get_running_loop().create_future()
            call.tell(Say(call=call.record.id, text=announcement))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAID_S):
                    await self._said
            return
        quiet = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAID_S):
                while quiet < QUIET_LOOKS:
                    quiet = 0 if call.leg.line.saying else quiet + 1
                    await asyncio.sleep(QUIET_LOOK_S)

    async def _sum_up(self, to: Destination) -> str:
        call = self._call
        self._summary = asyncio.get_running_loop().create_future()
        call.tell(Summarise(call=call.record.id, messages=to.summary_prompt))
        text = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SUMMARY_S):
                text = await self._summary
        if text:
            return " ".join(text.split())
        names = {"assistant": "AI", "user": "Caller"}
        said = [line for line in call.record.transcript if line.role in names]
        return " ".join(f"{names[line.role]}: {line.text}" for line in said[-LINES:])

    def _tell_followers(self, to: Destination) -> None:
        self._call.record.destination = to.papers
        now = asyncio.get_running_loop().time()
        self._call.house.told(
            self._call,
            Happened(call=self._call.record.id, what="transfer", at=now,
                     facts={"destination": to.papers}),
        )  # fmt: skip

    # What comes of it.

    def _over(self, outcome: Outcome, told: str) -> None:
        call, to, transfer = self._call, self._to, self._transfer
        assert to is not None and transfer is not None  # noqa: PT018
        if outcome.reason:
            if outcome.word == "connected" or outcome.word == "forwarded":
                call.forwarded()
            call.end(self._refined(outcome, to, transfer), f"transfer to {to.name}: {outcome.word}")
        elif outcome is not OUTCOMES["cancelled"]:
            call.tell(Away(call=call.record.id, away=False))
            self._give_back(outcome, to)
        if self._result and not self._result.done():
            self._result.set_result((outcome.moved, told))

    @staticmethod
    def _refined(outcome: Outcome, to: Destination, transfer: Transfer) -> str:
        if outcome is not OUTCOMES["caller-left"] or to.meeting == "blind":
            return outcome.reason
        if transfer.answered:
            return Ended.CUSTOMER_ENDED_AFTER_ATTEMPT
        return Ended.CUSTOMER_ENDED_BEFORE_MEETING

    def _give_back(self, outcome: Outcome, to: Destination) -> None:
        """The agent has the caller again, unless that is not wanted."""
        call = self._call
        if to.end_on_failure:
            self.farewell = outcome.closing
        if to.apology:
            call.tell(Say(call=call.record.id, text=to.apology, then_end=to.end_on_failure))
        elif to.end_on_failure:
            call.end(outcome.closing, f"transfer to {to.name}: {outcome.word}")
