"""The addresses where a call is listened to and steered: whoever knows one may, so nobody can
guess it. They are good as long as this process lives."""

import hmac
import secrets
from typing import Any

from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord, Status

Json = dict[str, Any]

_USUAL = {
    "listenEnabled": True, "listenAuthenticationEnabled": False,
    "controlEnabled": True, "controlAuthenticationEnabled": False,
}  # fmt: skip
_SECRET = secrets.token_bytes(32)


def token(call_id: str) -> str:
    return hmac.new(_SECRET, call_id.encode(), "sha256").hexdigest()


def is_token(call_id: str, given: str) -> bool:
    return hmac.compare_digest(token(call_id).encode(), given.encode())


def plan(papers: Papers) -> dict[str, bool]:
    """The assistant's ``monitorPlan``, with what it leaves open."""
    given = (papers.get("assistant") or {}).get("monitorPlan") or {}
    return {name: usual if given.get(name) is None else bool(given[name])
            for name, usual in _USUAL.items()}  # fmt: skip


def of(record: CallRecord, papers: Papers, link_url: str) -> Json | None:
    """The documented ``monitor`` of a call that goes on; None if there is nothing in it."""
    if record.status in (Status.SCHEDULED, Status.ENDED):
        return None
    wishes, path = plan(papers), f"/monitor/{record.id}/{token(record.id)}"
    links = {}
    if wishes["listenEnabled"]:
        links["listenUrl"] = f"ws{link_url.removeprefix('http')}{path}/listen"
    if wishes["controlEnabled"]:
        links["controlUrl"] = f"{link_url}{path}/control"
    return links or None
