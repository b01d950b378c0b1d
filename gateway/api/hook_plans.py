"""From an assistant's hooks, and its older messagePlan, to those of a brief."""

import logging
import re
from typing import Any

from gateway.agent.brief import ToolBrief
from gateway.agent.plans import Hook, HookAction
from gateway.api.tool_briefs import tool_briefs

log = logging.getLogger(__name__)

Json = dict[str, Any]

_EVENTS = {
    "customer.speech.timeout": "silence",
    "call.timeElapsed": "elapsed",
    "model.response.timeout": "slow",
    "assistant.speech.interrupted": "agent-interrupted",
    "customer.speech.interrupted": "caller-interrupted",
    "assistant.transcriber.endpointedSpeechLowConfidence": "unsure",
    "call.ending": "ending",
}
# customer.speech.timeout[timeoutSeconds=10]: how the documentation abbreviates options.
_SHORT = re.compile(r"(?P<event>[\w.]+)(?:\[(?P<name>\w+)=(?P<value>[^\]]*)\])?$")

SLOW_S = 5.0  # model.response.timeout has no option for it
CONFIDENCE = 0.4  # the documented most of a transcript whose confidence is low


def hook_plans(assistant: Json) -> tuple[tuple[Hook, ...], tuple[ToolBrief, ...]]:
    """The hooks, and the tools that they call."""
    tools: dict[str, ToolBrief] = {}
    hooks = [
        made for hook in assistant.get("hooks") or () if (made := _hook(hook, tools)) is not None
    ]
    plan = assistant.get("messagePlan") or {}
    if plan.get("idleMessages"):
        hooks.append(_idle(plan))
    return tuple(hooks), tuple(tools.values())


def _idle(plan: Json) -> Hook:
    say = HookAction(do="say", texts=tuple(plan["idleMessages"]), in_order=True)
    return Hook(
        on="silence",
        after_s=plan.get("idleTimeoutSeconds") or 10.0,
        most=int(plan.get("idleMessageMaxSpokenCount") or 3),
        forgetful=bool(plan.get("idleMessageResetCountOnUserSpeechEnabled")),
        do=(say,),
    )


def _hook(hook: Json, tools: dict[str, ToolBrief]) -> Hook | None:
    written = _SHORT.match(hook["on"])
    event = _EVENTS.get(written["event"]) if written else None
    if written is None or event is None:
        log.warning("a hook is left out: nothing happens here that is called %s", hook["on"])
        return None
    options = dict(hook.get("options") or {})
    if written["name"]:
        options.setdefault(written["name"], written["value"])
    actions = [
        made for action in hook.get("do") or () if (made := _action(action, tools)) is not None
    ]
    given: Json = {"on": event, "do": tuple(actions)}
    if event == "silence":
        given["after_s"] = float(options.get("timeoutSeconds") or 7.5)
        given["most"] = int(float(options.get("triggerMaxCount") or 3))
        given["forgetful"] = options.get("triggerResetMode") == "onUserSpeech"
    elif event == "elapsed":
        given["after_s"] = float(options.get("seconds") or 60.0)
    elif event == "slow":
        given["after_s"] = float(options.get("timeoutSeconds") or SLOW_S)
    elif event == "unsure":
        given["confidence"] = _confidence(options)
    elif event == "ending":
        given["reasons"] = _reasons(hook.get("filters"))
    return Hook(**given)


def _confidence(options: Json) -> tuple[float, float]:
    """``confidence=min:max`` is the short form."""
    least, _, most = str(options.get("confidence") or "").partition(":")
    highest = float(most or options.get("confidenceMax") or CONFIDENCE)
    return float(least or options.get("confidenceMin") or max(0.0, highest - 0.2)), highest


def _reasons(filters: list[Json] | None) -> tuple[str, ...] | None:
    """All filters must let a reason pass, so it is what they have in common."""
    known = [set(f["oneOf"]) for f in filters or () if f.get("key") == "call.endedReason"]
    return tuple(sorted(set.intersection(*known))) if known else None


def _action(action: Json, tools: dict[str, ToolBrief]) -> HookAction | None:
    match action.get("type") or "say":
        case "say" if exact := action.get("exact"):
            return HookAction(do="say", texts=(exact,) if isinstance(exact, str) else tuple(exact))
        case "say" if prompt := action.get("prompt"):
            return HookAction(do="prompt", messages=_messages(prompt))
        case "message.add":
            answer = action.get("triggerResponseEnabled")
            return HookAction(
                do="add", messages=_messages([action["message"]]), answer=answer is not False
            )
        case "tool" if tool := action.get("tool"):
            for brief in tool_briefs({"tools": [tool]}):
                tools[brief.name] = brief
                return HookAction(do="tool", tool=brief.name, arguments=_arguments(tool))
    log.warning("an action of a hook is left out: %s", action.get("type") or "say")
    return None


def _messages(prompt: str | list[Json]) -> tuple[dict[str, str], ...]:
    if isinstance(prompt, str):
        return ({"role": "system", "content": prompt},)
    roles = {"developer": "system", "bot": "assistant"}
    return tuple(
        {
            "role": roles.get(str(m["role"]), str(m["role"])),
            "content": str(m.get("content") or m.get("message") or ""),
        }
        for m in prompt
    )


def _arguments(tool: Json) -> Json:
    """What the model would fill in: here, what is fixed."""
    parameters = tool.get("parameters")
    return {p["key"]: p.get("value") for p in parameters} if isinstance(parameters, list) else {}
