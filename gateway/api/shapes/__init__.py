"""The API's objects as data, and the one validator that reads it.

``documented.json`` holds every documented object as JSON Schema: fields, types, enumerations,
ranges. ``ours.json`` says what this gateway takes beyond that (its own providers, fields of older
clients) and where the documentation is wrong or of no use here. Names of models and voices are not
enumerated, since a vendor's catalogue grows faster than any table; but those of OpenAI's models
are, as documented, and ``admit`` opens that list.
"""

import copy
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

Schema = dict[str, Any]


@cache
def shapes() -> dict[str, Schema]:
    """Every object by name; references are ``{"$ref": "#/$defs/Name"}``."""
    documented: dict[str, Schema] = _read("documented.json")
    ours = _read("ours.json")
    known: dict[str, Schema] = documented | ours["define"]
    for union, members in ours["members"].items():
        mapping = known[union]["discriminator"]["mapping"]
        mapping |= {value: f"#/$defs/{name}" for value, name in members.items()}
    for name, properties in [*ours["older"].items(), *ours["replace"].items()]:
        for one in _members(known, name):
            one["properties"] |= copy.deepcopy(properties)
    for union, types in ours["typed"].items():
        for one in _members(known, union):
            untyped = [name for name, schema in one["properties"].items() if not schema]
            one["properties"] |= {name: copy.deepcopy(types[name]) for name in untyped}
    for name, fields in ours["optional"].items():
        known[name]["required"] = [f for f in known[name]["required"] if f not in fields]
    return known


def reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def admit(name: str, more: Iterable[str] | None) -> None:
    """Take these values, too, where the enumeration of this name is meant; None: any at all.

    For the whole process and for good, as the tables are: called once, before anything is checked.
    """
    known = shapes()
    if more is None:
        known[name] = {"type": "string", "minLength": 1}
    elif "enum" in known[name]:
        known[name] |= {"enum": [*dict.fromkeys([*known[name]["enum"], *more])]}


def open_api() -> Any:
    """The objects in the form that an OpenAPI document has under ``components.schemas``."""
    text = json.dumps(shapes()).replace("#/$defs/", "#/components/schemas/")
    schemas = json.loads(text)
    _spell_out_unions(schemas)
    return schemas


def _spell_out_unions(schema: Any) -> None:
    """OpenAPI wants the members of a union listed, too."""
    if isinstance(schema, dict):
        if "mapping" in schema.get("discriminator", ()):
            targets = dict.fromkeys(schema["discriminator"]["mapping"].values())
            schema["oneOf"] = [{"$ref": target} for target in targets]
        for part in schema.values():
            _spell_out_unions(part)
    elif isinstance(schema, list):
        for part in schema:
            _spell_out_unions(part)


def _members(known: dict[str, Schema], name: str) -> list[Schema]:
    """The object of this name, or all members of the union of this name."""
    if "discriminator" not in known[name]:
        return [known[name]]
    return [known[r.rpartition("/")[2]] for r in known[name]["discriminator"]["mapping"].values()]


def _read(name: str) -> Any:
    return json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
