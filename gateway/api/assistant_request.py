"""``assistant-request``: a number's server says who answers, while the caller hears it ring."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.api.briefs import Defaults, brief_of, from_assistant
from gateway.api.casting import Cast, cast, names_somebody
from gateway.api.destinations import destination as read
from gateway.api.errors import ApiError
from gateway.api.server_messages import Messages
from gateway.api.shapes import reference
from gateway.api.shapes.check import problems
from gateway.api.targets import Target
from gateway.api.unusable import Unusable
from gateway.api.webhooks import SENT
from gateway.api.wire import FAILURES, Wire, reason
from gateway.calls.ports import CallRefused, Forward, OutOfOrder, Papers, Route
from gateway.calls.record import CallRecord
from gateway.reasons import Ended, hook_executed
from gateway.store import Holdings, StoreError

log = logging.getLogger(__name__)

Json = dict[str, Any]

LIMIT_S = 7.5  # documented: from the question to the answer, over all
SPEAKABLE = 1000  # characters of an error that is read to a caller
_DESTINATIONS = ("number", "sip")


@dataclass(frozen=True)
class Receptionist:
    """Finds out who answers the callers of one number. ``number`` has its id among its fields."""

    wire: Wire
    messages: Messages
    where: Target | None
    holdings: Holdings
    number: Json
    defaults: Defaults
    limit_s: float = LIMIT_S

    async def ask(self, record: CallRecord) -> Route | Forward:
        """Raises CallRefused, if there is nothing to fall back on."""
        try:
            return await self._asked(record)
        except CallRefused as failed:
            return await self.instead(failed)

    async def _asked(self, record: CallRecord) -> Route | Forward:
        if self.where is None:
            detail = f"phone number {self.number['id']} has no assistant"
            raise CallRefused(detail, Ended.NOBODY_SET)
        papers: Papers = {"phoneNumber": self.number}
        body = json.dumps(self.messages.assistant_request(record, papers), default=str).encode()
        began, outcome = time.monotonic(), "refused"
        try:
            async with asyncio.timeout(self.limit_s):
                status, answer = await self.wire.send(self.where, body, self.limit_s)
            if not 200 <= status < 300:
                detail = f"its server answered HTTP {status}"
                raise CallRefused(detail, Ended.ASSISTANT_REQUEST_FAILED)
            outcome = "delivered"
        except FAILURES as error:
            outcome = "unreachable"
            raise CallRefused(reason(error, self.limit_s), Ended.ASSISTANT_REQUEST_FAILED) from None
        finally:
            SENT.labels("assistant-request", outcome).inc()
        log.info("assistant-request", extra={"ms": round((time.monotonic() - began) * 1000)})
        return await self._meant(_object(answer))

    async def _meant(self, answer: Json) -> Route | Forward:
        shape = reference("AssistantRequestAnswer")
        if wrong := problems(shape, answer):
            raise CallRefused("; ".join(wrong), Ended.ASSISTANT_REQUEST_INVALID)
        if answer.get("destination"):
            return self.forward(answer["destination"], Ended.ASSISTANT_REQUEST_FORWARDED)
        if text := answer.get("error"):
            if len(text) > SPEAKABLE or not any(c.isalnum() for c in text):
                detail = "the error is nothing to be read to a caller"
                raise CallRefused(detail, Ended.ASSISTANT_REQUEST_UNSPEAKABLE)
            return self.spoken(text, Ended.ASSISTANT_REQUEST_ERROR)
        if not names_somebody(answer):
            raise CallRefused("the answer names no assistant", Ended.ASSISTANT_REQUEST_NOBODY)
        return await self.route(answer, Ended.ASSISTANT_REQUEST_INVALID)

    async def route(self, source: Mapping[str, Any], why: str, **chosen: Any) -> Route:
        """Who ``source`` names. Raises CallRefused."""
        try:
            found = await cast(source, self.holdings)
            return await self.of(found, **chosen)
        except Unusable as error:
            invalid = Ended.ASSISTANT_NOT_VALID if why == Ended.NO_ASSISTANT else why
            raise CallRefused(f"assistant {source.get('assistantId')}: {error}", invalid) from None
        except ApiError as error:
            raise CallRefused(f"{error.text} (phone number {self.number['id']})", why) from None
        except StoreError as error:
            raise OutOfOrder(str(error)) from error

    async def of(self, found: Cast, **chosen: Any) -> Route:
        """Raises Unusable."""
        for missing in found.missing:  # the call can go on without
            log.warning("a tool is left out: assistant.%s", missing)
        return Route(
            brief=await brief_of(found.assistant, self.defaults, found.keys, self.holdings.org_id),
            org_id=self.holdings.org_id,
            assistant_id=found.assistant_id,
            assistant=found.given,
            squad_id=found.squad_id,
            phone_number_id=self.number["id"],
            variables=found.variables,
            papers={**found.papers, "phoneNumber": self.number},
            chosen=chosen,
        )

    def spoken(self, text: str, why: str) -> Route:
        """A route on which this is said, and no more."""
        silent = {"model": {"provider": "script", "script": _SILENT}}
        return Route(
            brief=from_assistant(silent, self.defaults).model_copy(update={"record": False}),
            org_id=self.holdings.org_id,
            phone_number_id=self.number["id"],
            papers={"phoneNumber": self.number},
            last_words=text,
            ends_as=why,
        )

    def forward(self, destination: Json, why: str) -> Forward:
        """Raises CallRefused."""
        try:
            to = read(destination, "en")
        except Unusable as error:
            raise CallRefused(str(error), why) from None
        return Forward(destination=to, route=self.spoken("", why), reason=why)

    async def instead(self, failed: CallRefused, _: CallRecord | None = None) -> Route | Forward:
        """What the number's owner wants when nobody can answer. Raises CallRefused."""
        log.warning("nobody answers: %s", failed, extra={"reason": failed.reason})
        for hook in self.number.get("hooks") or ():
            if hook["on"] == "call.ending" and _meets(hook, failed.reason):
                deeds = hook.get("do") or []
                for action in deeds if isinstance(deeds, list) else [deeds]:
                    if action["type"] in ("say", "transfer"):  # the others are an assistant's
                        return self.acted(action, "ending")
        if fallback := self.number.get("fallbackAssistantId"):
            why = {"fallback": failed.reason}
            return await self.route({"assistantId": fallback}, failed.reason, **why)
        if destination := self.number.get("fallbackDestination"):
            return self.forward(destination, failed.reason)
        raise failed

    def acted(self, action: Json, phase: str) -> Route | Forward:
        """A number's hook: it says something or passes the caller on."""
        why = hook_executed(phase, action["type"])
        if action["type"] == "transfer":
            if not action.get("destination"):
                raise CallRefused("the number's hook transfers nowhere: it has no destination", why)
            return self.forward(action["destination"], why)
        exact = action.get("exact") or ""
        return self.spoken(exact if isinstance(exact, str) else next(iter(exact), ""), why)


_SILENT: Json = {"start": "a", "states": {"a": {"rules": []}}}


def _meets(hook: Json, why: str) -> bool:
    return all(why in (one.get("oneOf") or ()) for one in hook.get("filters") or ())


def _object(body: bytes) -> Json:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise CallRefused("the answer is not a JSON object", Ended.ASSISTANT_REQUEST_INVALID)
    return answer
