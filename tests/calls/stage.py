"""A call and everything around it, with a leg and agents that only remember what they were told."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from gateway.agent.brief import Brief, Choice, ToolBrief
from gateway.agent.messages import FromAgent, Start, ToAgent
from gateway.agent.pool import Agents
from gateway.calls.call import Call
from gateway.calls.errand import Errand
from gateway.calls.leg import Answer, Headers
from gateway.calls.ports import Findings, ToolReply
from gateway.calls.record import CallRecord, Sound, Status
from gateway.calls.second_leg import Reach
from gateway.calls.surroundings import Surroundings
from gateway.media.line import Symptoms
from gateway.tasks import Tasks


class FakeAgents:
    def __init__(self) -> None:
        self.told: list[ToAgent] = []
        self.listener: Callable[[FromAgent], None] = lambda message: None
        self.stopped: list[str] = []

    def begin(self, index: int, start: Start, on_message: Callable[[FromAgent], None]) -> None:
        self.told.append(start)
        self.listener = on_message

    def send(self, call: str, message: ToAgent) -> None:
        self.told.append(message)

    async def stop(self, call: str) -> None:
        self.stopped.append(call)


class FakeLeg:
    row = 3

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.recorded = ""
        self.hung_up: list[str] = []
        self.closed = False

    def hang_up(self, detail: str, headers: Headers = ()) -> None:
        self.hung_up.append(detail)

    async def dial(self, digits: str, *, by_info: bool = False) -> None:
        self.dialled.append(digits)

    recording_lost: str | None = None

    denoised = 0

    def denoise(self) -> str | None:
        self.denoised += 1
        return "there is no library"

    def record(self, path: Path) -> None:
        self.recorded = str(path)

    paused = False

    def pause_recording(self, paused: bool) -> bool:
        changed, self.paused = self.paused != paused, paused
        return changed

    def sound(self) -> Sound:
        return Sound(packets_received=7)

    def symptoms(self) -> Symptoms:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


class FakeTools:
    reply = ToolReply(ok=True, content="sunny")
    wait_s: float | None = 0.7

    def __init__(self) -> None:
        self.called: list[tuple[str, dict[str, Any]]] = []

    async def call(self, errand: Errand) -> ToolReply:
        self.called.append((errand.tool.name, errand.arguments))
        return self.reply

    async def analyse(self, *args: Any) -> Findings:
        return Findings()

    rejects = ""

    def rejected(self, *args: Any) -> str:
        return self.rejects

    async def discover(self, *args: Any) -> tuple[Any, ...]:
        return ()

    async def advise(self, *args: Any) -> float | None:
        return self.wait_s

    async def key(self, plan: str, org_id: str, refused: bool) -> tuple[str, float]:
        return f"{plan} of {org_id}, {refused=}", 7.0


BRIEF = Brief(
    hearing=Choice(vendor="embedded"),
    thinking=Choice(vendor="script"),
    speaking=Choice(vendor="embedded"),
    tools=(
        ToolBrief(kind="dtmf", name="press"),
        ToolBrief(kind="function", name="weather"),
    ),
)


class FakeTexts:
    by_trunk = False
    answer: Answer | Exception = Answer(202, "Accepted", b"")

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def takes(self, caller: object, to: str) -> bool:
        return self.by_trunk

    async def send(self, caller: object, to: str, text: str) -> Answer:
        self.sent.append((to, text))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Scene:
    """A call and everything around it."""

    def __init__(self, brief: Brief | None = BRIEF, direction: str = "inbound") -> None:
        self.agents = FakeAgents()
        self.leg = FakeLeg()
        self.tools = FakeTools()
        self.tasks = Tasks()
        self.texts = FakeTexts()
        self.statuses: list[Status] = []
        self.backgrounds: list[str] = []
        self.files: list[tuple[str, bool]] = []  # and whether aloud
        self.played = asyncio.Event()
        self.kept: list[tuple[str | None, str | None]] = []
        self.over = asyncio.Event()
        self.followed: list[FromAgent] = []
        self.reach = cast(Reach, None)
        self.call = Call(
            CallRecord(id="c1", direction=cast(Any, direction), dialled="demo"),
            brief,
            {},
            0,
            60.0,
            self.leg,
            Surroundings(
                cast(Agents, self.agents),
                self.tools,
                self.tasks,
                Path("/state"),
                lambda call: self.statuses.append(call.record.status),
                lambda call: self.over.set(),
                lambda call, message: self.followed.append(message),
                self.keep,
                self.background,
                self.reach,
                self.texts,
                self.play_file,
            ),
        )

    async def play_file(self, leg: object, url: str, aloud: bool) -> bool:
        self.files.append((url, aloud))
        return url.endswith(".wav")

    async def background(self, leg: object, name: str) -> None:
        self.backgrounds.append(name)
        self.played.set()

    async def keep(self, record: CallRecord, form: str | None) -> None:
        self.kept.append((record.recording, form))

    async def finished(self) -> CallRecord:
        async with asyncio.timeout(5):
            await self.over.wait()
        return self.call.record
