"""Is this JSON what the API takes? Every problem, each naming its field by its dotted path.

Reads the part of JSON Schema that the tables use: ``$ref``, ``type``, ``const``, ``enum``,
``anyOf``, ``discriminator``, ``properties``, ``required``, ``additionalProperties``, ``items``, and
the ranges. A field that may be absent may also be null, and then means the same.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gateway.api.shapes import Schema, shapes

DEEPEST = 60  # levels of nesting; an honest assistant has some ten
MOST = 50  # problems told at once

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a string"),
    "number": ((int, float), "a number conforming to the specified constraints"),
    "integer": ((int,), "an integer number"),
    "boolean": ((bool,), "a boolean value"),
    "object": ((dict,), "an object"),
    "array": ((list,), "an array"),
}


def problems(schema: Schema, value: Any, at: str = "") -> list[str]:
    """What is wrong with ``value``, at most ``MOST`` sentences; empty if nothing is."""
    found = []
    for problem in _check(schema, value, at, 0):
        found.append(problem)
        if len(found) == MOST:
            break
    return found


def optional(schema: Schema) -> Schema:
    """The same object with nothing required: what a PATCH takes."""
    return {**_resolve(schema), "required": []}


def _resolve(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = shapes()[schema["$ref"].rpartition("/")[2]]
    return schema


def _check(schema: Schema, value: Any, at: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        yield f"{at or 'body'} is nested too deeply"
        return
    schema = _resolve(schema)
    if "discriminator" in schema:
        yield from _check_union(schema["discriminator"], value, at, depth)
    elif "anyOf" in schema:
        yield from _check_any(schema["anyOf"], value, at, depth)
    elif "const" in schema:
        if value != schema["const"] or isinstance(value, bool):
            yield _not_one_of(at, [schema["const"]])
    elif "enum" in schema:
        if value not in schema["enum"] or isinstance(value, bool):
            otherwise = schema.get("x-otherwise")
            yield _not_one_of(at, schema["enum"]) + (f" ({otherwise})" if otherwise else "")
    elif "type" in schema:
        yield from _check_type(schema, value, at, depth)


def _check_type(schema: Schema, value: Any, at: str, depth: int) -> Iterator[str]:
    name = schema["type"]
    types, words = _TYPES[name]
    fits = isinstance(value, types)
    if not fits or (isinstance(value, bool) and name != "boolean"):
        yield f"{at or 'body'} must be {words}"
    elif name == "string":
        yield from _check_string(schema, value, at)
    elif name in ("number", "integer"):
        yield from _check_number(schema, value, at)
    elif name == "object":
        yield from _check_object(schema, value, at, depth)
    elif name == "array":
        if len(value) < schema.get("minItems", 0):
            yield f"{at} must contain at least {schema['minItems']} elements"
        for index, item in enumerate(value):
            yield from _check(schema.get("items", {}), item, _join(at, str(index)), depth + 1)


def _check_string(schema: Schema, value: str, at: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", math.inf):
        yield f"{at} must be shorter than or equal to {schema['maxLength']} characters"
    if len(value) < schema.get("minLength", 0):
        yield f"{at} must be longer than or equal to {schema['minLength']} characters"
    if schema.get("format") == "date-time" and not _is_instant(value):
        yield f"{at} must be a valid ISO 8601 date string"


def _check_number(schema: Schema, value: float, at: str) -> Iterator[str]:
    if not math.isfinite(value):
        yield f"{at} must be a number conforming to the specified constraints"
    if value < schema.get("minimum", -math.inf):
        yield f"{at} must not be less than {schema['minimum']}"
    if value > schema.get("maximum", math.inf):
        yield f"{at} must not be greater than {schema['maximum']}"
    if value <= schema.get("exclusiveMinimum", -math.inf):
        yield f"{at} must be greater than {schema['exclusiveMinimum']}"


def _check_object(schema: Schema, value: Mapping[str, Any], at: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    others = schema.get("additionalProperties", True)
    for name in required:
        if value.get(name) is None:
            yield f"{_join(at, name)} should not be empty"
    for name, part in value.items():
        if name in properties:
            if part is not None:
                yield from _check(properties[name], part, _join(at, name), depth + 1)
        elif others is False:
            yield (
                f"{at}.property {name} should not exist"
                if at
                else (f"property {name} should not exist")
            )
        elif isinstance(others, dict):
            yield from _check(others, part, _join(at, name), depth + 1)


def _check_union(on: Schema, value: Any, at: str, depth: int) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at or 'body'} must be an object"
        return
    field, members = on["propertyName"], on["mapping"]
    kind = value.get(field)
    if not isinstance(kind, str) or kind not in members:
        yield _not_one_of(_join(at, field), list(members))
        return
    yield from _check({"$ref": members[kind]}, value, at, depth + 1)


def _check_any(members: list[Schema], value: Any, at: str, depth: int) -> Iterator[str]:
    """Fits one of the members; if not, what is wrong with the one that it comes closest to."""
    tries = []
    for member in members:
        found = list(_check(member, value, at, depth + 1))
        if not found:
            return
        tries.append((-_likeness(member, value), len(found), found))
    yield from min(tries)[2]


def _likeness(schema: Schema, value: Any) -> int:
    """How much the value seems meant for this member of a union: below 0 not at all, else by how
    many constants it has in common with it."""
    schema = _resolve(schema)
    if not isinstance(value, dict):
        name = schema.get("type", "string")
        return 0 if isinstance(value, _TYPES[name][0]) else -1
    constants = {n: p["const"] for n, p in schema.get("properties", {}).items() if "const" in p}
    if schema.get("type") != "object" or any(value.get(n) != c for n, c in constants.items()):
        return -1
    return len(constants)


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _not_one_of(at: str, values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values)
    return f"{at} must be one of the following values: {shown}"


def _is_instant(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
