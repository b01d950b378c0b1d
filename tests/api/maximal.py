"""Objects with every documented field, made of the shapes themselves."""

import re
from collections.abc import Iterator
from typing import Any

from gateway.api.shapes import Schema, shapes

INSTANT = "2030-01-02T03:04:05.678Z"


def members(name: str) -> list[str]:
    """The names of a union's members; of an object, its own."""
    union = shapes()[name].get("discriminator")
    if union is None:
        return [name]
    return [reference.rpartition("/")[2] for reference in union["mapping"].values()]


def maximal(schema: Schema, turn: int = 0, within: tuple[str, ...] = ()) -> Any:
    """A value with every field of the schema. Of a choice, ``turn`` says which; an object within
    itself has what is required."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        again = name in within
        schema = shapes()[name]
        if again and "properties" in schema:
            wanted = schema.get("required", ())
            parts = {
                n: {"enum": [[]]} if p.get("type") == "array" else p
                for n, p in schema["properties"].items()
                if n in wanted
            }
            schema = schema | {"properties": parts}
        return maximal(schema, turn, (*within, name))
    if "discriminator" in schema:
        mapping = schema["discriminator"]["mapping"]
        kind = list(mapping)[turn % len(mapping)]
        value = maximal({"$ref": mapping[kind]}, turn, within)
        return value | {schema["discriminator"]["propertyName"]: kind}
    if "anyOf" in schema:
        return maximal(schema["anyOf"][turn % len(schema["anyOf"])], turn, within)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][turn % len(schema["enum"])]
    return _plain(schema, turn, within)


def _plain(schema: Schema, turn: int, within: tuple[str, ...]) -> Any:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            others = schema.get("additionalProperties", True)
            if isinstance(others, dict):
                return {"any": maximal(others, turn, within)}
            if not fields and others:
                return {"any": {"thing": [1, "two", None]}}
            return {name: maximal(part, turn, within) for name, part in fields.items()}
        case "array":
            return [maximal(schema.get("items", {}), turn + n, within) for n in range(2)]
        case "string" if schema.get("format") == "date-time":
            return INSTANT
        case "string":
            return ("é" * schema.get("minLength", 2))[: schema.get("maxLength", None)]
        case "integer" | "number":
            return schema.get("maximum", schema.get("minimum", 0) + 1)
        case "boolean":
            return turn % 2 == 0
    return {"any": "value"}


def paths(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field in it, by the names on the way there; the parts of a list have none."""
    match value:
        case dict():
            for name, part in value.items():
                yield (*at, name)
                yield from paths(part, (*at, name))
        case list():
            for part in value:
                yield from paths(part, at)


def snake(name: str) -> str:
    """As the Python SDK spells a field."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
