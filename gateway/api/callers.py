"""Who asks: the organisation that a key belongs to, and what the key may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from gateway.api.errors import ApiError
from gateway.store import Holdings

Json = dict[str, Any]

# What a browser may do with a public key: everything else is the server's.
PUBLIC = {("POST", "/call/web"), ("POST", "/chat/web"), ("POST", "/chat/web/responses")}


# By these, a request or one of its customers brings an assistant of its own, or changes one.
_OWN = ("assistant", "squad", "assistantOverrides", "squadOverrides")


class Forbidden(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(403, message)


@dataclass(frozen=True)
class Caller:
    """``restrictions`` are those of the documented token; ``operator`` may make organisations."""

    holdings: Holdings
    public: bool = False
    operator: bool = False
    restrictions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def org_id(self) -> str:
        return self.holdings.org_id

    @property
    def restricted(self) -> bool:
        return bool(self.restrictions) and self.restrictions.get("enabled", True)

    def check(self, method: str, path: str, origin: str) -> None:
        """Whether the key opens this door from there. Raises Forbidden."""
        if self.public and (method, path) not in PUBLIC:
            raise Forbidden(
                "A public key opens only web calls and web chats; this needs a private key"
            )
        allowed = self._restriction("allowedOrigins")
        if allowed and origin not in allowed:
            raise Forbidden(f"This key is not for the origin {origin or '(none)'}")

    def check_assistants(self, body: Json) -> None:
        """Whether the key may start this call or chat. Raises Forbidden."""
        allowed = self._restriction("allowedAssistantIds")
        if allowed and "assistantId" in body and body["assistantId"] not in allowed:
            raise Forbidden(f"assistantId {body['assistantId']} is not allowed for this key")
        if allowed and any(body.get(name) is not None for name in ("squadId", "squad")):
            raise Forbidden("squads are not allowed for this key, which names its assistants")
        transient = self._restriction("allowTransientAssistant")
        customers = [body.get("customer"), *(body.get("customers") or ())]
        if transient is False and any(
            one.get(name) is not None for one in (body, *filter(None, customers)) for name in _OWN
        ):
            raise Forbidden("a transient assistant is not allowed for this key")

    def _restriction(self, name: str) -> Any:
        return self.restrictions.get(name) if self.restricted else None


def caller_of(request: Request) -> Caller:
    """Who the guard has let in."""
    caller: Caller = request.state.caller
    return caller


def holdings_of(request: Request) -> Holdings:
    return caller_of(request).holdings
