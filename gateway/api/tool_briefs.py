"""From an assistant's tools, in the API's JSON, to what an agent is told about them."""

import logging
from typing import Any, Literal

from gateway.agent.brief import Condition, ToolBrief, ToolMessage
from gateway.agent.phrases import phrases
from gateway.api.handoff_tools import handoff_briefs
from gateway.api.phone_tools import PHONE_TOOLS
from gateway.api.said import text_of
from gateway.api.tools import kinds

log = logging.getLogger(__name__)

Tool = dict[str, Any]

TIMEOUT_S = 20.0

_MOMENTS: dict[str, Literal["start", "delayed", "complete", "failed"]] = {
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
    given = (tool.get("function") or {}).get("name")
    return str(given or kinds.model_name(tool.get("name") or tool["type"]))


def tool_briefs(model: dict[str, Any], language: str = "en") -> tuple[ToolBrief, ...]:
    """What is said about them is in ``language`` where it was written in several."""
    briefs: dict[str, ToolBrief] = {}
    for tool in all_tools(model):
        if is_elsewhere(tool):
            continue
        if tool["type"] == "handoff":
            said = tuple(_message(message, language) for message in tool.get("messages") or ())
            briefs |= {one.name: one for one in handoff_briefs(tool, said, language)}
        elif tool["type"] not in PHONE_TOOLS and kinds.described(tool) is None:
            log.warning("a tool is left out: type %s is not available here", tool["type"])
        elif (name := tool_name(tool)) in briefs:
            log.warning("a tool is left out: there are two named %s", name)
        else:
            briefs[name] = _brief(name, tool, language)
    return tuple(briefs.values())


def is_elsewhere(tool: Tool) -> bool:
    """It stands for tools that its server is to be asked for."""
    return tool["type"] == "mcp" and "mcpName" not in tool


def elsewhere(model: dict[str, Any]) -> tuple[ToolBrief, ...]:
    return tuple(_brief(tool_name(t), t, "en") for t in all_tools(model) if is_elsewhere(t))


def _brief(name: str, tool: Tool, language: str) -> ToolBrief:
    kind = PHONE_TOOLS.get(tool["type"])
    told = kind.describe(tool, language) if kind else kinds.described(tool) or {}
    described = told | _given(tool.get("function") or {})
    server = tool.get("server") or {}
    waited_for = kind is None and not tool.get("async")
    messages = [
        _message(message, language)
        for message in tool.get("messages") or ()
        if message["type"] != "request-response-delayed" or kind is None or kind.fillers
    ]
    if tool["type"] == "takeMessage" and tool.get("prompt"):
        messages.insert(0, ToolMessage(at="start", content=tool["prompt"], blocking=True))
    if waited_for and not any(message.at == "start" for message in messages):
        messages += [
            ToolMessage(at="start", content=text, own=True) for text in phrases(language).moments
        ]
    return ToolBrief(
        kind=tool["type"],
        name=name,
        messages=tuple(messages),
        wait=not tool.get("async"),
        strict=bool(described.get("strict")),
        server=tool.get("server"),
        timeout_s=(kind and kind.timeout_s)
        or tool.get("timeoutSeconds")
        or server.get("timeoutSeconds")
        or TIMEOUT_S,
        written=tool,
        options=kind.options(tool, language) if kind else {},
        **{key: described[key] for key in ("description", "parameters") if key in described},
    )


def _given(function: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in function.items() if value is not None}


def _message(message: dict[str, Any], language: str) -> ToolMessage:
    delayed = message["type"] == "request-response-delayed"
    return ToolMessage(
        at=_MOMENTS[message["type"]],
        content=text_of(message, language) or (phrases(language).still if delayed else ""),
        after_ms=int(message.get("timingMilliseconds") or 0),
        conditions=tuple(
            Condition(operator=c["operator"], param=c["param"], value=str(c["value"]))
            for c in message.get("conditions") or ()
        ),
        blocking=bool(message.get("blocking")),
        to_model=message.get("role") == "system",
        end_call=bool(message.get("endCallAfterSpokenEnabled")),
    )
