"""The ``sipRequest`` tool: INFO, MESSAGE or NOTIFY to the party, and its answer to the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from gateway.agent.messages import Action
from gateway.calls.leg import Headers
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.calls.call import Call

# What the dialog itself decides: a header of these would break the call, or lie about it.
OURS = frozenset(
    {
        "via", "from", "to", "call-id", "cseq", "max-forwards", "contact", "route", "record-route",
        "content-length", "authorization", "proxy-authorization", "v", "f", "t", "i", "m", "l",
    }
)  # fmt: skip
USUAL_TYPES = {"MESSAGE": "text/plain", "INFO": "application/json", "NOTIFY": "application/json"}
MOST = 4_000  # characters of the answer's body, for the model


@dataclass(frozen=True)
class Wanted:
    """A request that may be sent."""

    method: str
    headers: Headers
    body: str

    @classmethod
    def of(cls, method: str, given: Mapping[str, Any], body: str) -> Self:
        """With the headers that it needs besides those that are given. Raises ValueError, with a
        sentence."""
        if method not in USUAL_TYPES:
            raise ValueError(
                f"{method!r} cannot be sent: it is neither INFO nor MESSAGE nor NOTIFY."
            )
        if wrong := [name for name in given if name.lower() in OURS]:
            raise ValueError(f"The header {wrong[0]} is the gateway's own and cannot be given.")
        headers = tuple((name, _text(value)) for name, value in given.items())
        names = {name.lower() for name in given}
        if body and not names & {"content-type", "c"}:
            headers += (("Content-Type", USUAL_TYPES[method]),)
        if method == "NOTIFY" and not names & {"event", "o"}:
            headers += (("Event", "x-trunkline"),)
        if method == "NOTIFY" and "subscription-state" not in names:
            headers += (("Subscription-State", "active"),)
        return cls(method, headers, body)

    async def send(self, call: "Call") -> tuple[bool, str]:
        try:
            answer = await call.leg.request(self.method, self.headers, self.body.encode())
        except (GatewayError, ValueError) as error:
            call.happened("sip_request", method=self.method, status=None, why=str(error))
            return False, f"{self.method} could not be sent: {error}."
        call.happened("sip_request", method=self.method, status=answer.status)
        told = f"{self.method} was answered with {answer.status} {answer.phrase}."
        if text := answer.body.decode(errors="replace")[:MOST]:
            told = f"{told}\n{text}"
        return answer.status < 300, told


async def send(call: "Call", action: Action) -> tuple[bool, str]:
    tool = next((t for t in call.brief.all_tools if t.name == action.tool), None)
    options: Mapping[str, Any] = tool.options if tool else {}
    given = dict(options.get("headers") or {}) | dict(action.arguments.get("headers") or {})
    body = _text(action.arguments.get("body", options.get("body")))
    try:
        wanted = Wanted.of(str(options.get("verb") or ""), given, body)
    except ValueError as error:
        return False, str(error)
    return await wanted.send(call)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
