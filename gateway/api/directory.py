"""Who answers what was dialled: phone numbers and what they lead to, out of the store."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.api.assistant_request import Receptionist
from gateway.api.briefs import Defaults
from gateway.api.casting import names_somebody
from gateway.api.phone_numbers import trunk_of
from gateway.api.routing import choose
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.wire import Wire
from gateway.calls.ports import CallRefused, Enquiry, Forward, Login, OutOfOrder, Route
from gateway.calls.record import CallRecord, Party
from gateway.reasons import Ended
from gateway.store import Store, StoreError
from gateway.store.rows import Stored


class StoreDirectory:
    """Implements ``calls.ports.Directory``."""

    def __init__(
        self,
        store: Store,
        defaults: Defaults,
        messages: Messages,
        wire: Wire,
        targets: Targets,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self._defaults = defaults
        self._messages, self._wire, self._targets = messages, wire, targets
        self._rng = rng or random.SystemRandom()

    async def find(
        self, user: str, host: str, headers: Mapping[str, str], caller: Party
    ) -> Route | Enquiry | None:
        """The route of a SIP user or telephone number; None if nobody has it. Raises OutOfOrder
        if the store does not tell."""
        try:
            number = await self._store.phone_numbers.dialled(user, host)
            if number is None:
                return None
            holdings = self._store.of(number.org_id)
            trunk = await trunk_of(holdings, number.body)
        except StoreError as error:
            raise OutOfOrder(str(error)) from error
        reach: dict[str, Any] = {
            "org_id": number.org_id,
            "phone_number_id": number.id,
            "public": bool(number.body.get("sipUri")),
            "trunk": trunk,
            "login": _login(number.body.get("authentication")),
        }
        desk = self._desk(number)
        body, papers = number.body, {"phoneNumber": desk.number}
        if action := _at_once(body, caller.number):

            async def act(_: CallRecord) -> Route | Forward:
                return desk.acted(action, "ringing")

            return Enquiry(**reach, papers=papers, ask=act)
        chosen = choose(
            body.get("routing") or [], caller.number, headers, datetime.now(UTC), self._rng
        )
        source = chosen.source if chosen else body
        if not names_somebody(source):
            return Enquiry(**reach, papers=papers, ask=desk.ask)
        why = chosen.why if chosen else {}
        picked = {n: source.get(n) for n in ("assistantId", "squadId")}
        try:
            route = await desk.route(picked, Ended.NO_ASSISTANT, **why)
        except OutOfOrder:
            raise
        except CallRefused as error:
            return Enquiry(**reach, papers=papers, ask=partial(desk.instead, error))
        return Route(**{**vars(route), **reach})

    def _desk(self, number: Stored) -> Receptionist:
        body = {"id": number.id, **number.body}
        return Receptionist(
            self._wire,
            self._messages,
            self._targets.of_call({"phoneNumber": body}, number.org_id),
            self._store.of(number.org_id),
            body,
            self._defaults,
        )


def _at_once(number: dict[str, Any], caller: str) -> dict[str, Any] | None:
    """What a hook on ``call.ringing`` does with this caller; only its first action counts."""
    for hook in number.get("hooks") or ():
        if hook["on"] == "call.ringing" and all(
            any(caller.startswith(prefix) for prefix in one["startsWith"])
            for one in hook.get("filters") or ()
        ):
            return next(iter(hook["do"]), None)
    return None


def _login(given: dict[str, Any] | None) -> Login | None:
    """The documented ``SipAuthentication``."""
    if not given:
        return None
    return Login(given["username"], given["password"], given.get("realm") or "")
