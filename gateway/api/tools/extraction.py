"""Variables out of a tool's answer: the documented VariableExtractionPlan. No IO.

A plan's ``schema`` names properties of the JSON answer, which become variables of their own; an
array is named by its title, else ``output``. ``aliases`` are Liquid templates in which ``$`` is the
whole answer. What is not there is left out.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
Fill = Callable[[str, Mapping[str, Any]], str]  # a template, and what it may name besides

_PATH = re.compile(r"\{\{-?\s*\$((?:\.[A-Za-z_][\w-]*|\[\d+\])*)\s*-?\}\}")
_DOLLAR = re.compile(r"(?<![\w$])\$(?=[.\[\s}|])")
_ANSWER = "tool_answer__"  # what the dollar is to Liquid, which knows no such name
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
_NOTHING = object()


def extract(plan: Json, answer: str, fill: Fill) -> Json:
    """The variables of a tool's answer."""
    try:
        found: Any = json.loads(answer)
    except (ValueError, RecursionError):
        found = answer
    variables = _by_schema(plan.get("schema") or {}, found)
    for alias in plan.get("aliases") or ():
        value = _aliased(str(alias["value"]), found, variables, fill)
        if value is not _NOTHING:
            variables[alias["key"]] = value
    return variables


def _by_schema(schema: Json, found: Any) -> Json:
    if schema.get("type") == "object" and isinstance(found, dict):
        named = schema.get("properties") or {}
        return {name: found[name] for name in named if name in found}
    if schema and schema.get("type") != "object":
        return {schema.get("title") or "output": found}
    return {}


def _aliased(template: str, found: Any, known: Json, fill: Fill) -> Any:
    if path := _PATH.fullmatch(template.strip()):
        return _at(path[1], found)
    return fill(_DOLLAR.sub(_ANSWER, template), {**known, _ANSWER: found})


def _at(path: str, found: Any) -> Any:
    """A value as it is: a template would make a text of it."""
    for name, index in _STEP.findall(path):
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return found
