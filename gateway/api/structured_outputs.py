"""Structured outputs: facts that an assistant's ``artifactPlan`` wants of every call, each by its
own JSON schema. No IO.

Of type ``ai`` a model finds them, of type ``regex`` a pattern in the transcript. One whose
conditions do not all hold is skipped, and the artifact says which condition it was.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jsonschema

from gateway.calls.record import CallRecord

Json = dict[str, Any]

_LITERAL = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}

READ = 100_000  # characters of a transcript that a pattern looks at

_ASKED: list[Json] = [
    {
        "role": "system",
        "content": "You are an expert data extractor. You will be given the transcript of a call. "
        "Extract {{ structuredOutput.name }} by this JSON schema, and answer with the JSON "
        "alone.\n\n{{ structuredOutput.schema }}\n\n{{ structuredOutput.description }}",
    },
    {"role": "user", "content": "Here is the transcript:\n\n{{ transcript }}"},
]


def wanted(assistant: Json) -> dict[str, Json]:
    """The plans by id. One that is written in the assistant itself has the id of its name, so that
    it is the same for every call."""
    plan = assistant.get("artifactPlan") or {}
    inline = plan.get("structuredOutputs") or ()
    return {one.get("id") or str(uuid5(NAMESPACE_URL, one["name"])): one for one in inline}


def unmet(plan: Json, record: CallRecord) -> Json | None:
    """The first of its conditions that does not hold."""
    spoken = sum(line.role in ("user", "assistant") for line in record.transcript)
    for condition in plan.get("conditions") or ():
        match condition.get("type"):
            case "minMessages":
                holds = spoken >= condition["count"]
            case "minCallDuration":
                holds = record.minutes * 60 >= condition["seconds"]
            case "endedReason":
                inside = record.ended_reason in condition["values"]
                holds = inside is (condition["operator"] == "oneOf")
            case _:
                holds = True
        if not holds:
            return dict(condition)
    return None


def storable(plans: Mapping[str, Json]) -> tuple[str, ...]:
    """Those whose owner has them kept although nothing else of the call is."""
    wishes = {i: plan.get("compliancePlan") or {} for i, plan in plans.items()}
    return tuple(i for i, wish in wishes.items() if wish.get("forceStoreOnHipaaEnabled"))


def question(plan: Json) -> Json:
    """What a model is asked, as a part of an analysis."""
    own = (plan.get("model") or {}).get("messages")
    described = {
        "name": plan["name"],
        "description": plan.get("description") or "",
        "schema": json.dumps(plan["schema"]),
    }
    return {"default": own or _ASKED, "json": True, "known": {"structuredOutput": described}}


def by_pattern(plan: Json, transcript: str) -> Any:
    """The first group of the first match, or all of it, as the schema's type has it; None: there
    is nothing. Raises ValueError."""
    written, flags = plan.get("regex") or "", 0
    if literal := _LITERAL.fullmatch(written):  # as JavaScript writes one
        written = literal[1]
        flags = sum(_FLAGS.get(flag, 0) for flag in set(literal[2]))
    try:
        pattern = re.compile(written, flags)
    except re.error as error:
        raise ValueError(f"its regex is not valid: {error}") from None
    text, kind = transcript[:READ], plan["schema"].get("type")
    found = pattern.search(text)
    if kind == "boolean":
        return found is not None
    if kind == "array":
        return [one[1] if pattern.groups else one[0] for one in pattern.finditer(text)]
    if found is None:
        return None
    if kind == "object" and pattern.groupindex:
        return found.groupdict()
    value = found[1] if pattern.groups else found[0]
    return json.loads(value) if kind in ("number", "integer") else value


def checked(value: Any, schema: Json) -> Any:
    """The value, if it is one of the schema. Raises ValueError."""
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        raise ValueError(f"{error.json_path}: {error.message[:200]}") from None
    except jsonschema.SchemaError as error:
        raise ValueError(f"its schema is not valid: {error.message[:200]}") from None
    return value


def result(plan: Json, value: Any) -> Json:
    """As the artifact shows it."""
    return {"name": plan["name"], "result": value}


def skipped(plan: Json, condition: Json) -> Json:
    return {"name": plan["name"], "unmetCondition": condition}
