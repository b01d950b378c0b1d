"""What an agent is told about the call it is to hold: an assistant, without any API's names.

Plain data: it crosses the process boundary as JSON, and is kept so that a call can be given to
another process.
"""

from typing import Any, Literal

from pydantic import Field

from gateway.agent.plain import Plain
from gateway.agent.plans import Endpointing, Hook, KeypadPlan, ScreenPlan, VoicemailPlan
from gateway.speech.spoken.plan import ChunkPlan, FormatPlan


class Choice(Plain):
    """A vendor and how to use it; ``options`` are the vendor's own settings."""

    vendor: str
    model: str = ""
    options: dict[str, Any] = Field(default_factory=dict, repr=False)  # headers may open doors


class VendorKey(Plain):
    """What its owner opens a vendor with, instead of the operator's own."""

    api_key: str = Field("", repr=False)
    base_url: str | None = None
    user: str | None = None
    region: str | None = None
    headers: dict[str, str] = Field(default_factory=dict, repr=False)  # of a model's requests
    plan: str = ""  # the stored credential whose authentication plan gives the key
    until: float = 0.0  # epoch seconds: when that ends; 0: never


class Condition(Plain):
    """About an argument of a call; ``param`` is its name, a dot leads into an object."""

    operator: Literal["eq", "neq", "gt", "gte", "lt", "lte"]
    param: str
    value: str


class ToolMessage(Plain):
    """Something to say about a tool that is running, if all ``conditions`` hold."""

    at: Literal["start", "delayed", "complete", "failed"]
    content: str
    after_ms: int = 0
    conditions: tuple[Condition, ...] = ()
    blocking: bool = False  # at the start: the tool begins when this has been said
    to_model: bool = False  # at the end: not said, but tells the model what to say
    end_call: bool = False  # at the end: hang up when it has been said
    own: bool = False  # nobody wrote it: left out where the model says something itself


class ToolBrief(Plain):
    """A tool the model may call. ``kind`` says who does it; the gateway's main process does all
    but keep the caller company meanwhile."""

    kind: str  # as calls.actions has it
    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    messages: tuple[ToolMessage, ...] = ()
    wait: bool = True  # False: an asynchronous function; the model is told at once that it runs
    strict: bool = False  # the vendor is to hold the arguments to the schema
    server: dict[str, Any] | None = None  # for main: where a function's webhook is
    options: dict[str, Any] = Field(default_factory=dict)  # for main: what its kind needs
    timeout_s: float = 20.0
    written: dict[str, Any] = Field(default_factory=dict)  # for main: as its owner wrote it


class Brief(Plain):
    """One call's assistant. Texts are Liquid templates; the agent fills them from variables."""

    name: str = ""
    vendor_tag: str = "{{call.id}}"  # what vendors' bills and logs call the call: a template
    language: str = "en"  # that the caller is expected to speak; a BCP 47 tag
    hearing: Choice
    hearing_substitutes: tuple[Choice, ...] = ()  # for ``hearing``, when it fails, in this order
    thinking: Choice
    speaking: Choice
    speaking_substitutes: tuple[Choice, ...] = ()  # for ``speaking``, when it fails, in this order
    keys: dict[str, VendorKey] = Field(default_factory=dict)  # by vendor
    system: tuple[dict[str, Any], ...] = ()  # the conversation's beginning: role and content
    tools: tuple[ToolBrief, ...] = ()
    knowledge: ToolBrief | None = None  # asked what is known, before the model is
    elsewhere: tuple[ToolBrief, ...] = ()  # main asks their servers for the tools to be offered
    substitutes: tuple[Choice, ...] = ()  # for ``thinking``, when it fails, in this order
    fastest_first: bool = False  # these and ``thinking`` are equal: whichever is quickest of late
    fastest_voice_first: bool = False  # the same of ``speaking`` and its substitutes
    hedge_after_s: float = 0.0  # a model silent for so long gets a rival; 0: never
    fast_turns: int = 0  # so many of the caller's turns are answered by the vendor's small model
    emotion: bool = False  # the model is told when the caller sounds otherwise than before
    chunks: ChunkPlan = ChunkPlan()
    format: FormatPlan = FormatPlan()
    temperature: float = 0.0
    max_tokens: int = 250

    greeting: str = ""
    greeting_mode: Literal["speak", "wait", "generate"] = "speak"
    greeting_interruptible: bool = False

    wait_s: float = 0.4  # silence after the caller's last speech before the agent is audible
    endpointing: Endpointing = Endpointing()  # and before the model is asked
    # The model is asked before it is certain that the caller has finished: when the transcriber
    # guesses that (eager), or also when the words have been the same for so long (stable).
    early: Literal["off", "eager", "stable"] = "eager"
    early_after_s: float = 0.15
    interrupt_words: int = 0  # words that make an interruption; 0: the voice alone does
    interrupt_voice_s: float = 0.2  # speech of at least this long makes one, if words is 0
    backoff_s: float = 1.0  # after an interruption, how long the agent stays silent at least
    acknowledgements: tuple[str, ...] = ()  # words that are only "go on"
    interruptions: tuple[str, ...] = ()  # words that interrupt however few they are
    keypad: KeypadPlan = KeypadPlan()

    silence_timeout_s: float = 30.0
    max_duration_s: float = 600.0
    end_phrases: tuple[str, ...] = ()  # said by the agent, they end the call
    end_message: str = ""  # said before the agent hangs up
    silence_message: str = ""  # the same, if the reason is silence
    voicemail: VoicemailPlan | None = None  # of a call that we place
    voicemail_message: str = ""  # of the model's tool: as in the plan
    hooks: tuple[Hook, ...] = ()
    hook_tools: tuple[ToolBrief, ...] = ()  # that hooks call, and the model is not offered
    denoise: bool = False  # what the caller says
    screen: ScreenPlan | None = None  # of what the caller says, before a model reads it
    background: str = ""  # a sound under the agent's voice: a name of media.Sounds, or a URL
    record: bool = True
    consent: "ConsentPlan | None" = None  # that is asked for before anything is recorded
    discreet: bool = False  # nothing that is said is stored or logged
    capture: bool = True  # the call's SIP messages are kept
    live: tuple[str, ...] = ()  # kinds of messages.Live that somebody wants to be told
    record_as: Literal["wav", "mp3", "opus"] | None = None  # None: as the operator has it

    def offered(self, tools: tuple[ToolBrief, ...]) -> "Brief":
        """With these tools, beside those that it has."""
        known = {tool.name for tool in self.tools}
        new = (tool for tool in tools if tool.name not in known)
        return self.model_copy(update={"tools": (*self.tools, *new)})

    def on(self, direction: str) -> "Brief":
        """As the call's direction has it: a caller is no machine that answers."""
        return self.model_copy(update={"voicemail": None}) if direction == "inbound" else self

    @property
    def all_tools(self) -> tuple[ToolBrief, ...]:
        """What the model may call and what hooks call; of one name, the model's."""
        return (*self.tools, *self.hook_tools)


class ConsentPlan(Plain):
    """``brief`` is of who asks, and then hands over. ``stay-on-line``: whoever stays for ``wait_s``
    after the message has agreed; ``verbal``: who says so."""

    kind: Literal["stay-on-line", "verbal"]
    brief: Brief
    wait_s: float = 3.0


Brief.model_rebuild()
