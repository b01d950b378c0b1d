"""Where an agent's vendors come from."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from pydantic import SecretStr

from gateway.agent.brief import Choice, VendorKey
from gateway.agent.counting import Account, CountedHearing, CountedSpeaking, CountedThinking
from gateway.agent.messages import Start, Used
from gateway.agent.renewal import KeyWanted, NewKey, Renewals, RenewedThinking
from gateway.agent.speeds import Speeds
from gateway.agent.streams import Clock
from gateway.agent.templates import Templates
from gateway.errors import ConfigError, Fault, VendorError
from gateway.fence import Fence
from gateway.speech import catalog
from gateway.speech.contract import Hearing, Speaking, Thinking
from gateway.speech.remembered import Memory, Remembering
from gateway.speech.settings import VendorSettings
from gateway.speech.spoken.speaking import Reading
from gateway.speech.thinking import fast_model

T = TypeVar("T")
Quick = Literal["thinking", "speaking"]  # the parts of which vendors may be chosen by speed

HASTE_S = 3.0
LONGEST_TAG = 128


class Vendors(Protocol):
    """Makes the three vendors of a call. All raise VendorError if they cannot be had."""

    def hearing(self, start: Start, choice: Choice) -> Hearing:
        """``choice`` is the brief's own or one of its substitutes."""

    def thinking(self, start: Start, choice: Choice) -> Thinking:
        """``choice`` is the brief's ``thinking``, one of its substitutes, or :meth:`fast`."""

    def by_speed(self, choices: Sequence[Choice], part: Quick = "thinking") -> Sequence[Choice]:
        """Models or voices, the quickest of late first."""

    def fast(self, start: Start) -> Choice | None:
        """A smaller and quicker model than the brief's ``thinking``, of the same vendor."""

    def speaking(self, start: Start, choice: Choice) -> Speaking:
        """``choice`` is the brief's own or one of its substitutes."""

    def remembers(self, choice: Choice) -> bool:
        """Whether what this voice says is kept, so that it can be asked in advance."""

    def spare_voice(self, start: Start) -> Speaking | None:
        """One that needs no network, for an apology when the call's own voice fails."""

    def timeout_s(self, vendor: str) -> float:
        """How long it may let the call wait for a connection, a token or a sound."""

    def renewed(self, key: NewKey) -> None:
        """Main has answered a KeyWanted."""


def patience_s(timeout_s: float, count: int) -> float:
    """How long to wait for one of ``count`` vendors: one that another can replace is replaced
    before the caller wonders."""
    return timeout_s if count == 1 else min(timeout_s, HASTE_S)


def tag(start: Start) -> str:
    """What the call is named to its vendors."""
    variables = {"call": {"id": start.call}} | start.variables
    name = Templates(variables, datetime.now(UTC)).fill(start.brief.vendor_tag)
    # It goes into headers and addresses, too.
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name)[:LONGEST_TAG]


class Catalog:
    """The real ones. ``tell`` is told what they use and which keys they want; ``allowed`` are the
    networks that an assistant's own servers may be in though they are not public; ``memory`` keeps
    what voices have said."""

    def __init__(
        self,
        settings: Mapping[str, VendorSettings],
        tell: Callable[[Used | KeyWanted], None],
        clock: Clock,
        allowed: Sequence[str] = (),
        memory: Memory | None = None,
    ) -> None:
        self._settings = settings
        self._memory = memory or Memory(0)
        self._tell = tell
        self._clock = clock
        self._speeds: dict[str, Speeds] = {"thinking": Speeds(), "speaking": Speeds()}
        self._fence = Fence.of(allowed)
        self._renewals = Renewals(tell)
        self.renewed = self._renewals.came

    def _account(self, start: Start, choice: Choice) -> Account:
        return Account(start.call, choice, self._used, self._clock)

    def _used(self, used: Used) -> None:
        if speeds := self._speeds.get(used.part):
            speeds.used(used)
        self._tell(used)

    def by_speed(self, choices: Sequence[Choice], part: Quick = "thinking") -> Sequence[Choice]:
        return self._speeds[part].sorted(choices, self._clock())

    def _of(self, vendor: str) -> VendorSettings:
        return self._settings.get(vendor) or VendorSettings()

    def hearing(self, start: Start, choice: Choice) -> Hearing:
        count = 1 + len(start.brief.hearing_substitutes)
        limit_s = patience_s(self.timeout_s(choice.vendor), count)
        hearing = self._make(catalog.hearing, choice, start, {}, limit_s)
        return CountedHearing(hearing, self._account(start, choice))

    def thinking(self, start: Start, choice: Choice) -> Thinking:
        brief = start.brief
        if choice.vendor == "script":
            ours: dict[str, Any] = {"variables": {"callId": start.call} | start.variables}
        else:
            ours = {"temperature": brief.temperature, "max_tokens": brief.max_tokens}

        def made(key: VendorKey | None) -> Thinking:
            keyed = with_key(start, choice.vendor, key) if key else start
            return self._make(catalog.thinking, told(choice, start.variables), keyed, ours)

        key = brief.keys.get(choice.vendor)
        if key and key.plan:
            renew = partial(self._renewals.renewed, start.call)
            thinking: Thinking = RenewedThinking(key, made, renew)
        else:
            thinking = made(None)
        return CountedThinking(thinking, self._account(start, choice))

    def fast(self, start: Start) -> Choice | None:
        choice = start.brief.thinking
        model = fast_model(choice.vendor)
        if not model or model == choice.model:
            return None
        options = {k: v for k, v in choice.options.items() if k != "reasoning_effort"}
        return Choice(vendor=choice.vendor, model=model, options=options)

    def speaking(self, start: Start, choice: Choice) -> Speaking:
        voice = self._voice(start, choice)
        try:
            return Reading(voice, start.brief.format)
        except ConfigError as error:
            raise VendorError(voice.vendor, Fault.OURS, str(error)) from error

    def spare_voice(self, start: Start) -> Speaking | None:
        if start.brief.speaking.vendor == "embedded":
            return None
        return self._voice(start, Choice(vendor="embedded"))

    def remembers(self, choice: Choice) -> bool:
        return bool(self._memory.limit and choice.options.get("caching", True))

    def _voice(self, start: Start, choice: Choice) -> Speaking:
        options, remembers = dict(choice.options), self.remembers(choice)
        options.pop("caching", None)
        choice = choice.model_copy(update={"options": options})
        voice = self._make(catalog.speaking, choice, start, {})
        counted = CountedSpeaking(voice, self._account(start, choice))
        if not remembers:
            return counted
        key = start.brief.keys.get(choice.vendor)  # one owner's voice is not another's
        name = f"{choice.model_dump_json()} {key.api_key if key else ''}"
        return Remembering(counted, name, self._memory)

    def timeout_s(self, vendor: str) -> float:
        return self._of(vendor).timeout_s

    def _opened(self, vendor: str, keys: Mapping[str, VendorKey]) -> Mapping[str, VendorSettings]:
        """With the owner's own keys, which the operator's regions have no part in."""
        if vendor not in keys:
            return self._settings
        own = {}
        for place, key in keys.items():  # a region of theirs is named as one of the operator's
            if place == vendor or place.startswith(f"{vendor}-"):
                given = key.model_dump(include={"base_url", "user", "region"}, exclude_none=True)
                given["api_key"] = SecretStr(key.api_key)
                own[place] = self._of(vendor).model_copy(update=given)
        return own

    def _make(
        self,
        make: Callable[[str, str, Mapping[str, Any], VendorSettings, str], T],
        choice: Choice,
        start: Start,
        ours: dict[str, Any],
        limit_s: float | None = None,
    ) -> T:
        vendor, options = choice.vendor, ours | choice.options
        try:
            keys = start.brief.keys
            place = f"{vendor}-{options.get('region')}"
            if key := keys.get(place) or keys.get(vendor):
                options |= (
                    {"headers": options.get("headers", {}) | key.headers} if key.headers else {}
                )
            settings = placed(self._opened(vendor, keys), vendor, options)
            limit = min(limit_s or settings.timeout_s, settings.timeout_s)
            settings = settings.model_copy(update={"timeout_s": limit}).behind(self._fence)
            return make(vendor, choice.model, options, settings, tag(start))
        except ConfigError as error:
            raise VendorError(vendor, Fault.OURS, str(error)) from error


def with_key(start: Start, vendor: str, key: VendorKey) -> Start:
    """The same with another key of the owner's."""
    brief = start.brief.model_copy(update={"keys": start.brief.keys | {vendor: key}})
    return start.model_copy(update={"brief": brief})


def placed(
    all_: Mapping[str, VendorSettings], vendor: str, options: dict[str, Any]
) -> VendorSettings:
    """Where a vendor is, after what the options say of that, which is taken out of them.

    A region has settings of its own, ``[vendors.azure-openai-eastus]``, or is the ``{region}`` in
    the vendor's ``base_url``.
    """
    settings = all_.get(vendor) or VendorSettings()
    region, timeout_s = options.pop("region", ""), options.pop("timeout_s", None)
    if f"{vendor}-{region}" in all_:
        settings = all_[f"{vendor}-{region}"]
    elif region and "{region}" in (settings.base_url or ""):
        place = str(settings.base_url).replace("{region}", region)
        settings = settings.model_copy(update={"base_url": place})
    elif region and not settings.base_url:
        raise ConfigError(
            f"region {region}: set base_url in [vendors.{vendor}], with {{region}} in it, "
            f"or in [vendors.{vendor}-{region}]"
        )
    return settings.model_copy(update={"timeout_s": timeout_s}) if timeout_s else settings


def told(choice: Choice, variables: Mapping[str, Any]) -> Choice:
    """A custom model is told of the call in the body of each request, as its ``metadata`` mode
    says: off, variable (the default: under names of their own), destructured (spread out)."""
    if choice.vendor != "custom-llm":
        return choice
    options = dict(choice.options)
    mode = options.pop("metadata", "variable")
    if mode != "off":
        metadata = dict(variables.get("metadata") or {})
        known = {k: variables[k] for k in ("call", "phoneNumber", "customer") if k in variables}
        options["body"] = (metadata if mode == "destructured" else {"metadata": metadata}) | known
    return choice.model_copy(update={"options": options})
