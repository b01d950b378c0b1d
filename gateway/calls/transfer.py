"""One transfer, from the wish to its outcome: what the table decides is done here.

The caller's line stays the agent's until the two parties are connected. While somebody else is
called, the caller hears music and is heard by nobody; the agent is heard by the other party alone.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gateway.agent.messages import Away, Say, Spoken
from gateway.calls import outcomes
from gateway.calls.answerer import Answerer
from gateway.calls.attention import Attention
from gateway.calls.destination import Attempted, Destination
from gateway.calls.leg import Down, Headers, Leg, LegEvent, Pressed, Referring, Up
from gateway.calls.outcomes import OUTCOMES, Outcome
from gateway.calls.ports import CallRefused
from gateway.calls.second_leg import Reach
from gateway.calls.transfer_table import TABLE, State
from gateway.errors import GatewayError, NoRoom

if TYPE_CHECKING:
    from gateway.calls.call import Call

log = logging.getLogger(__name__)

HELLO_S = 6.0  # for the first words of whoever is to press a key
TOLD_S = 45.0  # for the agent's words; then it goes on as if they had been said
LOOK_S = 0.1  # between two looks at a line
SUMMARY_HEADER = "X-Transfer-Summary"
SUMMARY_MOST = 1000  # characters of a header
ACCEPT, DECLINE = "1", "2"
MEETING = (State.LISTENING, State.TELLING, State.ASKING)
PRESS = "Press 1 to take the call, or 2 to decline it."
SUMMARY_WORDS = "Here is what the caller wants: {}"


class Transfer:
    """``done`` is told the outcome and what the model is told of it, once; ``bridged`` that the
    two talk and the agent is not needed any more. ``work`` starts a task. ``summary`` is what the
    conversation so far comes to, if the destination wants it."""

    def __init__(
        self,
        call: "Call",
        to: Destination,
        summary: str,
        reach: Reach,
        work: Callable[[Coroutine[Any, Any, None], str], object],
        bridged: Callable[[], None],
        done: Callable[[Outcome, str], None],
    ) -> None:
        self.state = State.START
        self.second: Leg | None = None
        self._call, self._to, self._reach, self._work = call, to, reach, work
        self._bridged, self._done = bridged, done
        self._parked = False
        self._summary = summary
        self._status: int | None = None  # what the peer said
        self._why = ""
        self._accepted = False  # by key, before all was told
        self.answered = False  # the destination has been
        self._attention: list[tuple[Attention, Leg]] = []
        self._answerer: Answerer | None = None  # where a person is expected
        self._limit: asyncio.TimerHandle | None = None

    @property
    def parting(self) -> Headers:
        """For the BYE to the caller's side, where that is the transfer."""
        return self._headers() if self._to.verb == "bye" else ()

    def hold(self, held: bool) -> bool:
        """Of two who talk: the caller hears music, and the other side is on hold by SIP."""
        if self.state is not State.BRIDGED or self.second is None:
            return False
        caller, other = self._call.leg.line, self.second.line
        if held:
            caller.unbridge(other)
            caller.play("hold")
            self.second.hold()
        else:
            caller.stop()
            caller.bridge(other)
            self.second.resume()
        return True

    def begin(self) -> None:
        verb = self._to.verb if self._to.meeting == "blind" else "call"
        log.info("transfer to %s: %s, %s", self._to.name, self._to.verb, self._to.meeting)
        self._call.happened(
            "transfer", to=self._to.name, verb=self._to.verb, meeting=self._to.meeting
        )
        self.step(verb)

    # What comes in.

    def of_caller(self, event: LegEvent) -> None:
        """What the caller's leg has to tell."""
        match event:
            case Referring("accepted"):
                self.step("accepted")
            case Referring("done", status):
                self._status = status
                self.step("done")
            case Referring(_, status, detail):
                self._status, self._why = status, _reason(status, detail)
                self.step("failed")
            case Pressed(digit) if self.state is State.BRIDGED and self.second:
                self._pass_on(self.second, digit)
            case Down():
                self._why = event.detail
                self.step("caller-gone")

    def of_second(self, event: LegEvent) -> None:
        match event:
            case Up():
                self.answered = True
                self._work(self._reached(), "a transfer's party has answered")
            case Pressed(digit):
                self._key(digit)
            case Down():
                self._status, self._why = event.status, _reason(event.status, event.detail)
                self.step("lost" if self.answered else "failed")

    def heard(self, spoken: Spoken) -> None:
        """The agent has said something."""
        if self.state is State.TELLING and spoken.role == "assistant":
            self._told()

    def step(self, what: str) -> None:
        """Apply one input. One that the table does not list in this state changes nothing."""
        if (entry := TABLE.get((self.state, what))) is None:
            return
        after, actions = entry
        if after is not self.state:
            self._stop_waiting()
        self.state = after
        for action in actions.split():
            if action.startswith("end-"):
                self._end(action.removeprefix("end-"))
            else:
                getattr(self, "_" + action.replace("-", "_"))()

    # The table's actions.

    def _refer(self) -> None:
        self._refer_to(None)

    def _replace(self) -> None:
        self._refer_to(self.second)

    def _refer_to(self, replaces: Leg | None) -> None:
        try:
            uri = self._reach.refer_to(self._call, self._to)
            headers = self._headers()
            if self._to.headers_in_uri and ":" in uri:
                uri, headers = _with_headers(uri, headers), ()
            self._call.leg.refer(uri, replaces=replaces, headers=headers)
        except CallRefused as error:
            self._refused(str(error))
        except GatewayError as error:
            self._why = str(error)
            self.step("failed")

    def _refused(self, why: str) -> None:
        self._why = why
        self.step("refused")

    def _ringback(self) -> None:
        self._park()
        self._call.leg.line.tone("ringback")

    def _hold(self) -> None:
        self._park()
        self._call.leg.line.play("hold")
        if self._to.music:
            self._work(self._play(self._to.music), "music for who waits")

    async def _play(self, music: str) -> None:
        if await self._reach.ready(music) and self._parked:
            self._call.leg.line.play(music)

    def _park(self) -> None:
        """The caller waits: unheard, and without the agent."""
        self._parked = True
        self._call.tell(Away(call=self._call.record.id, away=True))
        self._call.leg.line.mute_peer(True)
        self._call.leg.line.agent_to()

    def _unpark(self) -> None:
        if self._parked:
            self._parked = False
            line = self._call.leg.line
            line.stop()
            line.mute_peer(False)
            line.agent_to(line)

    def _dial(self) -> None:
        try:
            self.second = self._reach.call(self._call, self._to, self._headers(), self.of_second)
        except (CallRefused, NoRoom) as error:
            self._refused(str(error))

    async def _reached(self) -> None:
        """The destination has answered."""
        if self.second is None:
            return
        if self._to.extension:
            await self.second.dial(self._to.extension)
        meeting = self._to.meeting
        self.step({"blind": "connect", "told": "tell"}.get(meeting, "listen"))

    def _listen(self) -> None:
        self._attend()
        if self.second:
            self._answerer = Answerer(self.second.line)
        if self._to.meeting == "accepts":  # it will show by a key that somebody is there
            self._wait(HELLO_S, lambda: self.step("spoken"))
        else:
            self._wait(self._to.patience_s)

    def _tell(self) -> None:
        line = self._call.leg.line
        if self.second:
            line.agent_to(self.second.line)
        text = self._to.message
        if self._to.summary and self._summary:
            text = SUMMARY_WORDS.format(self._summary)
        if self._to.meeting == "accepts":
            text = f"{text} {PRESS}"
            self._attend()
        self._wait(TOLD_S, self._told)
        if text.strip():
            self._call.tell(Say(call=self._call.record.id, text=text, aside=True))
        else:
            self._told()

    def _told(self) -> None:
        if self._to.meeting == "accepts" and not self._accepted:
            self.step("ask")
        else:
            self.step(self._join)

    def _hush(self) -> None:
        """What the agent was telling the other party is dropped."""
        self._call.tell(Say(call=self._call.record.id, text="", aside=True, interrupt=True))

    @property
    def _join(self) -> str:
        return "replace" if self._to.verb == "refer" else "connect"

    def _await_key(self) -> None:
        self._wait(self._to.patience_s)

    def _note_acceptance(self) -> None:
        self._accepted = True

    def _connect(self) -> None:
        if self.second is None:
            return
        caller, other = self._call.leg.line, self.second.line
        self._unpark()
        caller.bridge(other)
        self._attend(self._call.leg)
        self._attend(self.second)
        self._bridged()
        if self._reach.bridged_s:
            self._wait(self._reach.bridged_s, self._talked_long)
        if self._to.chime:
            self._work(self._ring_chime(self._to.chime), "chime")

    def _talked_long(self) -> None:
        self._why = "the longest time of a transferred call is over"
        self.step("due")

    async def _ring_chime(self, chime: str) -> None:
        if await self._reach.ready(chime) and self.state is State.BRIDGED and self.second:
            for line in (self._call.leg.line, self.second.line):
                line.play(chime, once=True)

    def _end(self, name: str) -> None:
        outcome = OUTCOMES[outcomes.of_status(name, self._status)]
        to = self._to
        self._stop_waiting()
        for attention, _ in self._attention:
            attention.close()
        if self._answerer:
            self._answerer.close()
        self._unpark()
        if self.second:
            self.second.hang_up("the transfer is over")
            self._work(self.second.close(), "second leg")
        self._call.record.transfers.append(
            Attempted(
                to=to.name, verb=to.verb, meeting=to.meeting, outcome=outcome.word,
                status=self._status, detail=self._why, papers=to.papers,
            )
        )  # fmt: skip
        what = "transferred" if outcome.moved else "transfer_failed"
        status, why = self._status, self._why
        self._call.happened(what, to=to.name, outcome=outcome.word, status=status, why=why)
        log.info("transfer to %s: %s %s", to.name, outcome.word, self._why)
        self._done(outcome, outcomes.told(outcome, to.name, self._why))

    # What is waited for.

    def _wait(self, seconds: float, then: Callable[[], None] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(seconds, then or (lambda: self.step("due")))

    def _stop_waiting(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None

    def _attend(self, leg: Leg | None = None) -> None:
        leg = leg or self.second
        if leg is None or any(other is leg for _, other in self._attention):
            return
        self._attention.append((Attention(leg.line), leg))
        if len(self._attention) == 1:
            self._work(self._look(), "a transfer's lines")

    async def _look(self) -> None:
        while self.state is not State.OVER:
            for attention, leg in list(self._attention):
                for key in attention.pressed():
                    if leg is self.second:
                        self._key(key, attention.events)
                    elif self.second and self.state is State.BRIDGED and attention.events:
                        self._pass_on(self.second, key)
                if self.state is State.LISTENING and attention.spoke():
                    self.step("spoken")
            if self._answerer and self.state in MEETING and (why := self._answerer.machine()):
                self._why = why
                self.step("machine")
            await asyncio.sleep(LOOK_S)

    def _key(self, key: str, event: bool = True) -> None:
        """The other party has pressed it; ``event``: a bridge does not carry it."""
        if self.state is State.BRIDGED and event:
            self._pass_on(self._call.leg, key)
        elif self._to.meeting == "accepts" and key == ACCEPT:
            self.step(self._join if self.state is State.ASKING else "accept")
        elif self._to.meeting == "accepts" and key == DECLINE:
            self.step("decline")

    def _pass_on(self, leg: Leg, key: str) -> None:
        self._work(leg.dial(key), "a key for the other party")

    def _headers(self) -> tuple[tuple[str, str], ...]:
        if self._to.summary and self._to.meeting == "blind" and self._summary:
            return (*self._to.headers, (SUMMARY_HEADER, self._summary[:SUMMARY_MOST]))
        return self._to.headers


def _reason(status: int | None, detail: str) -> str:
    known = status is not None and not detail.startswith(str(status))
    return f"{status} {detail}".strip() if known else detail


def _with_headers(uri: str, headers: tuple[tuple[str, str], ...]) -> str:
    """As the URI's own headers (RFC 3261 section 19.1.1)."""
    if not headers:
        return uri
    joint = "&" if "?" in uri else "?"
    return uri + joint + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in headers)
