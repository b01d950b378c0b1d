"""Where server messages go: pure choices, from an assistant's JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.backoff import Backoff
from gateway.store.tables import THE_ORG

Json = dict[str, Any]

TIMEOUT_S = 20.0

# Sent where the assistant names no serverMessages.
DEFAULT_MESSAGES = frozenset(
    {
        "conversation-update", "end-of-call-report", "function-call", "hang", "speech-update",
        "status-update", "tool-calls", "transfer-destination-request",
        "handoff-destination-request", "user-interrupted", "assistant.started",
    }
)  # fmt: skip

# The same for clientMessages.
DEFAULT_CLIENT_MESSAGES = frozenset(
    {
        "conversation-update", "function-call", "hang", "model-output", "speech-update",
        "status-update", "transfer-update", "transcript", "tool-calls", "user-interrupted",
        "voice-input", "assistant.started",
    }
)  # fmt: skip

# What an agent need not tell unless somebody has asked for it, by the names that ask for it.
ON_DEMAND = {
    "partial": frozenset({"transcript"}),
    "speech": frozenset({"speech-update"}),
    "model": frozenset({"model-output"}),
    "voice": frozenset({"voice-input", "assistant.speechStarted"}),
}


@dataclass(frozen=True)
class Target:
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S
    backoff: Backoff = field(default_factory=Backoff)
    credential_id: str = ""  # of a stored webhook credential
    org_id: str = ""  # whose that is; empty: the operator's
    encrypted: tuple[str, ...] = ()  # paths of a tool's arguments


def target(server: Json | None, org_id: str = "") -> Target | None:
    """A documented Server object of this organisation, or None if it names no place."""
    if not server or not server.get("url"):
        return None
    headers = {str(k): str(v) for k, v in (server.get("headers") or {}).items()}
    if server.get("secret"):
        headers["X-Vapi-Secret"] = str(server["secret"])
    return Target(
        url=server["url"],
        headers=headers,
        timeout_s=server.get("timeoutSeconds") or TIMEOUT_S,
        backoff=backoff(server.get("backoffPlan")),
        credential_id=server.get("credentialId") or "",
        org_id=org_id,
        encrypted=tuple(server.get("encryptedPaths") or ()),
    )


@dataclass(frozen=True)
class Targets:
    """``house`` is the organisation's own server, for calls that name none."""

    house: Target | None = None

    def of_call(self, papers: Json, org_id: str = "") -> Target | None:
        """The one target of a call's messages: the assistant's server, else the phone number's,
        else the gateway's own, which is the operator's alone."""
        assistant, number = papers.get("assistant") or {}, papers.get("phoneNumber") or {}
        named = target(_server(assistant), org_id) or target(_server(number), org_id)
        return named or (self.house if org_id in ("", THE_ORG) else None)


def wanted(papers: Json) -> frozenset[str]:
    """The types of message that the assistant has asked for."""
    names = (papers.get("assistant") or {}).get("serverMessages")
    return DEFAULT_MESSAGES if names is None else frozenset(names)


def wanted_live(papers: Json) -> frozenset[str]:
    """The same, of those who listen in."""
    names = (papers.get("assistant") or {}).get("clientMessages")
    return DEFAULT_CLIENT_MESSAGES if names is None else frozenset(names)


def demanded(names: frozenset[str]) -> tuple[str, ...]:
    """Which ``Live`` messages of an agent these names need."""
    return tuple(what for what, any_of in ON_DEMAND.items() if any_of & names)


def _server(part: Json) -> Json | None:
    if part.get("server"):
        return dict(part["server"])
    if part.get("serverUrl"):  # how older clients wrote it
        return {"url": part["serverUrl"], "secret": part.get("serverUrlSecret")}
    return None


def backoff(plan: Json | None, none: int = Backoff.retries) -> Backoff:
    """A documented BackoffPlan; without one, ``none`` retries."""
    if not plan:
        return Backoff(retries=none)
    kind = plan.get("type")
    return Backoff(
        retries=int(plan.get("maxRetries") or 0),
        base_s=float(plan.get("baseDelaySeconds") or 0),
        doubling=kind == "exponential" or (isinstance(kind, dict) and "exponential" in str(kind)),
        never=frozenset(plan.get("excludedStatusCodes") or ()),
    )
