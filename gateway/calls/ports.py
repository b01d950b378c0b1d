"""Where ``calls`` meets the API above it: protocols and the plain data that crosses them.

The API makes a :class:`Route` or an :class:`Order` out of its own JSON; ``calls`` holds the call
and knows only the brief. What the API must have again later (the resolved assistant, overrides,
whom to send webhooks to) travels as ``Papers``: ``calls`` never looks inside, hands them back with
every notice, and gives them to the store with the record: ``save(record.kept(), papers)``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from gateway.agent.brief import Brief, ToolBrief
from gateway.agent.handing import Context
from gateway.agent.messages import FromAgent
from gateway.calls.destination import Destination
from gateway.calls.errand import Errand
from gateway.calls.record import CallRecord, Party
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.calls.steering import Steering

Papers = dict[str, Any]  # JSON: the API's own papers on a call


class CallRefused(GatewayError):
    """The call cannot be placed, or not so; ``str()`` is one sentence for who asked."""

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason  # a value of gateway.reasons, if the call is to be recorded as ended


class OutOfOrder(CallRefused):
    """Not here and not now, and that is nobody's fault but ours: who asked is told 503 and
    Retry-After, so that a carrier tries another gateway. To a caller ``str()`` is not told."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whose a dialled user is, and who may call it."""

    org_id: str = ""
    phone_number_id: str | None = None
    papers: Papers = field(default_factory=dict)
    public: bool = True  # whether a stranger may call; otherwise only who comes by a trunk
    trunk: str = ""  # if set, only calls that come by this one
    login: "Login | None" = None  # who calls must prove to be this user


@dataclass(frozen=True, kw_only=True)
class Route(Reach):
    """Who answers an inbound call."""

    brief: Brief
    assistant_id: str | None = None
    assistant: dict[str, Any] | None = None  # for CallRecord.assistant: only if it is not stored
    squad_id: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)  # X- headers win over these
    last_words: str = ""  # if set, they are said and the call ends
    ends_as: str = ""  # the reason that a call has which its agent ends; empty: the agent's own
    chosen: dict[str, Any] = field(default_factory=dict)  # why just this one, for the record


@dataclass(frozen=True, kw_only=True)
class Forward:
    """The caller is sent elsewhere."""

    destination: Destination
    route: Route  # who has the call meanwhile
    reason: str


@dataclass(frozen=True, kw_only=True)
class Enquiry(Reach):
    """Somebody must be asked who answers; the caller hears it ring meanwhile. ``ask`` raises
    CallRefused, with the reason that the call ends for."""

    ask: Callable[[CallRecord], Awaitable[Route | Forward]]


@dataclass(frozen=True)
class Login:
    """What a caller is asked for by digest (RFC 7616)."""

    username: str
    password: str = field(repr=False)
    realm: str = ""


@dataclass(frozen=True)
class Order:
    """A call to be placed. ``target`` is a SIP URI as given, or a number for a trunk to resolve."""

    target: str
    brief: Brief
    org_id: str = ""
    assistant_id: str | None = None
    assistant: dict[str, Any] | None = None
    squad_id: str | None = None
    phone_number_id: str | None = None
    trunk: str = ""  # to dial a number by; empty: the default one
    caller: str = ""  # the number or SIP user to call from; empty: the endpoint's own
    customer: Party = field(default_factory=Party)
    extension: str = ""  # digits to dial once it is answered
    name: str | None = None
    earliest_at: datetime | None = None  # not before; with a time zone
    latest_at: datetime | None = None  # not after
    ring_s: float | None = None  # None: as the operator has it
    codecs: tuple[str, ...] = ()  # by name, the best first; none: as the trunk has them
    variables: dict[str, Any] = field(default_factory=dict)
    papers: Papers = field(default_factory=dict)


@dataclass(frozen=True)
class Successor:
    """Who holds a call from now on."""

    brief: Brief
    name: str
    papers: Papers
    assistant_id: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    context: Context = field(default_factory=Context)
    extract: dict[str, Any] | None = None  # a JSON schema of facts that become variables
    derive: Callable[[dict[str, Any]], dict[str, Any]] = dict  # these, and what follows from them
    result: str = ""  # of the tool that hands over; empty: a sentence of our own


@dataclass(frozen=True)
class ToolReply:
    """How a tool's server answered. ``content`` is what the model is told, also of a failure."""

    ok: bool
    content: str
    say: str | None = None  # spoken to the caller instead of the tool's own message
    end_call: bool = False  # hang up after that
    variables: dict[str, Any] = field(default_factory=dict)  # that the call has from now on


@dataclass(frozen=True)
class Findings:
    """What came out of a call, in the API's own JSON; ``storable`` are the outputs that their
    owner has kept also of a discreet call."""

    analysis: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    storable: tuple[str, ...] = ()


class Listener(Protocol):
    """Is told how calls go. Must return at once: it may neither wait nor raise."""

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        """``record.status`` is new: queued, ringing or in-progress; of the end tells ``ended``."""

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        """The agent has said this; whatever of it is kept is in the record already."""

    def ended(self, record: CallRecord, papers: Papers) -> None:
        """The record is complete: transcript, timings, recording and reason are in it."""


class Switchboard(Protocol):
    """The calls in progress."""

    listeners: list[Listener]

    async def place(self, order: Order) -> CallRecord:
        """Start an outbound call and return at once: status queued, also if it waits for room, or
        scheduled. Raises NoRoom if nobody may wait, CallRefused."""

    def share(self, org_id: str) -> tuple[int, int]:
        """How many calls an organisation may have at once, and how many it has."""

    def live(self, call_id: str) -> CallRecord | None:
        """The freshest record of a call that has not ended."""

    def pause_recording(self, call_id: str, paused: bool) -> bool:
        """Have a call's recording be silent from now on, or go on; False if nothing changes: it
        is so already, it is not recorded, or it has ended."""

    def steer(self, call_id: str) -> "Steering | None":
        """A call that has a line: it is ringing or has been answered, and has not ended."""

    async def hang_up(self, call_id: str) -> None:
        """End a call with reason manually-canceled; nothing happens if it is already over."""


class ToolServer(Protocol):
    """Calls the webhook of a function tool."""

    async def call(self, errand: Errand) -> ToolReply:
        """Never raises: a time-out or a refusal is a reply with ``ok`` False. Takes at most
        ``tool.timeout_s``."""

    def rejected(self, errand: Errand) -> str:
        """Why the tool may not be called now, or "". ``call`` looks itself. Never raises."""

    async def discover(
        self, record: CallRecord, papers: Papers, elsewhere: Sequence[ToolBrief]
    ) -> tuple[ToolBrief, ...]:
        """The tools that the servers of these have. Never raises: what fails is left out."""

    async def destination(self, errand: Errand) -> Destination | str:
        """Where the owner's server wants the caller transferred to, or a sentence that says why
        nowhere. Never raises."""

    async def analyse(self, record: CallRecord, papers: Papers, brief: Brief) -> Findings:
        """What the call, which is over, was about; empty if nobody wants to know. Never raises."""

    async def successor(self, errand: Errand) -> Successor:
        """Whom a ``handoff`` tool hands the call over to. Raises
        CallRefused, with what the model is told."""

    async def advise(
        self,
        record: CallRecord,
        papers: Papers,
        server: dict[str, Any] | None,
        conversation: Sequence[Mapping[str, Any]],
    ) -> float | None:
        """How many seconds of silence end the caller's turn; None if ``server``, or the call's
        own, does not say. ``conversation`` as a Checkpoint's. Never raises."""

    async def key(self, plan: str, org_id: str, refused: bool) -> tuple[str, float]:
        """A vendor's key by this authentication plan, other than one that was ``refused``, and
        when it ends in epoch seconds (0: never). Never raises: empty if there is none."""


class Directory(Protocol):
    """Finds who answers."""

    async def find(
        self, user: str, host: str, headers: Mapping[str, str], caller: Party
    ) -> Route | Enquiry | None:
        """The route of a dialled SIP user or number; None if nobody has it. One whose assistant
        cannot be used is an Enquiry that says so, for the call is to be recorded. Raises
        OutOfOrder if nothing can be looked up."""
