"""The words that ``main`` and an agent process say to each other, over a unix socket.

Each message is one JSON object behind a four-byte big-endian length. The vocabulary is small on
purpose: an agent knows no SIP; it is given a row to hear and speak on, and asks for actions.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gateway.agent.brief import Brief, ToolBrief
from gateway.agent.plain import Plain
from gateway.agent.renewal import KeyWanted, NewKey


class Unsaid(Plain):
    """A sentence that was being said, or still to be said, at a checkpoint."""

    text: str
    start: int | None  # its first frame's place in the row's queue; None: it had not begun
    entry: int | None  # the message of the conversation that it belongs to; None: a filler
    whole: bool  # all of it is in the queue


class Limits(Plain):
    """How much a model is shown, in characters; some four make a token."""

    conversation: int = 200_000
    result: int = 20_000  # one tool's


class Checkpoint(Plain):
    """Where a conversation stands: enough for another process to go on with it."""

    conversation: tuple[dict[str, Any], ...] = ()  # speech.contract.Message as dicts
    greeted: bool = False
    started_at: float = 0.0  # monotonic seconds: when the agent first had the line
    turns: int = 0
    saying: tuple[Unsaid, ...] = ()
    conclude: str = ""  # what is being said is the last, for this reason
    writing: int | None = None  # the message of the conversation that the model was still writing
    fired: tuple[int, ...] = ()  # how often each of the brief's hooks has


# main to agent


class Start(Plain):
    """Hold this call. ``resumed`` is where a process that died had got to. While it is
    ``ringing``, the agent only gets ready, and begins at ``Answered``."""

    type: Literal["start"] = "start"
    call: str
    row: int
    brief: Brief
    variables: dict[str, Any] = Field(default_factory=dict)
    resumed: Checkpoint | None = None
    limits: Limits = Limits()
    ringing: bool = False
    away: bool = False  # see ``Away``
    # Of an agent that takes over from another in the same call:
    part: int = 0  # how many held it before
    history: tuple[dict[str, Any], ...] = ()  # what it knows of the conversation so far
    rolling: bool = False  # its instructions come after that, not before
    turns: int = 0  # of the caller, so far


class Answered(Plain):
    """The call of a ``Start`` that was ``ringing`` is through."""

    type: Literal["answered"] = "answered"
    call: str


class Digit(Plain):
    """A key the caller pressed that did not come by RTP (SIP INFO)."""

    type: Literal["digit"] = "digit"
    call: str
    digit: str


class ActionResult(Plain):
    """How an action went. ``content`` is what the model is told."""

    type: Literal["action_result"] = "action_result"
    call: str
    action: str
    ok: bool
    content: str


class Offer(Plain):
    """Tools that the model may call from now on, beside the brief's."""

    type: Literal["offer"] = "offer"
    call: str
    tools: tuple[ToolBrief, ...]


class Know(Plain):
    """Variables that the call has from now on."""

    type: Literal["know"] = "know"
    call: str
    variables: dict[str, Any]


class Say(Plain):
    """Say this to the caller now, from outside the conversation."""

    type: Literal["say"] = "say"
    call: str
    text: str
    then_end: bool = False
    aside: bool = False  # to somebody else: it is no part of the conversation with the caller
    interrupt: bool = False  # what is being said is dropped
    firm: bool = False  # the caller cannot interrupt it


class Away(Plain):
    """The caller is elsewhere, on hold say: heed nothing that the line brings, until ``away`` is
    false. What is to be said is still said, to whoever the agent is heard by."""

    type: Literal["away"] = "away"
    call: str
    away: bool


class Summarise(Plain):
    """Have the model sum the conversation up, by these instructions; answered by ``Summary``."""

    type: Literal["summarise"] = "summarise"
    call: str
    messages: tuple[dict[str, str], ...]  # role and content; empty: the usual instructions


class Add(Plain):
    """These become part of the conversation; ``answer``: and the model is to say something."""

    type: Literal["add"] = "add"
    call: str
    messages: tuple[dict[str, Any], ...]  # role and content
    answer: bool = False


class Follow(Plain):
    """From now on, tell these kinds of ``Live``."""

    type: Literal["follow"] = "follow"
    call: str
    live: tuple[str, ...]


class Extract(Plain):
    """Have the model take facts out of the conversation; answered by ``Extracted``."""

    type: Literal["extract"] = "extract"
    call: str
    schema_: dict[str, Any]


class Become(Plain):
    """Another agent takes the call over when the present one has finished what it is saying;
    answered by ``Became``."""

    type: Literal["become"] = "become"
    call: str
    start: Start


class Advice(Plain):
    """How long to wait for the caller to go on, as a ``Consult`` asked; None: nobody knows."""

    type: Literal["advice"] = "advice"
    call: str
    question: int
    wait_s: float | None


class Stop(Plain):
    """The call is over. The agent tidies up and answers with ``Stopped``."""

    type: Literal["stop"] = "stop"
    call: str


# main to the process


class Setup(Plain):
    """What an agent process is told first. Descriptors are those of the child; the vendors'
    secrets come this way because the command line is everybody's to read."""

    type: Literal["setup"] = "setup"
    lines: int
    capacity: int
    wakes: tuple[int, ...]  # an eventfd for each process
    limits: Limits = Limits()
    vendors: dict[str, dict[str, Any]]  # speech.settings.VendorSettings, secrets and all
    voice_cache_bytes: int = 0
    allowed: tuple[str, ...] = ()  # networks of [fence], for servers that assistants name
    log: dict[str, Any]
    smart_turn: str = ""  # the path of its model


class Adopt(Plain):
    """From now on, be the agent process of this number; until then it is a spare."""

    type: Literal["adopt"] = "adopt"
    index: int


# the process to main


class Ready(Plain):
    """Everything is loaded."""

    type: Literal["ready"] = "ready"
    pid: int


class Alive(Plain):
    """Its loop turns, and how well. A process that is silent for long hangs, and is replaced."""

    type: Literal["alive"] = "alive"
    cpu: float = 0.0  # share of a core, since the last one
    lag_s: float = 0.0  # how late the loop came to what was due, on average


class Recalled(Plain):
    """A voice was asked for a text whose sound was known, or was not."""

    type: Literal["recalled"] = "recalled"
    known: bool


# agent to main


class Action(Plain):
    """Do this on the phone, or call this webhook; answered by one ``ActionResult``."""

    type: Literal["action"] = "action"
    call: str
    action: str  # an id
    tool: str  # ToolBrief.name
    kind: str  # ToolBrief.kind
    arguments: dict[str, Any] = Field(default_factory=dict)


class Consult(Plain):
    """The owner's server is to say how long to wait; answered by one ``Advice``."""

    type: Literal["consult"] = "consult"
    call: str
    question: int
    conversation: tuple[dict[str, Any], ...]  # as a Checkpoint's, with what is being said


class Summary(Plain):
    """Empty if the model could not."""

    type: Literal["summary"] = "summary"
    call: str
    text: str


class Extracted(Plain):
    """Empty if there was nothing, or the model failed."""

    type: Literal["extracted"] = "extracted"
    call: str
    values: dict[str, Any]


class Became(Plain):
    """The next agent has the call; or, with an ``error``, the old one still has."""

    type: Literal["became"] = "became"
    call: str
    part: int
    error: str = ""


class Spoken(Plain):
    """One entry of the transcript. Times are monotonic seconds, of sound on the line."""

    type: Literal["spoken"] = "spoken"
    call: str
    role: Literal["assistant", "user", "tool_call", "tool_result", "system"]
    text: str  # of the assistant: what was really played
    began_at: float
    ended_at: float
    interrupted: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)


class TurnTimings(Plain):
    """Where a turn's milliseconds went: contiguous, in order, summing to ``total_ms``, which runs
    from the caller's last frame of speech to the agent's first frame on the wire."""

    type: Literal["turn_timings"] = "turn_timings"
    call: str
    turn: int
    began_at: float = 0.0  # monotonic seconds: the caller's last frame of speech
    total_ms: float
    segments: tuple[tuple[str, float], ...]  # (name, ms); see agent.timings
    own_ms: float  # the gateway's own share: total less the set wait and the vendors' time
    vendors: dict[str, str] = Field(default_factory=dict)  # who did the parts: agent.timings.PARTS


class Used(Plain):
    """One request to a vendor is over, however it ended, or a transcriber has heard more sound.
    What the vendor bills is here, also for a reply that was thrown away."""

    type: Literal["used"] = "used"
    call: str
    part: Literal["hearing", "thinking", "speaking"]
    vendor: str
    model: str = ""
    began_at: float  # monotonic seconds
    ended_at: float
    first_at: float | None = None  # when its first token or sound came
    finish: str = ""  # the model's reason to finish; a whole sound's is "stop"; empty: cut short
    fault: str = ""  # a value of gateway.errors.Fault, if it failed
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0  # of those in
    estimated: bool = False  # the vendor gave no count of tokens, they are made of characters
    characters: int = 0  # given to a voice
    seconds: float = 0.0  # of sound: heard or made


class Happened(Plain):
    """Something for the call's log: barge_in, false_alarm, digit, vendor_error, retry, …"""

    type: Literal["happened"] = "happened"
    call: str
    what: str
    at: float  # monotonic seconds
    facts: dict[str, Any] = Field(default_factory=dict)


class Live(Plain):
    """Something that only matters to who follows the call as it goes; it is not kept.
    ``partial``: text so far of the caller, confidence. ``speech``: role, status started or
    stopped. ``model``: output. ``voice``: text that goes to the voice, source. All: turn."""

    type: Literal["live"] = "live"
    call: str
    what: Literal["partial", "speech", "model", "voice"]
    facts: dict[str, Any] = Field(default_factory=dict)


class Progress(Plain):
    """A checkpoint, sent after each change of the conversation."""

    type: Literal["progress"] = "progress"
    call: str
    checkpoint: Checkpoint
    part: int = 0  # whose: Start.part


class HangUp(Plain):
    """The agent wishes the call to end; everything it had to say has been played."""

    type: Literal["hang_up"] = "hang_up"
    call: str
    reason: str  # a value of gateway.reasons
    detail: str = ""


class Stopped(Plain):
    """The agent has let go of the row; nothing of this call is left in its process."""

    type: Literal["stopped"] = "stopped"
    call: str


ToAgent = (
    Start | Answered | Digit | ActionResult | Offer | Know | Say | Away | Summarise | Add | Follow
    | Extract | Become | Advice | NewKey | Stop
)  # fmt: skip
FromAgent = (
    Action | Consult | KeyWanted | Summary | Extracted | Became | Spoken | TurnTimings | Used
    | Happened | Live | Progress | HangUp | Stopped
)  # fmt: skip
ToProcess = ToAgent | Setup | Adopt
FromProcess = FromAgent | Ready | Alive | Recalled

TO_PROCESS: TypeAdapter[ToProcess] = TypeAdapter(Annotated[ToProcess, Field(discriminator="type")])
FROM_PROCESS: TypeAdapter[FromProcess] = TypeAdapter(
    Annotated[FromProcess, Field(discriminator="type")]
)
