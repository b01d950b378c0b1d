"""A scenario, as its file says it: who calls, what is said when, how the vendors are, what must
come of it. The file's words are explained in ``docs/simulate.md``.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.simulate.health import How
from gateway.simulate.sounds import spoken
from gateway.speech.contract import Called

Part = Literal["hearing", "thinking", "speaking"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HearingManner(_Strict):
    """How a simulated transcriber is. ``late_ms`` behind the sound."""

    real: bool = Field(False, description="the vendor itself, not a simulation of it")
    open_ms: float = Field(50, ge=0)
    late_ms: float = Field(150, ge=0)
    jitter_ms: float = Field(0, ge=0)
    interims: bool = True
    ends_turns: bool = Field(False, description="it tells that the caller's turn is over")
    eager: bool = Field(False, description="and guesses so before, in half the time")


class ThinkingManner(_Strict):
    real: bool = False
    first_token_ms: float = Field(300, ge=0)
    token_ms: float = Field(15, ge=0)
    jitter_ms: float = Field(0, ge=0)


class SpeakingManner(_Strict):
    real: bool = False
    first_audio_ms: float = Field(120, ge=0)
    jitter_ms: float = Field(0, ge=0)


class Cast(_Strict):
    """Who plays the vendors."""

    hearing: HearingManner = HearingManner()
    thinking: ThinkingManner = ThinkingManner()
    speaking: SpeakingManner = SpeakingManner()

    @property
    def real(self) -> bool:
        """Someone is played by himself, so that time cannot be turned."""
        return self.hearing.real or self.thinking.real or self.speaking.real


class ToolCall(_Strict):
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Reply(_Strict):
    """What the simulated model says and calls. ``when``: words in what it is told last, the
    caller's or a tool's."""

    when: str = ""
    says: str = ""
    calls: tuple[ToolCall, ...] = ()

    def fits(self, last: str) -> bool:
        return bool(self.when) and f" {spoken(self.when)} " in f" {spoken(last)} "

    def called(self, number: int) -> Iterator[Called]:
        for at, call in enumerate(self.calls):
            yield Called(f"call-{number}-{at}", call.name, json.dumps(call.arguments))


class ToolResult(_Strict):
    """How a tool goes, when it is called."""

    result: str = ""
    after_s: float = Field(0, ge=0)
    ok: bool = True


class Outage(_Strict):
    """From ``at_s`` seconds after the call began, for ``for_s``, this vendor is so: all of it, or
    one ``part`` or ``model`` of it."""

    vendor: str
    part: Part | None = None
    model: str | None = None
    at_s: float = Field(0, ge=0)
    for_s: float = Field(1e9, gt=0)
    how: How = "dead"

    def hits(self, part: Part, vendor: str, model: str) -> bool:
        return vendor == self.vendor and self.part in (None, part) and self.model in (None, model)


class Caller(_Strict):
    """What the caller sounds like, and on what line. Levels are of the loudest 20 ms, in dBFS."""

    voice: str = "en-us"
    words_per_minute: int = Field(165, ge=80, le=450)
    level_db: float = Field(-20, le=0)
    noise_db: float | None = Field(None, le=0, description="behind it all the time")
    loss_percent: float = Field(0, ge=0, le=100, description="of packets, on the way in")


VERBS = ("say", "wait", "noise_s", "press", "hang_up", "answer_s", "silent_s", "talks_s",
         "stops_s", "finishes_s", "says", "heard", "tool", "happened", "ends")  # fmt: skip


class Step(_Strict):
    """One thing that the caller does, or that is expected of the agent. Exactly one of ``VERBS``;
    the rest belongs to it."""

    say: str | None = None
    heard_as: str | None = Field(None, description="what the transcriber makes of it")
    wait: float | None = None
    noise_s: float | None = Field(None, gt=0)
    level_db: float | None = Field(None, le=0, description="of say and noise_s")
    press: str | None = Field(None, pattern=r"^[0-9*#A-D]+$")
    hang_up: bool | None = None

    answer_s: float | None = None
    silent_s: float | None = None
    talks_s: float | None = None
    stops_s: float | None = None
    finishes_s: float | None = None
    says: str | None = None
    heard: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict, description="of tool; others may be")
    happened: str | None = None
    ends: str | None = None
    within_s: float = Field(30, gt=0, description="of tool, happened and ends")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if len(given := [verb for verb in VERBS if getattr(self, verb) is not None]) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a step has exactly one of {', '.join(VERBS)}; here: {found}")
        return self

    def __str__(self) -> str:
        return ", ".join(f"{k}: {v}" for k, v in self.model_dump(exclude_defaults=True).items())


class Expected(_Strict):
    """Of the whole call."""

    slowest_ms: float | None = Field(None, description="any turn: from speech's end to sound")
    median_ms: float | None = None
    own_ms: float | None = Field(None, description="our own share of any turn")
    barge_ins: int | None = Field(None, ge=0)
    cut_offs: int | None = Field(None, ge=0, description="how often the agent was too quick")
    ended: str | None = Field(None, description="the reason")


class Scenario(_Strict):
    """``assistant``: the API's JSON, or the path of a file of it beside the scenario's."""

    name: str
    assistant: dict[str, Any] | str
    variables: dict[str, Any] = Field(default_factory=dict)
    caller: Caller = Caller()
    vendors: Cast = Cast()
    replies: tuple[Reply, ...] = ()
    tools: dict[str, ToolResult] = Field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1)
    expect: Expected = Expected()


Kind = Literal["ok", "failed", "skipped"]
