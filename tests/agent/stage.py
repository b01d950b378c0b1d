"""A stage for an agent: a row with a media process played by hand, vendors of clay, and a clock
that only ``beat`` turns."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.agent.brief import Brief, Choice
from gateway.agent.messages import ActionResult, Start
from gateway.agent.smart_turn import TurnModel
from gateway.errors import Fault, VendorError
from gateway.media.lines import (
    BEAT_S,
    FRAME,
    PAUSE_HOLD,
    QUEUE,
    RING,
    SILENT,
    VOICED,
    Lines,
    Writer,
)
from gateway.simulate.clock import settle
from gateway.simulate.stage import Stage as Pipeline
from gateway.speech.contract import Called, Delta, Finished, Heard, Message, Said, Tool
from gateway.speech.remembered import Memory, Remembering

FRAMES_A_CHARACTER = 3  # how slowly the clay voice speaks: 60 ms a character


def offset(name: str) -> int:
    return list(map(str, range(10))).index(name) if name.isdigit() else "*#ABCD".index(name) + 10


class Media:
    """What the media process does to one row, one beat at a time."""

    def __init__(self, row: int = 1, capacity: int = 3) -> None:
        self.main = Lines.make(capacity)
        self.lines = Lines(os.dup(self.main.fd), capacity, Writer.MEDIA)
        self.agent = Lines(os.dup(self.main.fd), capacity, Writer.AGENT)
        self.row = row
        self.main.clear(row)
        self.main["live"][row] = 1
        self._speech = False

    def column(self, name: str) -> int:
        return int(self.lines[name][self.row])

    def set(self, name: str, value: float) -> None:
        self.lines[name][self.row] = value

    @property
    def paused(self) -> bool:
        return self.column("pauses") > self.column("resumed")

    def beat(self, now: float, speech: bool = False) -> bool:
        """One beat; True if a frame of the queue was said."""
        row, lines = self.row, self.lines
        taken = self.column("taken")
        if taken < self.column("drop_to"):
            self.set("skipped", self.column("skipped") + self.column("drop_to") - taken)
            taken = self.column("drop_to")
        onset, self._speech = speech and not self._speech, speech
        if onset and self.column("policy") == PAUSE_HOLD and self.column("written") > taken:
            self.set("pauses", self.column("pauses") + 1)
            self.set("paused_beat", self.column("beat"))
        says = self.column("written") > taken and not self.paused
        beat = self.column("beat")
        lines["heard"][row, beat % RING] = 1000 if speech else 0
        lines["speech"][row, beat % RING] = VOICED if speech else SILENT
        lines["said"][row, beat % RING] = lines["queue"][row, taken % QUEUE] if says else 0
        self.set("taken", taken + says)
        self.set("beat", beat + 1)
        self.set("beat_at", now)
        return says

    def press(self, digit: str) -> None:
        digits = self.column("digits")
        self.lines["digit"][self.row, digits % 32] = offset(digit)
        self.set("digits", digits + 1)

    def close(self) -> None:
        for lines in (self.agent, self.lines, self.main):
            lines.close()


@dataclass
class Clay:
    """What the vendors will do, and what was asked of them."""

    replies: list[list[Delta | Exception | asyncio.Event]] = field(default_factory=list)
    asked: list[list[Message]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)  # which one was asked, each time
    slow: Sequence[str] = ()  # models, or voices' vendors, that have been of late
    patience_s: float = 3.0
    unfit: Sequence[str] = ()  # vendors of models that cannot be had
    spoken: list[str] = field(default_factory=list)
    voice_errors: list[Exception] = field(default_factory=list)
    voice_stalls: bool = False
    memory: Memory | None = None  # of what the voice has said
    dead_voices: Sequence[str] = ()  # vendors of voices that refuse everything
    voice_waits: asyncio.Event | None = None
    voice_breaks_after: int | None = None  # bytes
    hearings: list["ClayHearing"] = field(default_factory=list)
    hearing_errors: list[Exception] = field(default_factory=list)
    expects: Sequence[str] = ()
    closed: list[str] = field(default_factory=list)
    spare: bool = True
    cancelled: int = 0

    def timeout_s(self, vendor: str) -> float:
        return self.patience_s

    def hearing(self, start: Start, choice: Choice) -> "ClayHearing":
        if self.hearing_errors:
            raise self.hearing_errors.pop(0)
        self.hearings.append(ClayHearing(self, choice.vendor))
        return self.hearings[-1]

    def thinking(self, start: Start, choice: Choice) -> "ClayThinking":
        if choice.vendor in self.unfit:
            raise VendorError(choice.vendor, Fault.AUTH, "no key")
        return ClayThinking(self, choice)

    def by_speed(self, choices: Sequence[Choice], part: str = "thinking") -> Sequence[Choice]:
        models = part == "thinking"
        return sorted(choices, key=lambda c: (c.model if models else c.vendor) in self.slow)

    def fast(self, start: Start) -> Choice | None:
        return Choice(vendor="clay", model="small")

    def speaking(self, start: Start, choice: Choice) -> "ClaySpeaking | Remembering":
        if choice.vendor in self.unfit:
            raise VendorError(choice.vendor, Fault.AUTH, "no key")
        voice = ClaySpeaking(self, choice.vendor)
        if self.memory is None:
            return voice
        return Remembering(voice, choice.vendor, self.memory)

    def remembers(self, choice: Choice) -> bool:
        return self.memory is not None

    def spare_voice(self, start: Start) -> "ClaySpeaking | None":
        return ClaySpeaking(self, "spare") if self.spare else None


class ClayHearing:
    def __init__(self, clay: Clay, vendor: str) -> None:
        self._clay = clay
        self.vendor = vendor
        self.frames = 0
        self.hints: list[str] = []
        self.expected: Sequence[str] = ()
        self.queue: asyncio.Queue[Heard | Exception] = asyncio.Queue()

    async def open(self) -> None: ...

    def hear(self, pcm: bytes) -> None:
        self.frames += len(pcm) // (2 * FRAME)

    def onset(self) -> None:
        self.hints.append("onset")

    def offset(self) -> None:
        self.hints.append("offset")

    def expect(self, phrases: Sequence[str]) -> None:
        self.expected = phrases

    async def events(self) -> AsyncIterator[Heard]:
        while True:
            event = await self.queue.get()
            if isinstance(event, Exception):
                raise event
            yield event

    async def close(self) -> None:
        self._clay.closed.append("hearing")


class ClayThinking:
    def __init__(self, clay: Clay, choice: Choice) -> None:
        self._clay = clay
        self.vendor = choice.vendor
        self._model = choice.model

    async def open(self) -> None: ...

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        self._clay.asked.append(list(messages))
        self._clay.models.append(self._model)
        script = self._clay.replies.pop(0) if self._clay.replies else []
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
            yield Finished("stop")
        except asyncio.CancelledError:
            self._clay.cancelled += 1
            raise

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return self._clay.expects

    async def close(self) -> None:
        self._clay.closed.append("thinking")


class ClaySpeaking:
    tags = ()

    def __init__(self, clay: Clay, vendor: str) -> None:
        self._clay = clay
        self.vendor = vendor

    async def open(self) -> None: ...

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        clay = self._clay
        if self.vendor in clay.dead_voices:
            raise VendorError(self.vendor, Fault.AUTH, "no key")
        if clay.voice_errors and self.vendor == "clay":
            raise clay.voice_errors.pop(0)
        if clay.voice_stalls and self.vendor == "clay":
            await asyncio.Event().wait()
        if clay.voice_waits:
            await clay.voice_waits.wait()
        clay.spoken.append(text)
        sound = np.full(len(text) * FRAMES_A_CHARACTER * FRAME, 500, np.int16).tobytes()
        if clay.voice_breaks_after is not None and self.vendor == "clay":
            yield sound[: clay.voice_breaks_after]
            clay.voice_breaks_after = None
            raise VendorError("clay", Fault.THEIRS, "cut off")
        for start in range(0, len(sound), 5000):  # no multiple of a frame
            yield sound[start : start + 5000]

    async def close(self) -> None:
        self._clay.closed.append(self.vendor)


class Stage(Pipeline):
    def __init__(
        self, clay: Clay | None = None, smart_turn: TurnModel | None = None, **brief: Any
    ) -> None:
        self.clay = clay or Clay()
        self.media = Media()
        self.now = 1000.0
        choice = Choice(vendor="clay")
        self.brief = Brief(
            **{
                "hearing": choice,
                "thinking": choice,
                "speaking": choice,
                "system": ({"role": "system", "content": "You are {{ who }}."},),
                "acknowledgements": ("uh-huh", "okay", "i see"),
                **brief,
            }
        )
        start = Start(call="c1", row=1, brief=self.brief, variables={"who": "Kim"})
        super().__init__(start, self.media.agent, self.clay, lambda: self.now, smart_turn)

    async def __aenter__(self) -> "Stage":
        self.begin()
        await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.agent.close()
        assert len(asyncio.all_tasks()) == 1, "a task was left behind"
        self.media.close()

    async def settle(self) -> None:
        await settle()

    async def beat(self, count: int = 1, speech: bool = False) -> int:
        """So many beats; returns how many frames the caller heard."""
        said = 0
        for _ in range(count):
            self.now += BEAT_S
            said += self.media.beat(self.now, speech)
            self.agent.beat(self.now)
            await self.settle()
        return said

    async def seconds(self, seconds: float, speech: bool = False) -> int:
        return await self.beat(round(seconds / BEAT_S), speech)

    async def until(self, state: str, limit_s: float = 60.0) -> float:
        """Beats until the machine is in ``state``; returns the seconds it took."""
        began = self.now
        while self.state != state:
            assert self.now - began < limit_s, f"still {self.state}, not {state}"
            await self.beat()
        return self.now - began

    async def says(self, text: str, final: bool = True, ended: bool = False) -> None:
        """The transcriber's words."""
        self.clay.hearings[-1].queue.put_nowait(Heard(text, final, ended))
        await self.settle()

    async def turn(self, text: str, seconds: float = 0.6) -> None:
        """The caller speaks, and the transcriber knows it 100 ms later."""
        await self.seconds(seconds, speech=True)
        await self.seconds(0.1)
        await self.says(text)

    async def result(self, action: str, content: str, ok: bool = True) -> None:
        self.agent.receive(ActionResult(call="c1", action=action, ok=ok, content=content))
        await self.settle()


def say(text: str) -> list[Delta | Exception | asyncio.Event]:
    """A model's reply, word by word."""
    words = text.split(" ")
    return [Said(word + (" " if n < len(words) - 1 else "")) for n, word in enumerate(words)]


def call(name: str, arguments: str = "{}", called_id: str = "t1") -> Called:
    return Called(called_id, name, arguments)


THEIRS = VendorError("clay", Fault.THEIRS, "broken pipe")
AUTH = VendorError("clay", Fault.AUTH, "no key")
