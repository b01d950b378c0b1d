"""What is remembered of a call: plain data, complete while it runs and after it ended."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.archive.bucket import Stored
from gateway.calls.destination import Attempted

# What facts of events are somebody's words, or keys they pressed.
SAID = frozenset({"heard", "words", "content", "digit"})


class Status(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    FORWARDING = "forwarding"  # a transfer is under way, or two parties talk without the agent
    ENDED = "ended"


class Line(BaseModel):
    """One entry of the transcript; seconds since the call was answered."""

    role: Literal["assistant", "user", "tool_call", "tool_result", "system"]
    text: str
    at: datetime
    began_s: float
    ended_s: float
    interrupted: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)


class Event(BaseModel):
    """One thing that happened, for the person who asks why."""

    at: datetime
    what: str
    facts: dict[str, Any] = Field(default_factory=dict)


class Turn(BaseModel):
    """Where a turn's milliseconds went; the segments sum to ``total_ms``."""

    number: int
    total_ms: float
    own_ms: float
    segments: list[tuple[str, float]]
    vendors: dict[str, str] = Field(default_factory=dict)  # who heard, thought and spoke


class Usage(BaseModel):
    """What one vendor, with one model, did for the call; its replies that were thrown away, too."""

    part: Literal["hearing", "thinking", "speaking", "analysis"]
    vendor: str
    model: str = ""  # empty: the vendor's usual one
    answers: str = ""  # of an analysis: which part of it
    requests: int = 0
    failed: int = 0  # of the requests
    thrown_away: int = 0  # of the requests: cut short because the caller went on
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0  # of those in
    tokens_estimated: int = 0  # of all: their vendor gave no count
    characters: int = 0  # given to a voice
    seconds: float = 0.0  # of sound, heard or made
    cost: float | None = None  # once the call has ended; None: no price is known


class Sound(BaseModel):
    """What the media process counted (RFC 3550 terms)."""

    codec: str = ""
    srtp: str | None = None  # the suite; None: in the clear
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    packets_forged: int = 0  # that no agreed SRTP key opens
    frames_concealed: int = 0
    jitter_ms: float = 0.0
    mos: float | None = None  # of what the peer said, as heard here: 1 to 4.5 (G.107)
    # What the peer's RTCP told; None: it told nothing.
    round_trip_ms: float | None = None
    far_lost: int | None = None
    far_jitter_ms: float | None = None
    far_mos: float | None = None  # of what we said, as heard there


class Taken(BaseModel):
    """A message that the caller left with the agent."""

    action: str  # the id of the tool's call
    path: str  # below the state directory
    at: datetime
    seconds: float = 0.0
    ended_by: str = ""


class RecordingConsent(BaseModel):
    """The party was asked whether the call may be recorded; without ``granted_at`` it is not."""

    type: Literal["stay-on-line", "verbal"]
    granted_at: datetime | None = None


class Party(BaseModel):
    """Who is at the other end, as signalled."""

    uri: str = ""
    number: str = ""
    name: str = ""


class Activation(BaseModel):
    """From when on which assistant held the call."""

    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    name: str = ""
    assistant_id: str | None = None


class CallRecord(BaseModel):
    id: str
    org_id: str = ""  # the organisation whose call it is; empty: the operator's
    keeper: str = ""  # the gateway whose call it is, of several that share a database
    direction: Literal["inbound", "outbound"]
    status: Status = Status.QUEUED
    assistant_id: str | None = None
    assistant: dict[str, Any] | None = None  # the API's own JSON, if it was given with the call
    squad_id: str | None = None
    phone_number_id: str | None = None
    name: str | None = None
    customer: Party = Field(default_factory=Party)
    waiting: bool = False  # it is not dialled yet: for its time, or for room
    earliest_at: datetime | None = None
    latest_at: datetime | None = None
    dialled: str = ""  # the SIP user or number that was called
    sip_call_id: str = ""
    sip_status: int | None = None  # the final status that ended or refused it
    variables: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None
    analysis: dict[str, Any] = Field(default_factory=dict)  # the API's own JSON
    outputs: dict[str, Any] = Field(default_factory=dict)  # as well: what else was found out
    storable: list[str] = Field(default_factory=list)  # outputs kept of a discreet call, too
    ended_detail: str = ""  # one sentence for the operator
    activations: list[Activation] = Field(default_factory=list)
    transcript: list[Line] = Field(default_factory=list)
    turns: list[Turn] = Field(default_factory=list)
    events: list[Event] = Field(default_factory=list)
    trunk: str = ""  # that it came or went by; empty: by none
    usage: list[Usage] = Field(default_factory=list)
    transport_cost: float = 0.0  # the trunk's minutes; in the currency of the prices, as all costs
    destination: dict[str, Any] | None = None  # of the last transfer, in the API's own JSON
    transfers: list[Attempted] = Field(default_factory=list)
    sound: Sound = Field(default_factory=Sound)
    taken: list[Taken] = Field(default_factory=list)
    recording: str | None = None  # path below the state directory, stereo: caller left, agent right
    stored: Stored | None = None  # where it lies in a bucket, each party for itself, too
    consent: RecordingConsent | None = None  # None: nobody was asked
    link_secret: str = ""  # what links to what it leaves are signed with
    capture: str | None = None  # path below the state directory: the SIP messages, as pcap
    discreet: bool = False  # nothing that was said may be stored

    def kept(self) -> dict[str, Any]:
        """As JSON, to be stored: of a discreet call without what was said, pressed or found out,
        but for the outputs that are ``storable``."""
        if not self.discreet:
            return self.model_dump(mode="json")
        said = {"transcript", "variables", "analysis", "outputs"}
        kept = self.model_dump(mode="json", exclude=said)
        outputs = self.outputs.get("structuredOutputs", {}).items()
        if wanted := {name: output for name, output in outputs if name in self.storable}:
            kept["outputs"] = {"structuredOutputs": wanted}
        for event in kept["events"]:
            event["facts"] = {n: v for n, v in event["facts"].items() if n not in SAID}
        return kept

    @property
    def minutes(self) -> float:
        """From the answer to the end."""
        if not (self.answered_at and self.ended_at):
            return 0.0
        return (self.ended_at - self.answered_at).total_seconds() / 60

    @property
    def cost(self) -> float:
        """Of everything that has a price."""
        return round(self.transport_cost + sum(usage.cost or 0.0 for usage in self.usage), 6)
