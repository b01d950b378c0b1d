"""Values that a JSON Schema accepts, and what it forbids of them: made by walking the schema.

Knows the keywords of ``gateway.api.shapes.check``, and ``oneOf`` of objects that a constant tells
apart. A reference is looked up among our shapes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from gateway.api.shapes import Schema, shapes
from tests.api.maximal import INSTANT

DEEP = 4  # levels below which a value has only what it must have
TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # the store has no others
ONE_EACH: dict[str, Any] = {
    "string": "words",
    "number": 1.5,
    "integer": 7,
    "boolean": True,
    "object": {"a": 1},
    "array": [1],
}
GONE = object()


@dataclass(frozen=True)
class Flaw:
    """``wrong`` (``GONE``: nothing) at this place breaks this keyword."""

    at: tuple[str | int, ...]
    keyword: str
    wrong: Any

    @property
    def path(self) -> str:
        """As a problem names the place; what should not be there stands after its object."""
        names = [str(part) for part in self.at]
        if self.keyword == "additionalProperties":
            return ".".join([*names[:-1], f"property {names[-1]}"])
        return ".".join(names)

    def put(self, value: Any) -> Any:
        """A copy of the value that has it."""
        return _put(value, self.at, self.wrong)


def resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = shapes()[schema["$ref"].rpartition("/")[2]]
    return schema


@st.composite
def accepted(draw: st.DrawFn, schema: Schema, depth: int = 0) -> Any:
    """Any value that the schema accepts."""
    schema = resolved(schema)
    if "discriminator" in schema:
        mapping = schema["discriminator"]["mapping"]
        kind = draw(st.sampled_from(sorted(mapping)))
        value = draw(accepted({"$ref": mapping[kind]}, depth))
        return value | {schema["discriminator"]["propertyName"]: kind}
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return draw(accepted(draw(st.sampled_from(schema[union])), depth))
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    match schema.get("type"):
        case "object":
            return draw(_objects(schema, depth))
        case "array":
            least = schema.get("minItems", 0)
            most = least + (2 if depth < DEEP else 0)
            items = accepted(schema.get("items", {}), depth + 1)
            return draw(st.lists(items, min_size=least, max_size=most))
        case "string" if schema.get("format") == "date-time":
            return INSTANT
        case "string":
            least = schema.get("minLength", 0)
            most = min(least + 20, schema.get("maxLength", least + 20))
            return draw(st.text(TEXT, min_size=least, max_size=most))
        case "integer":
            return draw(st.integers(schema.get("minimum", -9), schema.get("maximum", 999_999)))
        case "number":
            return draw(_numbers(schema))
        case "boolean":
            return draw(st.booleans())
    return draw(st.sampled_from(list(ONE_EACH.values())))


@st.composite
def _objects(draw: st.DrawFn, schema: Schema, depth: int) -> Any:
    fields, required = schema.get("properties", {}), schema.get("required", ())
    names = list(required)
    if depth < DEEP and (others := sorted(set(fields) - set(required))):
        names += draw(st.lists(st.sampled_from(others), unique=True, max_size=5))
    value = {name: draw(accepted(fields[name], depth + 1)) for name in names}
    more = schema.get("additionalProperties", True)
    if more is False or fields or depth >= DEEP:
        return value
    parts = accepted(more if isinstance(more, dict) else {}, depth + 1)
    return draw(st.dictionaries(st.text(TEXT, min_size=1, max_size=9), parts, max_size=2))


def _numbers(schema: Schema) -> st.SearchStrategy[Any]:
    above = schema.get("exclusiveMinimum")
    least, most = schema.get("minimum", above), schema.get("maximum")
    whole = least if least is None or above is None else int(least) + 1
    return st.one_of(
        st.floats(
            least, most, exclude_min=above is not None, allow_nan=False, allow_infinity=False
        ),
        st.integers(whole, most),
    )


def flaws(schema: Schema, value: Any, at: tuple[str | int, ...] = ()) -> Iterator[Flaw]:
    """Each way to break a keyword of the schema somewhere in a value that it accepts."""
    schema = resolved(schema)
    if "discriminator" in schema:
        field, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
        yield Flaw((*at, field), "discriminator", "no such thing")
        yield Flaw(at, "discriminator", "words")
        for one in flaws({"$ref": mapping[value[field]]}, value, at):
            if one.at != (*at, field):
                yield one
    elif "oneOf" in schema or "anyOf" in schema:
        yield from _of_union(schema.get("oneOf") or schema["anyOf"], value, at)
    elif "const" in schema or "enum" in schema:
        known = schema.get("enum") or [schema["const"]]
        keyword = "enum" if "enum" in schema else "const"
        for wrong in ("no such thing", f"{known[0]} ", *ONE_EACH.values()):
            if wrong not in known:
                yield Flaw(at, keyword, wrong)
    elif "type" in schema:
        for kind, wrong in ONE_EACH.items():
            if kind != schema["type"] and (kind, schema["type"]) != ("integer", "number"):
                yield Flaw(at, "type", wrong)
        yield from _OF_TYPE[schema["type"]](schema, value, at)


def _of_union(members: list[Schema], value: Any, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    known = [resolved(member) for member in members]
    for wrong in ONE_EACH.values():
        if not any(_may_be(member, wrong) for member in known):
            yield Flaw(at, "oneOf", wrong)
    fitting = [one for one in known if one.get("type") == "object" and _may_be(one, value)]
    if len(fitting) == 1:  # or what breaks one may fit another
        told = {name for name, part in fitting[0].get("properties", {}).items() if "const" in part}
        for one in flaws(fitting[0], value, at):
            if len(one.at) > len(at) and not (len(one.at) == len(at) + 1 and one.at[-1] in told):
                yield one


def _may_be(schema: Schema, value: Any) -> bool:
    """By its type and its constants; False is sure."""
    if "const" in schema or "enum" in schema:
        return value in (schema.get("enum") or [schema["const"]])
    if "type" not in schema:
        return True
    kinds = {type(one): kind for kind, one in ONE_EACH.items()}
    if kinds[type(value)] != schema["type"]:
        return (kinds[type(value)], schema["type"]) == ("integer", "number")
    if not isinstance(value, Mapping):
        return True
    parts = schema.get("properties", {}).items()
    return all(value.get(name) == part["const"] for name, part in parts if "const" in part)


def _of_string(schema: Schema, value: str, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    if schema.get("maxLength", 10**6) < 10**6:
        yield Flaw(at, "maxLength", "x" * (schema["maxLength"] + 1))
    if schema.get("minLength"):
        yield Flaw(at, "minLength", "x" * (schema["minLength"] - 1))
    if schema.get("format") == "date-time":
        yield Flaw(at, "format", "yesterday")


def _of_number(schema: Schema, value: float, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    for keyword, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0)):
        if keyword in schema:
            yield Flaw(at, keyword, schema[keyword] + step)
            if step and schema["type"] == "number":
                yield Flaw(at, keyword, schema[keyword] + step * 0.001)


def _of_array(schema: Schema, value: list[Any], at: tuple[str | int, ...]) -> Iterator[Flaw]:
    if schema.get("minItems"):
        yield Flaw(at, "minItems", value[: schema["minItems"] - 1])
    for index, item in enumerate(value):
        yield from flaws(schema.get("items", {}), item, (*at, index))


def _of_object(schema: Schema, value: dict[str, Any], at: tuple[str | int, ...]) -> Iterator[Flaw]:
    fields, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        yield Flaw((*at, name), "required", GONE)
    if more is False:
        yield Flaw((*at, "unheardOf"), "additionalProperties", 1)
    for name, part in value.items():
        if name in fields:
            yield from flaws(fields[name], part, (*at, name))
        elif isinstance(more, dict):
            yield from flaws(more, part, (*at, name))


_OF_TYPE: dict[str, Any] = {
    "string": _of_string,
    "number": _of_number,
    "integer": _of_number,
    "boolean": lambda *_: (),
    "array": _of_array,
    "object": _of_object,
}


def _put(value: Any, at: tuple[str | int, ...], wrong: Any) -> Any:
    if not at:
        return wrong
    first, rest = at[0], at[1:]
    if isinstance(value, list):
        return [_put(one, rest, wrong) if n == first else one for n, one in enumerate(value)]
    if not rest and wrong is GONE:
        return {name: part for name, part in value.items() if name != first}
    return value | {first: _put(value.get(first, {}), rest, wrong)}


def published(name: str) -> str:
    """The name of our shape of what the published schemas call so."""
    kind = re.fullmatch(r"Create(.+)ToolDTO", name)
    if kind is None:
        return name.replace("DTO", "Dto").replace("OpenAI", "OpenAi")
    letters = sorted(kind[1].lower())
    tools = shapes()["Tool"]["discriminator"]["mapping"]
    for word, target in tools.items():
        spelled = word.replace(".", "").lower()
        if sorted(spelled) == letters or spelled == f"{kind[1].lower()}check":
            return str(target.rpartition("/")[2])
    raise LookupError(name)
