"""The tools that do something on the phone: what a model is told of each, and what main needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.api.destinations import destination

Json = dict[str, Any]

TRANSFER_S = 3600.0  # a transfer has limits of its own, and always an outcome


def _nothing(tool: Json, language: str) -> Json:
    return {}


@dataclass(frozen=True)
class Kind:
    """``describe`` gives description and parameters, where the assistant gives none; ``options``
    is for main, and raises Unusable. Both are given the tool and the call's language."""

    describe: Callable[[Json, str], Json]
    options: Callable[[Json, str], Json] = _nothing
    timeout_s: float | None = None  # None: what the tool's server says
    fillers: bool = True  # while it runs, something may be said to the caller


def _end_call(tool: Json, language: str) -> Json:
    return {"description": "End the call, when the conversation is over."}


def _dtmf(tool: Json, language: str) -> Json:
    keys = {
        "type": "string",
        "description": "The keys in order: 0-9 * #; w pauses 0.5 s, W pauses 1 s.",
    }
    return {
        "description": "Press telephone keys, for example to get through a menu.",
        "parameters": _object({"keys": keys}, "keys"),
    }


def _transfer(tool: Json, language: str) -> Json:
    known = [(destination(d, language).name, d) for d in tool.get("destinations") or ()]
    if not known:
        return {"description": "Transfer the caller to somebody else."}
    lines = [
        f"- {name}: {given.get('description') or given.get('name') or ''}".rstrip(": ")
        for name, given in known
    ]
    where = {
        "type": "string",
        "enum": [name for name, _ in known],
        "description": "To whom the caller is transferred.",
    }
    return {
        "description": "\n".join(["Transfer the caller to one of these:", *lines]),
        "parameters": _object({"destination": where}, "destination"),
    }


def _destinations(tool: Json, language: str) -> Json:
    own = any(m.get("type") == "request-start" for m in tool.get("messages") or ())
    found = [destination(d, language, announced=own) for d in tool.get("destinations") or ()]
    return {"destinations": [each.model_dump(mode="json") for each in found]}


def _sip_request(tool: Json, language: str) -> Json:
    """What is given as a schema, the model writes; what is given as it is, is sent so."""
    wanted = {name: tool[name] for name in ("headers", "body") if _is_schema(tool.get(name))}
    return {
        "description": f"Send a SIP {tool['verb']} request to the caller's telephone system.",
        "parameters": _object(wanted, *wanted),
    }


def _sip_given(tool: Json, language: str) -> Json:
    headers, body = tool.get("headers") or {}, tool.get("body")
    return {
        "verb": tool["verb"],
        "headers": {} if _is_schema(headers) else headers,
        "body": None if _is_schema(body) else body,
    }


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and (
        isinstance(value.get("properties"), dict) or value.get("type") in ("string", "object")
    )


def _object(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _voicemail(tool: Json, language: str) -> Json:
    return {
        "description": "Leave a message and hang up. Call this as soon as it is clear that a "
        "mailbox or an answering machine has answered the call, and not a person."
    }


def _take_message(tool: Json, language: str) -> Json:
    return {
        "description": "Take a message: after a beep, what the caller says is recorded and "
        "written down for the call's owner, until the caller is silent or presses #."
    }


def _taking(tool: Json, language: str) -> Json:
    return {
        "beep": tool.get("beep") is not False,
        "max_s": tool.get("maxSeconds") or 120.0,
        "silence_s": tool.get("silenceSeconds") or 4.0,
    }


HOLD_S = 60.0


def _hold(tool: Json, language: str) -> Json:
    most = tool.get("maxSeconds") or HOLD_S
    seconds = {"type": "number", "description": f"for how long; {most:g} at the most"}
    return {
        "description": "Put the caller on hold: they hear music, and you hear nothing meanwhile.",
        "parameters": {"type": "object", "properties": {"seconds": seconds}},
    }


PHONE_TOOLS: dict[str, Kind] = {
    "endCall": Kind(_end_call),
    "dtmf": Kind(_dtmf, lambda tool, _: {"by_info": bool(tool.get("sipInfoDtmfEnabled"))}),
    "transferCall": Kind(_transfer, _destinations, TRANSFER_S, fillers=False),
    "sipRequest": Kind(_sip_request, _sip_given, 40.0),
    "takeMessage": Kind(_take_message, _taking, 660.0, fillers=False),
    "hold": Kind(_hold, lambda tool, _: {"max_s": tool.get("maxSeconds") or HOLD_S}, 660.0, False),
    "voicemail": Kind(_voicemail, fillers=False),
}
