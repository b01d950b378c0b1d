"""The agent's side of the conversation: what the model is asked, what it says, what of that the
caller heard, and the tools it calls. Whose turn it is, is decided elsewhere.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.context import fitted, shortened
from gateway.agent.conversation import KEYPAD, Conversation, Entry
from gateway.agent.early import Early
from gateway.agent.handing import opening
from gateway.agent.lookup import Lookup
from gateway.agent.messages import Checkpoint, Start
from gateway.agent.mind import Mind
from gateway.agent.mouth import Mouth, Uttered
from gateway.agent.report import Report
from gateway.agent.timings import Timings
from gateway.agent.tools import BadCall, Begin, Filler, TimedOut, Tools
from gateway.agent.words import contains
from gateway.errors import Fault, VendorError
from gateway.reasons import Ended
from gateway.speech.contract import Called, Finished, Message, Said

LATE_S = 3.0  # of silence of the model, after which whoever follows the call is told
STARTED = "It has been started; its result will not be waited for."
ROUNDS = 10  # replies in a row that only call tools; more is a model running in circles


@dataclass(frozen=True)
class MessageWish:
    """The model wants to leave a message and hang up; empty: the assistant's own."""

    message: str
    wait: bool  # for the beep


class Dialogue:
    """``fill`` puts the call's variables into a text."""

    def __init__(
        self,
        start: Start,
        fill: Callable[[str], str],
        mind: Mind,
        mouth: Mouth,
        report: Report,
        now: float,
    ) -> None:
        resumed = start.resumed
        self.conversation = Conversation(resumed.conversation if resumed else opening(start, fill))
        self.greeted = resumed.greeted if resumed else False
        self.started_at = resumed.started_at if resumed else now
        self.turn = resumed.turns if resumed else start.turns
        # What is being said is the last, for this reason.
        self.conclude = resumed.conclude if resumed else ""
        self.fired = list(resumed.fired) if resumed else []  # how often each hook has
        self.model_failures = 0  # in a row
        self._end_phrases = start.brief.end_phrases
        self._fast_turns = start.brief.fast_turns
        self._limits = start.limits
        self._fill = fill
        self._mind = mind
        self._mouth = mouth
        self._report = report
        self._tools = Tools(start.brief.tools, start.brief.hook_tools)
        self._tools.resume(self.conversation.waiting, now)
        self._entry: Entry | None = None  # the message the model is writing
        self._timings: Timings | None = None  # of the turn whose first frame is not out yet
        self._rounds = 0
        self._lookup = Lookup(start.brief.knowledge)
        self.message_wish: MessageWish | None = None
        self._prompts: list[Message] = []  # for the next request alone
        self._asked_at = now  # the model
        self._late = False  # its silence has been told
        self.early = Early(mind, report)
        self._speechless = False  # the model's answer was to say nothing
        if resumed:
            mouth.resume(resumed.saying, self.conversation)
            # One that has called tools goes on when they are done, not by being asked again.
            if resumed.writing is not None and not self.conversation.waiting:
                self._entry = self.conversation.at(resumed.writing)
                pieces = (p.text for p in resumed.saying if p.entry == resumed.writing)
                self._entry.content = "".join(pieces)

    @property
    def thinking(self) -> bool:
        """The model is at work on what it was asked, or is about to be."""
        return (self._mind.running and not self.early.running) or bool(self._lookup.running)

    @property
    def waiting(self) -> bool:
        """A tool is."""
        return self._tools.running

    @property
    def taking(self) -> str:
        """The call of the tool that takes a message from the caller, while it does."""
        return self._tools.under_way("takeMessage")

    @property
    def results_due(self) -> bool:
        """The model is silent and every tool done: it is to be shown the results."""
        unseen = self.conversation.unseen
        return unseen and not (self.thinking or self.waiting or self.conclude)

    @property
    def owes_reply(self) -> bool:
        """The model has yet to answer something."""
        owed = self.conversation.owes_reply and not self._speechless
        return owed or (bool(self._prompts) and not self.waiting)

    @property
    def silent_since(self) -> float | None:
        """When the model was asked that has not begun to answer yet."""
        return self._asked_at if self.thinking and self._entry is None else None

    @property
    def last_said(self) -> str:
        """The agent's last message."""
        return self.conversation.last_said

    def offer(self, briefs: Sequence[ToolBrief]) -> None:
        """Tools that the model may call from now on, too."""
        self._tools.offer(briefs)

    def with_caller(self, text: str) -> tuple[dict[str, Any], ...]:
        """The conversation as it would be if the caller had finished now."""
        return (*self.conversation.plain(), {"role": "user", "content": text})

    def say(self, text: str) -> None:
        """Say this as the assistant, outside of what the model writes."""
        text = self._fill(text)
        if text.strip():
            self._mouth.say(text, self.conversation.assistant(text))
            self.progress()

    def say_aside(self, text: str) -> None:
        """Say this before what comes next; it is no part of the conversation."""
        self._mouth.say(self._fill(text))

    def prompt(self, messages: Iterable[Mapping[str, str]]) -> None:
        """Have the model say something by these instructions, when it is asked next."""
        self._prompts += self._messages(messages)

    def add(self, messages: Iterable[Mapping[str, str]]) -> None:
        """Messages that become part of the conversation."""
        for message in self._messages(messages):
            self.conversation.add(message)
        self.progress()

    def _messages(self, messages: Iterable[Mapping[str, str]]) -> list[Message]:
        return [Message.of(message, self._fill(message["content"])) for message in messages]

    def call(self, tool: str, arguments: dict[str, Any], now: float) -> None:
        """Call a tool although the model did not."""
        entry = self.conversation.assistant()
        self._call(entry, Called("hook", tool, json.dumps(arguments)), now)
        self.progress()

    def turn_of_caller(self, text: str, keys: str, timings: Timings) -> None:
        """The caller has said and typed this; both may be empty if nothing was understood."""
        self.turn += 1
        self._report.turn = self.turn
        self._rounds = 0
        self._timings = timings
        if text or not keys:
            self.conversation.user(text)
        if keys:
            self.conversation.user(KEYPAD + keys)

    def ask(self, now: float) -> None:
        """Ask the model for the next message. Raises VendorError if it runs in circles."""
        self.mark("tool", now)
        self._rounds += 1
        self._entry = None
        self._speechless = False
        if self._rounds > ROUNDS:
            detail = f"{ROUNDS} replies in a row only called tools"
            raise VendorError(self._mind.thinking.vendor, Fault.THEIRS, detail)
        if self._lookup.wanted(self.turn):
            self._asked_at, self._late = now, False
            self._lookup.begin(self.turn, self.conversation.plain(), self._report, now)
            self.progress()
            return
        last = self.conversation.messages()[-1:]
        user = bool(last) and last[0].role == "user" and not self._prompts
        said = last[0].content if user else ""
        if (held := self.early.take(said, now)) is None:
            self._think(now)
            return
        self._asked_at, self._late = now, False
        for delta in held:
            self.thought(delta, now)
        self.progress()

    def ask_early(self, text: str, now: float) -> None:
        """Have the model begin to answer what may be all that the caller says."""
        busy = self.thinking or self.waiting or self.results_due or self.conclude or self._prompts
        if not busy and self._lookup.base is None and self.early.wanted(text, now):
            messages = [*self.conversation.shown(but=None), Message("user", text)]
            messages = fitted(messages, self._limits.conversation)
            fast = self.turn < self._fast_turns  # it will be the next one
            self.early.begin(text, messages, self._tools.offered, now, fast)

    def _known(self, content: str, now: float) -> None:
        """What the knowledge base answers."""
        say, told = self._lookup.answered(content)
        self._prompts += [Message("system", told)] if told and not say else []
        self.say(say) if say else self._think(now)

    def go_on(self, now: float) -> None:
        """Have the reply finished that the model was writing when another process died."""
        if self._entry:
            self._think(now)

    def _think(self, now: float) -> None:
        self._asked_at = now
        self._late = False
        self._mind.ask(
            fitted(
                [*self.conversation.shown(but=self._entry), *self._prompts],
                self._limits.conversation,
            ),
            self._tools.offered,
            now,
            self._stays,
            fast=self.turn <= self._fast_turns,
        )
        self._prompts.clear()
        self.progress()

    def _stays(self) -> str:
        """What there is of the reply, of which the model is asked for the rest: its sentences."""
        if self._entry is None:
            return ""
        unfinished = self._mouth.forget_unfinished()
        self._entry.content = self._entry.content.removesuffix(unfinished)
        return self._entry.content.strip()

    def thought(self, delta: Said | Called | Finished, now: float) -> None:
        """A piece of the model's message."""
        if self.early.hold(delta):
            return
        self.mark("model_first_token", now)
        if isinstance(delta, Finished):
            self._finished(now)
            return
        if self._entry is None:
            self._entry = self.conversation.assistant()
        if isinstance(delta, Called):
            function = {"name": delta.name, "arguments": delta.arguments}
            self._report.live(
                "model", output=[{"id": delta.id, "type": "function", "function": function}]
            )
            self._call(self._entry, delta, now)
            return
        self._report.live("model", output=delta.text)
        self._entry.content += delta.text
        if self._mouth.stream(delta.text, self._entry):
            self.mark("first_sentence", now)

    def _finished(self, now: float) -> None:
        self.model_failures = 0
        entry, self._entry = self._entry, None
        self._speechless = entry is None or not (entry.content.strip() or entry.tool_calls)
        if entry:
            self.conversation.forget_if_empty(entry)
            if self._mouth.finish():
                self.mark("first_sentence", now)
            if not self.conclude and contains(entry.content, self._end_phrases):
                self.conclude = Ended.ASSISTANT_SAID_END_CALL_PHRASE
        self.progress()

    def _call(self, entry: Entry, called: Called, now: float) -> None:
        called = self.conversation.called(entry, called)
        self._report.tool("tool_call", called.arguments, now, id=called.id, name=called.name)
        try:
            brief, arguments = self._tools.check(called)
        except BadCall as error:
            self.result(called.id, False, str(error), now)
            return
        if brief.kind == "endCall":
            self.result(called.id, True, "The call ends.", now)
            self.conclude = Ended.ASSISTANT_ENDED_CALL
            return
        if brief.kind == "voicemail":
            first = self._tools.opening(called.id, brief, arguments, False)
            wait = bool(brief.written.get("beepDetectionEnabled"))
            self.message_wish = MessageWish(first.content if first else "", wait)
            self.result(called.id, True, "A message is left, and then the call ends.", now)
            return
        said = bool(entry.content.strip())
        self.progress()  # first: whoever takes over after that does not call it again
        if not brief.wait:
            if opening := self._tools.opening(called.id, brief, arguments, said):
                self._mouth.say(self._fill(opening.content))
            self._report.action(called.id, brief.name, brief.kind, arguments)
            self.result(called.id, True, STARTED, now)
        elif self._tools.start(called.id, brief, arguments, now, said):
            self._report.action(called.id, brief.name, brief.kind, arguments)

    def result(self, called_id: str, ok: bool, content: str, now: float) -> None:
        """How a tool went. One that nobody waits for any more is only noted."""
        if called_id == self._lookup.running:
            self._known(content if ok else "", now)
            return
        message = self._tools.finish(called_id, ok)
        content = shortened(content, self._limits.result)
        if not self.conversation.result(called_id, content):
            self._report.happened("late_result", now, action=called_id, ok=ok, content=content)
            return
        self._report.tool("tool_result", content, now, id=called_id, ok=ok)
        if message and message.to_model:
            self.conversation.add(Message("system", self._fill(message.content)))
        elif message and not self._mouth.callers_turn:
            self.conversation.unseen = False  # this is the reply to it
            if message.end_call:
                self.conclude = Ended.ASSISTANT_ENDED_CALL
            self.say(message.content)
        self.progress()

    def beat(self, now: float) -> None:
        """Keep the caller company while tools run; wait for none too long."""
        self._mind.beat(now)
        if self._lookup.overdue(now):
            self._known("", now)
        for due in self._tools.beat(now, not self._mouth.playing) if self.waiting else ():
            match due:
                case TimedOut():
                    self.result(due.id, False, due.content, now)
                case Begin():
                    self._report.action(due.id, due.brief.name, due.brief.kind, due.arguments)
                case Filler() if not self._mouth.callers_turn:
                    self._mouth.say(self._fill(due.text))
        if self._mouth.went_out():
            self._report.live("speech", role="assistant", status="started")
            if self._timings:
                self.mark("wire", self._mouth.began_at or now)
                self._report.timings(self.turn, self._timings)
                self._timings = None
        if not self._late and (since := self.silent_since) and now > since + LATE_S:
            self._late = True
            self._report.happened("late", now, vendor=self._mind.thinking.vendor)

    def drop(self, now: float) -> Uttered | None:
        """Say and think nothing more of this; what was not heard was not said."""
        self.early.forget(now)
        self._mind.cancel()
        self._lookup.running = ""
        uttered = self._mouth.drop(now)
        if self._entry and (uttered is None or self._entry not in uttered.entries):
            self._entry.content = ""
            self.conversation.forget_if_empty(self._entry)
        self._entry = self._timings = None
        self.conclude = ""
        self._uttered(uttered, True)
        return uttered

    def close(self, now: float) -> None:
        """All of it has been said."""
        self._uttered(self._mouth.close(now), False)

    def _uttered(self, uttered: Uttered | None, interrupted: bool) -> None:
        if uttered is None:
            return
        for entry in uttered.entries:
            self.conversation.forget_if_empty(entry)
        if uttered.began_at < uttered.ended_at:
            self._report.live("speech", role="assistant", status="stopped")
        self.progress()  # first: who takes over after that does not say it again
        if uttered.text:
            self._report.agent_said(uttered, interrupted)

    def mark(self, segment: str, at: float) -> None:
        """A segment of the turn's timings ended."""
        if self._timings:
            self._timings.mark(segment, at)

    def expected(self) -> tuple[str, ...]:
        """What the dialogue expects the caller to say now."""
        return tuple(self._mind.thinking.expected(self.conversation.messages()))

    def progress(self) -> None:
        """Tell main where the conversation stands."""
        self._report.progress(
            Checkpoint(
                conversation=self.conversation.plain(),
                greeted=self.greeted,
                started_at=self.started_at,
                turns=self.turn,
                saying=self._mouth.saying(self.conversation),
                conclude=self.conclude,
                writing=self.conversation.index(self._entry) if self._entry else None,
                fired=tuple(self.fired),
            )
        )
