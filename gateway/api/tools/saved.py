"""Saved tools (``toolIds``, ``toolRefs``, a hook's ``toolId``, a recordingConsentPlan's
``declineToolId``) in the place of their ids."""

from typing import Any

from gateway.store import Holdings

Json = dict[str, Any]


async def with_saved_tools(assistant: Json, holdings: Holdings, missing: list[str]) -> Json:
    """The assistant with its organisation's tools written out. What is not there is left out and
    told in ``missing``; it was deleted, or is another organisation's."""
    equipped = dict(assistant)
    model = assistant.get("model") or {}
    if wanted := _wanted(model):
        found = [await _tool(holdings, *one, missing) for one in wanted]
        tools = [*(model.get("tools") or ()), *(tool for tool in found if tool)]
        rest = {n: v for n, v in model.items() if n not in ("toolIds", "toolRefs")}
        equipped["model"] = rest | {"tools": tools}
    if hooks := assistant.get("hooks"):
        equipped["hooks"] = [await _hook(hook, holdings, missing) for hook in hooks]
    compliance = assistant.get("compliancePlan") or {}
    consent = compliance.get("recordingConsentPlan") or {}
    if (tool_id := consent.get("declineToolId")) and not consent.get("declineTool"):
        name = f"compliancePlan.recordingConsentPlan.declineToolId {tool_id}"
        tool = await _tool(holdings, name, tool_id, missing)
        given = {"declineTool": tool} if tool else {}
        equipped["compliancePlan"] = compliance | {"recordingConsentPlan": consent | given}
    return equipped


def _wanted(model: Json) -> list[tuple[str, str]]:
    """Field and id, each id once; versions are not kept here, so a pinned one is the same tool."""
    ids = {i: f"model.toolIds {i}" for i in model.get("toolIds") or ()}
    ids |= {r["toolId"]: f"model.toolRefs {r['toolId']}" for r in model.get("toolRefs") or ()}
    return [(name, tool_id) for tool_id, name in ids.items()]


async def _hook(hook: Json, holdings: Holdings, missing: list[str]) -> Json:
    actions = []
    for action in hook.get("do") or ():
        if action.get("type") == "tool" and action.get("toolId") and not action.get("tool"):
            name = f"hooks do toolId {action['toolId']}"
            tool = await _tool(holdings, name, action["toolId"], missing)
            action = action | ({"tool": tool} if tool else {})
        actions.append(action)
    return hook | {"do": actions}


async def _tool(holdings: Holdings, name: str, tool_id: str, missing: list[str]) -> Json | None:
    stored = await holdings.tools.get(tool_id)
    if stored is None:
        missing.append(f"{name} does not exist")
        return None
    return stored.body
