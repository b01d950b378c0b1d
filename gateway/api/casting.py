"""Who holds a call: an assistant or a squad, saved or given with it, and what is laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.agent.brief import VendorKey
from gateway.api.briefs import resolve
from gateway.api.errors import BadRequest
from gateway.api.tools.saved import with_saved_tools
from gateway.api.vendor_keys import keys_of
from gateway.store import Holdings
from gateway.store.rows import Rows, Stored

Json = dict[str, Any]

SOURCES = ("assistantId", "assistant", "squadId", "squad")


@dataclass(frozen=True)
class Cast:
    """``assistant`` is what speaks, overrides and all; ``given`` what came with the call instead
    of an id, as it came."""

    assistant: Json
    assistant_id: str | None = None
    given: Json | None = None
    squad_id: str | None = None
    squad: Json | None = None  # its body, also if it is saved
    squad_overrides: Json = field(default_factory=dict)
    variables: Json = field(default_factory=dict)
    missing: tuple[str, ...] = ()  # saved tools that are not there
    keys: Mapping[str, VendorKey] = field(default_factory=dict)

    @property
    def papers(self) -> Json:
        """What is remembered with the call."""
        papers: Json = {"assistant": self.assistant}
        if self.squad:
            papers["squad"] = self.squad
            papers["squadOverrides"] = self.squad_overrides
            papers["squadId"] = self.squad_id
        return papers


def names_somebody(source: Mapping[str, Any]) -> bool:
    return any(source.get(name) not in (None, "") for name in SOURCES)


async def cast(source: Mapping[str, Any], holdings: Holdings, *over: Json | None) -> Cast:
    """Who ``source`` names, by one of ``SOURCES``; its ``assistantOverrides`` and
    ``squadOverrides`` are laid over that, and then each of ``over``. Raises BadRequest, Unusable.
    """
    given = [name for name in SOURCES if source.get(name) is not None]
    if len(given) > 1:
        raise BadRequest([f"{given[0]} and {given[1]} should not both be given"])
    if not given:
        raise BadRequest(["assistantId should not be empty: who is to speak? Or give assistant"])
    what, value = given[0], source[given[0]]
    layers = [source.get("assistantOverrides"), *over]
    if what in ("squadId", "squad"):
        squad, squad_id = value, None
        if what == "squadId":
            stored = await found(holdings.squads, "squadId", value)
            squad, squad_id = stored.body, stored.id
        if not squad.get("members"):
            raise BadRequest(["squad.members should not be empty: the first of them begins"])
        overrides = source.get("squadOverrides") or {}
        first = await member(squad, 0, overrides, holdings, *layers)
        return Cast(
            first.assistant, first.assistant_id, None, squad_id, squad, overrides, first.variables,
            first.missing, first.keys,
        )  # fmt: skip
    if what == "assistantId":
        stored = await found(holdings.assistants, "assistantId", value)
        return await _laid(stored.body, stored.id, None, layers, holdings)
    return await _laid(value, None, value, layers, holdings)


async def member(
    squad: Json, index: int, squad_overrides: Json, holdings: Holdings, *over: Json | None
) -> Cast:
    """One of a squad, with the way to the others among its tools. Raises BadRequest."""
    one = squad["members"][index]
    if one.get("assistantId"):
        stored = await found(
            holdings.assistants, f"members.{index}.assistantId", one["assistantId"]
        )
        assistant, assistant_id = stored.body, stored.id
    elif one.get("assistant"):
        assistant, assistant_id = one["assistant"], None
    else:
        raise BadRequest([f"members.{index}.assistantId should not be empty: or give assistant"])
    ways = one.get("assistantDestinations") or []
    tools = [{"type": "handoff", "destinations": ways}] if ways else []
    layers = [
        squad.get("membersOverrides"), one.get("assistantOverrides"), squad_overrides, *over,
        {"tools:append": tools},
    ]  # fmt: skip
    return await _laid(assistant, assistant_id, None, layers, holdings)


async def named(squad: Json, name: str, holdings: Holdings) -> int | None:
    """The place of the member of this name."""
    for index, one in enumerate(squad["members"]):
        body = one.get("assistant") or {}
        if one.get("assistantId"):
            body = (await found(holdings.assistants, "assistantId", one["assistantId"])).body
        own = (one.get("assistantOverrides") or {}).get("name") or body.get("name")
        if name in (own, one.get("assistantId")):
            return index
    return None


async def _laid(
    assistant: Json,
    assistant_id: str | None,
    given: Json | None,
    layers: list[Json | None],
    holdings: Holdings,
) -> Cast:
    variables: Json = {}
    for layer in layers:
        assistant = resolve(assistant, layer)
        variables |= (layer or {}).get("variableValues") or {}
    if assistant.get("metadata"):
        variables = {"metadata": assistant["metadata"]} | variables
    missing: list[str] = []
    assistant = await with_saved_tools(assistant, holdings, missing)
    return Cast(
        assistant,
        assistant_id,
        given,
        variables=variables,
        missing=tuple(missing),
        keys=await keys_of(assistant, holdings),
    )


async def found(rows: Rows, field_: str, value: Any) -> Stored:
    """What this field names. Raises BadRequest, naming the field."""
    try:
        stored = await rows.get(str(UUID(value)))
    except (ValueError, AttributeError, TypeError):
        raise BadRequest([f"{field_} must be a UUID"]) from None
    if stored is None:
        raise BadRequest([f"{field_} {value} does not exist"])
    return stored
