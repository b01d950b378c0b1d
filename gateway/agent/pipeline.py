"""One call's agent: its row, its vendors and its turns, put together.

What comes in (frames, words, tokens, sound, messages) is told to the turn machine here; what the
machine decides is done by :mod:`gateway.agent.deeds`. The only clock is the beat, so a test turns
it by hand.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from gateway.agent import summary
from gateway.agent.answering import Answering
from gateway.agent.caller import Caller
from gateway.agent.conversation import Conversation
from gateway.agent.crew import Crew
from gateway.agent.deeds import Deeds
from gateway.agent.dialogue import Dialogue
from gateway.agent.extraction import facts
from gateway.agent.failures import Failures
from gateway.agent.messages import (
    ActionResult,
    Add,
    Advice,
    Answered,
    Away,
    Digit,
    Extract,
    Follow,
    FromAgent,
    Know,
    Offer,
    Say,
    Start,
    Summarise,
    ToAgent,
)
from gateway.agent.mouth import Mouth
from gateway.agent.reply import Piece
from gateway.agent.report import Report
from gateway.agent.row import Row
from gateway.agent.second_opinion import opinion
from gateway.agent.smart_turn import TurnModel, log_odds
from gateway.agent.streams import Clock, Running
from gateway.agent.templates import Templates
from gateway.agent.turn_table import DEAF, State
from gateway.agent.turns import Turns
from gateway.agent.vendors import Vendors
from gateway.errors import VendorError
from gateway.logs import about
from gateway.reasons import Ended
from gateway.speech.contract import Called, Finished, Heard, Said
from gateway.tasks import Tasks

log = logging.getLogger(__name__)


class Agent:
    """Holds one call, from :meth:`open` to :meth:`close`.

    ``send`` is given every message for main; ``clock`` is monotonic seconds; ``at`` is the wall
    clock's time at the start, with a time zone; ``smart_turn`` hears when a turn is over, if there
    is such a model. Raises Unfit; later failures are dealt with inside and never raised.
    """

    def __init__(
        self,
        start: Start,
        row: Row,
        vendors: Vendors,
        send: Callable[[FromAgent], None],
        clock: Clock,
        at: datetime,
        smart_turn: TurnModel | None = None,
    ) -> None:
        now = clock()
        self.call = start.call
        self._brief = start.brief
        self._row = row
        self._clock = clock
        self._tasks = Tasks()
        self._report = Report(start.call, send, start.brief.live, start.part)
        self._crew = crew = Crew(start, vendors, self._spawn, clock, self)
        self._report.vendors = crew.vendors
        self._ear = crew.ear
        self._mouth = Mouth(row, crew.voice, start.brief.chunks, self._voicing)
        self._templates = Templates(start.variables, at)
        self._dialogue = Dialogue(
            start, self._templates.fill, crew.mind, self._mouth, self._report, now
        )
        self._turns = Turns(
            start.brief, self._dialogue.started_at, lambda: self._dialogue.last_said
        )
        self._smart_turn = smart_turn
        judge = self._judge if smart_turn else None
        self._caller = Caller(start.brief, self._turns, crew.ear, self._report, now, judge)
        self._failures = Failures(start.call, self._turns, self._dialogue, self._report)
        self._vendors, self._start = vendors, start
        self._answering = Answering(
            start.brief,
            self._turns,
            self._dialogue,
            self._caller,
            row,
            self._report,
            self._ask_who_answered,
        )
        self._deeds = Deeds(
            start.brief,
            self._turns,
            self._dialogue,
            self._caller,
            self._mouth,
            row,
            crew.ear,
            self._failures,
            self._report,
            self._answering,
        )
        self._ringing = start.ringing
        self._summary = partial(summary.of, start, vendors)
        self._deeds.away, self._left = start.away, False

    @property
    def state(self) -> State:
        return self._turns.state

    @property
    def conversation(self) -> Conversation:
        return self._dialogue.conversation

    # Life

    def open(self) -> None:
        """Dial the vendors, all at once; begin, unless the phone still rings."""
        self._crew.open()
        if not self._ringing:
            self._guard(self._begin)
        elif self._brief.greeting_mode == "speak":
            greeting = self._templates.fill(self._brief.greeting)
            self._crew.voice.prepare(self._mouth.pieces(greeting))

    def receive(self, message: ToAgent) -> None:
        """A message from main, other than Start and Stop. Never raises."""
        match message:
            case Answered() if self._ringing:
                self._guard(self._begin)
            case Digit(digit=digit):
                self._guard(lambda now: self._caller.digit(digit, now))
            case ActionResult(action=action, ok=ok, content=content):
                self._guard(lambda now: self._result(action, ok, content, now))
            case Offer(tools=tools):
                self._dialogue.offer(tools)
            case Know(variables=variables):
                self._templates.know(variables)
            case Say():
                self._guard(lambda now: self._say_now(message, now))
            case Away(away=away):
                self._guard(lambda now: self._leave_alone(away, now))
            case Summarise(messages=messages):
                self._spawn(self._sum_up(messages), "summary")
            case Add(messages=messages, answer=answer):
                self._guard(lambda now: self._add(messages, answer, now))
            case Follow(live=live):
                self._report.follow(live)
            case Extract(schema_=schema):
                self._spawn(self._extract(schema), "extraction")
            case Advice(question=question, wait_s=wait_s):
                self._guard(lambda now: self._turns.advised(question, wait_s, now))

    def beat(self, now: float) -> None:
        """Once per beat, be it for nothing: hear, let time pass, speak. Never raises."""
        if not (self._deeds.at_ease and self._row.still and self._ear.listens):
            self._guard(self._beat, now)

    async def close(self) -> None:
        """Let go of the row and of everything else. Nothing can be asked of it afterwards."""
        if not vars(self):
            return
        with about(self.call):
            self.leave()
            try:
                await self._tasks.close()
            finally:  # also if nobody waits for them any more
                await self._crew.close()
                # Else a circle, whose memory is free at the next full collection only.
                vars(self).clear()

    def leave(self) -> None:
        """Let go of the row at once; ``close`` does the rest."""
        if not self._left:
            self._left = True
            self._guard(self._leave)
            self._row.interruptible(False)

    @property
    def quiet(self) -> bool:
        """It has nothing to say at the moment."""
        return not self._mouth.playing

    def _leave(self, now: float) -> None:
        if self._turns.state is State.TAKING:
            self._caller.message(self._dialogue.taking)
        self._turns.step("stop", now)
        self._dialogue.drop(now)
        self._caller.leave()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> Running:
        async def watched() -> None:
            try:
                await work
            except Exception:
                self._broken()

        watching = watched()
        with about(self.call):
            task = self._tasks.start(watching, f"{name} {self.call}")
        # A task that is cancelled before its first step leaves them unawaited.
        task.add_done_callback(lambda _: (watching.close(), work.close()))
        return task

    def _guard(self, what: Callable[[float], None], now: float | None = None) -> None:
        """What goes wrong in this call goes wrong in this call only."""
        now = self._clock() if now is None else now
        try:
            what(now)
            self._deeds.work(now)
        except Exception:
            self._broken()

    def _broken(self) -> None:
        with about(self.call):
            log.exception("the agent failed, and the call ends")
        if self._turns.state is not State.ENDED:
            detail = "the agent failed; its log tells where"
            self._turns.end("broken", Ended.WORKER_DIED, self._clock(), detail)
            self._turns.outbox.clear()
            self._row.hush()
            self._report.hang_up(self._turns.reason, self._turns.detail)

    def _begin(self, now: float) -> None:
        self._ringing = False
        brief = self._brief
        self._answering.begin(now)
        if self._start.resumed:
            self._turns.step("go-on", now)
            self._dialogue.go_on(now)
            self._deeds.expect()
            return
        self._dialogue.started_at = now
        self._turns.answered(now)
        if brief.greeting_mode == "generate":
            self._turns.step("generate", now)
        elif brief.greeting_mode == "wait" or not brief.greeting:
            self._turns.step("listen", now)
        else:
            self._turns.step("greet-open" if brief.greeting_interruptible else "greet", now)
        self._deeds.expect()  # a caller may answer a greeting before it is over

    # What comes in

    def _beat(self, now: float) -> None:
        sound, keys = self._row.listen(), self._row.digits()
        if self._deeds.away:
            sound, keys = sound.silenced(), ""
        self._ear.beat(now)
        if self._ringing:
            return
        if sound.missed:
            self._report.happened("sound_missed", now, frames=sound.missed)
        if sound.pcm:
            self._caller.listen(sound, now)
            self._answering.listen(sound, now)
        for key in keys:
            self._caller.digit(key, now)
        self._dialogue.beat(now)
        if self._dialogue.taking:
            self._turns.step("take", now)
        self._show_results(now)
        if not self._deeds.away:
            self._turns.wake(now)
        if self._row.paused and self._turns.state not in (State.PAUSED, State.DOUBTED):
            self._row.resume()  # a pause that there was nothing to decide about

    def _leave_alone(self, away: bool, now: float) -> None:
        if self._deeds.away and not away:
            self._turns.came_back(now)
        self._deeds.away = away

    async def _sum_up(self, messages: tuple[dict[str, str], ...]) -> None:
        self._report.summary(await self._summary(self.conversation.messages(), messages))

    def _result(self, action: str, ok: bool, content: str, now: float) -> None:
        if self._answering.result(action, ok, content, now):
            return
        if self._turns.state is State.TAKING and action == self._dialogue.taking:
            content += f" The caller said: {self._caller.message(action)!r}"
            self._turns.step("taken", now)
        self._dialogue.result(action, ok, content, now)
        self._show_results(now)

    def _show_results(self, now: float) -> None:
        if self._dialogue.results_due:
            self._turns.step("result", now)

    def _say_now(self, message: Say, now: float) -> None:
        if self._turns.state in DEAF and self._turns.state is not State.GREETING:
            return
        self._deeds.to_say.append(message)
        if message.interrupt:
            self._dialogue.drop(now)
        if message.then_end:
            self._turns.end("say-last", Ended.ASSISTANT_ENDED_CALL, now)
        else:
            self._turns.step("say-firm" if message.firm else "say", now)

    def _add(self, messages: tuple[dict[str, Any], ...], answer: bool, now: float) -> None:
        self._dialogue.add(messages)
        if answer:
            self._dialogue.conversation.unseen = True
            self._show_results(now)

    async def _extract(self, schema: dict[str, Any]) -> None:
        conversation = self._dialogue.conversation.shown()
        self._report.extracted(await facts(self._crew.mind.thinking, conversation, schema))

    def heard(self, heard: Heard) -> None:
        now = self._clock()
        self._answering.heard(heard)
        self._caller.heard(heard, now)
        self._deeds.work(now)

    def thought(self, delta: Said | Called | Finished) -> None:
        now = self._clock()
        self._dialogue.thought(delta, now)
        if isinstance(delta, Finished):
            self._deeds.expect()
            self._show_results(now)
        self._deeds.work(now)

    def voiced(self, piece: Piece) -> None:
        now = self._clock()
        if piece.received:
            self._dialogue.mark("voice_first_audio", now)
        self._deeds.work(now)

    def _voicing(self, text: str) -> None:
        self._report.live("voice", text=text, source="model")

    def _judge(self, pcm: bytes) -> None:
        """The caller has fallen silent: what does the model make of it?"""
        self._spawn(self._sounded(pcm, self._turns.last_speech), "smart-turn")

    async def _sounded(self, pcm: bytes, last_speech: float) -> None:
        if self._smart_turn is None:
            return
        finished = await asyncio.to_thread(self._smart_turn.finished, pcm)
        now = self._clock()
        if not self._turns.voice and self._turns.last_speech == last_speech:
            self._turns.sounded(log_odds(finished), now)
            self._deeds.work(now)

    def _ask_who_answered(self, text: str) -> None:
        self._spawn(self._second_opinion(text), "second-opinion")

    async def _second_opinion(self, text: str) -> None:
        if (machine := await opinion(self._start, self._vendors, text)) is not None:
            self._answering.judged(machine, self._clock())

    # Vendors that fail

    def retrying(self, error: VendorError, after_s: float) -> None:
        self._failures.retrying(error, after_s, self._clock())

    def substituted(self, error: VendorError, by: str) -> None:
        self._failures.substituted(error, by, self._clock())

    def mind_failed(self, error: VendorError) -> None:
        now = self._clock()
        if self._dialogue.early.running:  # that nobody has asked for; when it is, it is tried again
            self._dialogue.early.forget(now)
            return
        self._failures.mind(error, now)
        self._deeds.work(now)

    def ear_failed(self, error: VendorError) -> None:
        now = self._clock()
        self._failures.ear(error, now)
        self._deeds.work(now)

    def voice_failed(self, error: VendorError) -> None:
        now = self._clock()
        if spare := self._crew.spare_voice():
            self._mouth.voice = spare
        self._failures.voice(error, now, spared=spare is not None)
        self._deeds.work(now)
