"""From an assistant's ``recordingConsentPlan`` to the agent that asks for it, before the assistant
itself has the call.

That nobody agreed is what is true until somebody does. Who declines by word of mouth is the
``declineTool``'s; without one, the call ends.
"""

from typing import Any

from gateway.agent.brief import Brief, Choice, ConsentPlan, ToolBrief
from gateway.api.tool_briefs import tool_briefs
from gateway.api.unusable import Unusable

Json = dict[str, Any]

NAME = "Recording consent"
WAIT_S = 3.0

_GRANT = ToolBrief(
    kind="recordingConsent",
    name="recording_consent_given",
    description="The caller has clearly agreed to be recorded.",
)
_ASKING = (
    "You ask the caller of a telephone call for consent to record it, and do nothing else. You "
    "have asked, or begin by saying, word for word: {message!r}\n"
    "If the caller clearly agrees, call {grant}. If the caller declines, call {decline}. If it is "
    "not clear, or the caller says something else, ask again, shortly, for a yes or a no. Never "
    "take silence, a question or a greeting for consent. Answer in the caller's language. Say "
    "nothing beside a call of a tool."
)
# Where no model reads what the caller says: by these words: the longest that is found, and
# of those as long a no.
_YES = ("yes", "yeah", "i agree", "i consent", "of course", "ja", "einverstanden", "oui",
        "d'accord", "sí", "de acuerdo")  # fmt: skip
_NO = ("no", "nope", "not", "don't", "i do not agree", "i don't agree", "i do not consent",
       "i don't consent", "of course not", "i decline", "nein", "nicht", "nicht einverstanden",
       "non", "pas d'accord", "no de acuerdo")  # fmt: skip


def consent_plan(assistant: Json, brief: Brief, voice: Choice | None) -> ConsentPlan | None:
    """None: nobody is asked. ``voice`` is the plan's own, if it has one."""
    plan = (assistant.get("compliancePlan") or {}).get("recordingConsentPlan")
    if not plan:
        return None
    staying, message = plan["type"] == "stay-on-line", plan["message"]
    waits = plan.get("firstMessageMode") == "assistant-waits-for-user"
    declining = _declining(plan)
    asking = {
        "name": NAME,
        "consent": None,
        "greeting": message,
        "greeting_mode": "wait" if waits else "speak",
        "greeting_interruptible": False,
        "tools": () if staying else (_GRANT, *declining),
        "elsewhere": (),
        "knowledge": None,
        "system": () if staying else _told(message, declining[0].name),
        "thinking": _written(message, waits) if staying else brief.thinking,
        "hooks": tuple(hook for hook in brief.hooks if hook.on == "ending"),
        "end_phrases": (),
        "record": False,
    }
    if voice:
        asking |= {"speaking": voice, "speaking_substitutes": ()}
    if staying:
        asking["substitutes"] = ()
    elif brief.thinking.vendor == "script":
        asking["thinking"] = _by_words(message, declining[0].name)
    return ConsentPlan(
        kind=plan["type"],
        wait_s=plan.get("waitSeconds") or WAIT_S,
        brief=brief.model_copy(update=asking),
    )


def _declining(plan: Json) -> tuple[ToolBrief, ...]:
    found = tool_briefs({"tools": [plan.get("declineTool") or {"type": "endCall"}]})
    if not found:
        raise Unusable(
            "compliancePlan.recordingConsentPlan.declineTool: its server names the tools"
        )
    return found


def _told(message: str, decline: str) -> tuple[Json, ...]:
    text = _ASKING.format(message=message, grant=_GRANT.name, decline=decline)
    return ({"role": "system", "content": text},)


def _written(message: str, waits: bool) -> Choice:
    """The message, once the caller has said something; nothing else, whatever is said."""
    said = [message, ""] if waits else [""]
    return _script({"unsure": said})


def _by_words(message: str, decline: str) -> Choice:
    yes = {"phrases": _YES, "tool": {"name": _GRANT.name}}
    no = {"phrases": _NO, "tool": {"name": decline}}
    return _script({"rules": [no, yes], "unsure": [message]})  # of two that fit, the first counts


def _script(state: Json) -> Choice:
    script = {"start": "only", "states": {"only": state}}
    return Choice(vendor="script", options={"script": script})
