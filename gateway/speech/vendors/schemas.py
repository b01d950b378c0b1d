"""JSON schemas of tools, for vendors that do not take all of JSON Schema."""

from dataclasses import replace
from typing import Any, Literal

from gateway.speech.contract import Tool

Stripping = Literal["validation", "parameters"]

# What Azure refuses in a strict tool: "Unsupported type-specific keywords" of
# https://learn.microsoft.com/azure/ai-services/openai/how-to/structured-outputs.
UNSUPPORTED = frozenset(
    {
        "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf",
        "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties",
        "maxProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "minItems",
        "maxItems", "uniqueItems",
    }
)  # fmt: skip


def stripped(tool: Tool, how: Stripping) -> Tool:
    """A strict tool without the validation, or without the parameters that have such."""
    if not tool.strict:
        return tool
    return replace(tool, parameters=_schema(tool.parameters, how))


def _schema(schema: dict[str, Any], how: Stripping) -> dict[str, Any]:
    kept = {name: value for name, value in schema.items() if name not in UNSUPPORTED}
    if isinstance(properties := kept.get("properties"), dict):
        kept["properties"] = {
            name: _schema(part, how) if isinstance(part, dict) else part
            for name, part in properties.items()
            if how == "validation" or not (isinstance(part, dict) and UNSUPPORTED & part.keys())
        }
        if "required" in kept:
            kept["required"] = [name for name in kept["required"] if name in kept["properties"]]
    if isinstance(items := kept.get("items"), dict):
        kept["items"] = _schema(items, how)
    for union in ("anyOf", "oneOf", "allOf"):
        if isinstance(parts := kept.get(union), list):
            kept[union] = [_schema(p, how) if isinstance(p, dict) else p for p in parts]
    return kept
