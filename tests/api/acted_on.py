"""Which documented fields anything acts on, found by trying: a field is changed, and what the
gateway makes of the object changes with it, or it does not.

What is made: the agent's brief, the order for a call, the route of a number, the targets of its
messages, buckets, a trunk's settings. Some parts reach their readers as they were written; of
those a field acts if the modules that read them name it.
"""

import ast
import json
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.api.shapes import Schema, shapes
from tests.api.maximal import maximal
from tests.api.shown import CARRIED, ESSENTIALS, PROVEN, SAME, SPECIMENS

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
# What the gateway makes of an object; None: it refuses to use it.
Eye = Callable[[Json], Awaitable[Any]]


def is_proven(shape: str, name: str) -> bool:
    test = PROVEN.get((shape, name))
    return test is not None and f'"{name}"' in (ROOT / "tests" / "api" / test).read_text()


@dataclass(frozen=True)
class Step:
    """From an object into a field of it, whose value (or one of whose values) is a ``part``."""

    shape: str
    name: str
    part: "Part"


@dataclass(frozen=True)
class Part:
    """An object in a field; ``mark`` is what tells it from the other members of a union."""

    shape: str
    mark: tuple[str, str] | None = None
    listed: bool = False
    one_of: bool = False  # of a union whose members have no mark
    beside: bool = False  # another that goes before it in the list

    def body(self, body: Json) -> Any:
        """As the field's value."""
        whole = body | (dict([self.mark]) if self.mark else {})
        return (
            [specimen(self.shape, 1), whole] if self.beside else [whole] if self.listed else whole
        )


@dataclass
class Finding:
    """Of one object in one place. ``used`` is whether it is used at all."""

    place: str
    shape: str
    used: bool
    acts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


async def findings(
    root: str,
    bases: Sequence[Json],
    eye: Eye,
    elsewhere: Collection[str] = (),
    known: Mapping[str, Any] = MappingProxyType({}),
    seen: set[tuple[str, "Part"]] | None = None,
) -> list[Finding]:
    """Of the object ``root`` and all that is in it but the objects ``elsewhere``. ``bases`` are
    what can be used as it is; ``known`` are values for fields that must name something stored.
    ``seen`` is what has been found out about already."""
    logging.disable(logging.CRITICAL)
    try:
        search = _Search(root, bases, eye, elsewhere, known, set() if seen is None else seen)
        return [one async for one in search.walk()]
    finally:
        logging.disable(logging.NOTSET)


class _Search:
    def __init__(
        self,
        root: str,
        bases: Sequence[Json],
        eye: Eye,
        elsewhere: Collection[str],
        known: Mapping[str, Any],
        seen: set[tuple[str, Part]],
    ) -> None:
        self._root, self._bases, self._eye = root, bases, eye
        self._elsewhere, self._known, self._seen = elsewhere, known, seen
        self._made: dict[str, Any] = {}

    async def walk(self) -> AsyncIterator[Finding]:
        waiting: list[tuple[Step, ...]] = [()]
        while waiting:
            way = waiting.pop(0)
            shape = way[-1].part.shape if way else self._root
            found = Finding(_place(way), shape, not way or await self._is_used(way))
            for name, schema in shapes()[shape].get("properties", {}).items():
                if SPECIMENS.get(name) == []:
                    continue
                acts = found.used and await self._acts(way, shape, name, schema)
                (found.acts if acts else found.kept).append(name)
                for part in _parts(schema) if acts else ():
                    what = SAME.get(name, name), replace(part, listed=False)
                    if what not in self._seen and part.shape not in self._elsewhere:
                        self._seen.add(what)
                        waiting.append((*way, Step(shape, name, part)))
            yield found

    async def _is_used(self, way: tuple[Step, ...]) -> bool:
        """Whether it changes anything that the object is there."""
        shape = way[-1].part.shape
        if any(is_proven(shape, name) for name in shapes()[shape].get("properties", {})):
            return True
        for base in self._bases:
            for turn in (0, 1):
                there = await self._see(
                    base, way, specimen(way[-1].part.shape, turn, self._elsewhere)
                )
                if there is None:
                    continue
                if _is_wanted(way[-1].shape, way[-1].name):
                    return True
                if there != await self._see(base, way, None):
                    return True
        return _is_read(way[:-1], way[-1].name)

    async def _acts(self, way: tuple[Step, ...], shape: str, name: str, schema: Schema) -> bool:
        if is_proven(shape, name):
            return True
        if name in self._known:
            values: list[Any] = [self._known[name]]
        else:
            values = _values(name, schema)
        for base in self._bases:
            if not way and name in base:
                return await self._eye(base) != await self._eye(_without(base, name))
            if await self._differs(base, way, shape, name, schema, values):
                return True
        if way and way[-1].part.listed and not way[-1].part.beside:
            beside = replace(way[-1], part=replace(way[-1].part, beside=True))
            return await self._acts((*way[:-1], beside), shape, name, schema)
        return _is_read(way, name)

    async def _differs(
        self,
        base: Json,
        way: tuple[Step, ...],
        shape: str,
        name: str,
        schema: Schema,
        values: list[Any],
    ) -> bool:
        fields, least = shapes()[shape]["properties"], required(shape)
        first = specimen(shape, 0, self._elsewhere)
        flat = {n: v for n, v in first.items() if not any(_parts(fields[n]))}
        sketch = {n: _least(s) for n, s in fields.items() if any(_parts(s))}
        objects = [part.body(body) for part in _parts(schema) for body in _both(part.shape)]
        for whole, tried in (
            (least, values + objects),
            (least | flat, values),
            (sketch | least, values + objects),
            (first, values),
            (specimen(shape, 1, self._elsewhere), values),
        ):
            seen: list[Any] = []
            for value in tried if _is_wanted(shape, name) else (None, *tried):
                body = _without(whole, name) | ({} if value is None else {name: value})
                made = await self._see(base, way, body)
                if made is not None and any(made != one for one in seen):
                    return True
                if made is not None or (value is None and not way):
                    seen = [made]
        return False

    async def _see(self, base: Json, way: tuple[Step, ...], body: Json | None) -> Any:
        """With the base's own fields, where the body is not the whole object."""
        whole = base | _wrapped(way, body) if way else (body or {}) | base
        key = json.dumps(whole, sort_keys=True)
        if key not in self._made:
            self._made[key] = await self._eye(whole)
        return self._made[key]


def _is_wanted(shape: str, name: str) -> bool:
    return name in shapes()[shape].get("required", ())


def _without(body: Json, name: str) -> Json:
    return {n: v for n, v in body.items() if n != name}


def _is_read(way: tuple[Step, ...], name: str) -> bool:
    return any(name in words(CARRIED[step.name]) for step in way if step.name in CARRIED)


def _wrapped(way: tuple[Step, ...], body: Json | None) -> Json:
    for step in reversed(way):
        inner = required(step.shape)
        if body is None:
            inner.pop(step.name, None)
        else:
            inner[step.name] = step.part.body(body)
        body = inner
    return body or {}


def specimen(shape: str, turn: int, elsewhere: Collection[str] = ()) -> Json:
    """With every field but those for objects ``elsewhere``, and values that can be used."""
    made = dict(_maximal(shape, turn))
    fields = shapes()[shape].get("properties", {})
    for name in list(made):
        if any(part.shape in elsewhere for part in _parts(fields.get(name, {}))):
            del made[name]
    return made | ESSENTIALS.get(shape, {})


@cache
def _maximal(shape: str, turn: int) -> Json:
    return dict(_plausible(maximal({"$ref": f"#/$defs/{shape}"}, turn), turn))


def required(shape: str) -> Json:
    return dict(_required(shape))


@cache
def _required(shape: str) -> Json:
    schema = shapes()[shape]
    wanted = schema.get("required", ())
    parts = {n: s for n, s in schema.get("properties", {}).items() if n in wanted}
    consts = {n: s["const"] for n, s in schema.get("properties", {}).items() if "const" in s}
    made = {n: _least(s) for n, s in parts.items()}
    return dict(_plausible(made | consts)) | ESSENTIALS.get(shape, {})


def _least(schema: Schema) -> Any:
    part = next(_parts(schema), None)
    return part.body(required(part.shape)) if part else maximal(schema)


def _plausible(value: Any, turn: int = 0, name: str = "") -> Any:
    match value:
        case dict():
            return {n: _plausible(v, turn, n) for n, v in value.items()}
        case list():
            return [_plausible(v, turn + n, name) for n, v in enumerate(value)]
        case str() if SPECIMENS.get(name) and "é" in value:
            return SPECIMENS[name][turn % len(SPECIMENS[name])]
    return value


def _values(name: str, schema: Schema) -> list[Any]:
    usual = SPECIMENS.get(name, [])
    if usual and ("type" not in schema or schema["type"] in ("string", "integer", "number")):
        return [value for value in usual if value in schema.get("enum", usual)]
    values = [_plausible(maximal(schema, turn), turn, name) for turn in range(_turns(schema))]
    match schema.get("type"):
        case "string":
            values.append("o" * schema.get("minLength", 3))
        case "array":
            values.append([])
        case "integer" | "number":
            values.append(schema.get("minimum", 0))
        case "object" if not schema.get("properties"):
            values.append({"other": "value"})
    return values


def _both(shape: str) -> tuple[Json, Json]:
    return specimen(shape, 0), required(shape)


def _turns(schema: Schema) -> int:
    return min(len(schema.get("enum", schema.get("anyOf", ("", "")))), 12)


def _parts(schema: Schema) -> Iterator[Part]:
    """The objects that a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if "properties" in shapes()[name]:
            yield Part(name)
        else:
            yield from _parts(shapes()[name])
    for one in schema.get("anyOf", ()):
        for part in _parts(one):
            yield replace(part, one_of=part.mark is None)
    union = schema.get("discriminator", {})
    for value, target in union.get("mapping", {}).items():
        yield Part(target.rpartition("/")[2], (union["propertyName"], value))
    for part in _parts(schema["items"]) if "items" in schema else ():
        yield replace(part, listed=True)


def _place(way: tuple[Step, ...]) -> str:
    marked = (
        f"[{step.part.mark[1]}]" if step.part.mark
        else f"[{step.part.shape}]" if step.part.one_of else ""
        for step in way
    )  # fmt: skip
    return ".".join(step.name + mark for step, mark in zip(way, marked, strict=True))


@cache
def words(patterns: tuple[str, ...]) -> frozenset[str]:
    files = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return frozenset(
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
