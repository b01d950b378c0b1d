"""From an assistant's tools, in the API's JSON, to what an agent is told about them."""

import logging
from typing import Any

from gateway.agent.brief import ToolBrief, ToolMessage

log = logging.getLogger(__name__)

Tool = dict[str, Any]

TIMEOUT_S = 20.0

# What a model is told of a tool that the assistant does not describe.
_BUILT_IN: dict[str, Tool] = {
    "endCall": {"description": "End the call, when the conversation is over."},
    "dtmf": {
        "description": "Press telephone keys, for example to get through a menu.",
        "parameters": {
            "type": "object",
            "properties": {
                "keys": {
                    "type": "string",
                    "description": "The keys in order: 0-9 * #; w pauses 0.5 s, W pauses 1 s.",
                }
            },
            "required": ["keys"],
        },
    },
}

_MOMENTS = {
    "request-start": "start",
    "request-response-delayed": "delayed",
    "request-complete": "complete",
    "request-failed": "failed",
}


def all_tools(model: dict[str, Any]) -> list[Tool]:
    """The model's tools; ``functions`` is how older clients wrote them."""
    older = [{"type": "function", "function": f} for f in model.get("functions") or ()]
    return [*(model.get("tools") or ()), *older]


def tool_name(tool: Tool) -> str:
    """What the model calls it; a built-in tool is by default called like its type."""
    return (tool.get("function") or {}).get("name") or tool.get("name") or str(tool["type"])


def tool_briefs(model: dict[str, Any]) -> tuple[ToolBrief, ...]:
    briefs: dict[str, ToolBrief] = {}
    if saved := [*(model.get("toolIds") or ()), *(model.get("toolRefs") or ())]:
        log.warning("%d tools are left out: saved tools are not available here", len(saved))
    for tool in all_tools(model):
        if tool["type"] not in ("function", *_BUILT_IN):
            log.warning("a tool is left out: type %s is not available here", tool["type"])
        elif (name := tool_name(tool)) in briefs:
            log.warning("a tool is left out: there are two named %s", name)
        else:
            briefs[name] = _brief(name, tool)
    return tuple(briefs.values())


def _brief(name: str, tool: Tool) -> ToolBrief:
    described = _BUILT_IN.get(tool["type"], {}) | _given(tool.get("function") or {})
    server = tool.get("server") or {}
    messages = tool.get("messages") or ()
    return ToolBrief(
        kind=tool["type"],
        name=name,
        messages=tuple(_message(m) for m in messages if not m.get("conditions")),
        wait=not tool.get("async"),
        server=tool.get("server"),
        timeout_s=server.get("timeoutSeconds") or TIMEOUT_S,
        **{key: described[key] for key in ("description", "parameters") if key in described},
    )


def _given(function: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in function.items() if value is not None}


def _message(message: dict[str, Any]) -> ToolMessage:
    contents = message.get("contents") or [{}]
    english = [c for c in contents if c.get("language") == "en"] or contents
    return ToolMessage.model_validate(
        {
            "at": _MOMENTS[message["type"]],
            "content": message.get("content") or english[0].get("text") or "",
            "after_ms": int(message.get("timingMilliseconds") or 0),
        }
    )
