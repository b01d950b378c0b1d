"""Who answers what was dialled: phone numbers and their assistants, out of the store."""

from collections.abc import Mapping
from typing import Any

from gateway.api.briefs import Defaults, from_assistant
from gateway.api.phone_numbers import trunk_of
from gateway.api.unusable import Unusable
from gateway.calls.ports import CallRefused, Login, Route
from gateway.store import Store, StoreError


class StoreDirectory:
    """Implements ``calls.ports.Directory``."""

    def __init__(self, store: Store, defaults: Defaults) -> None:
        self._store = store
        self._defaults = defaults

    async def find(self, user: str, host: str, headers: Mapping[str, str]) -> Route | None:
        """The route of a SIP user or telephone number; None if nobody has it. Raises CallRefused
        if it is known but cannot be answered."""
        try:
            number = await self._store.phone_numbers.dialled(user, host)
            if number is None:
                return None
            assistant_id = number.body.get("assistantId")
            if not assistant_id:
                raise CallRefused(
                    f"phone number {number.id} has no assistant",
                    "call-start-error-neither-assistant-nor-server-set",
                )
            holdings = self._store.of(number.org_id)
            assistant = await holdings.assistants.get(assistant_id)
            trunk = await trunk_of(holdings, number.body)
        except StoreError as error:
            raise CallRefused(str(error)) from error
        if assistant is None:
            raise CallRefused(
                f"assistant {assistant_id} of phone number {number.id} has been deleted",
                "call.start.error-get-assistant",
            )
        try:
            brief = from_assistant(assistant.body, self._defaults)
        except Unusable as error:
            raise CallRefused(f"assistant {assistant_id}: {error}") from None
        papers: dict[str, Any] = {
            "assistant": assistant.body,
            "phoneNumber": {"id": number.id, **number.body},
        }
        return Route(
            brief=brief,
            org_id=number.org_id,
            assistant_id=assistant_id,
            phone_number_id=number.id,
            papers=papers,
            public=bool(number.body.get("sipUri")),
            trunk=trunk,
            login=_login(number.body.get("authentication")),
        )


def _login(given: dict[str, Any] | None) -> Login | None:
    """The documented ``SipAuthentication``."""
    if not given:
        return None
    return Login(given["username"], given["password"], given.get("realm") or "")
