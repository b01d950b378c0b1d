"""``/structured-output`` and ``/observability/scorecard``: what is found out about calls when they
are over, saved once for many assistants.

An assistant names what it wants by ``artifactPlan.structuredOutputIds`` and ``scorecardIds``; what
names the assistant in its ``assistantIds`` is meant as well.
"""

import logging
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from gateway.api.errors import BadRequest
from gateway.api.resources import Resource
from gateway.calls.record import CallRecord
from gateway.store import Store
from gateway.store.rows import Rows
from gateway.store.tables import THE_ORG

log = logging.getLogger(__name__)

Json = dict[str, Any]

MOST = 1000  # of an organisation that are looked through for those that name the assistant


def _same_type(before: Json, patch: Json, query: Mapping[str, str]) -> None:
    """Who reads the results relies on their type: it changes only where the query says so."""
    old, new = before["schema"].get("type"), (patch.get("schema") or before["schema"]).get("type")
    if old != new and query.get("schemaOverride") != "true":
        raise BadRequest([f"schema.type is {old}: schemaOverride=true is needed to change it"])


STRUCTURED_OUTPUTS = Resource(
    path="structured-output",
    name="StructuredOutput",
    shape="CreateStructuredOutputDto",
    rows=attrgetter("structured_outputs"),
    filters={"id": "id", "name": "name"},
    by_pages=True,
    patchable=_same_type,
)
SCORECARDS = Resource(
    path="observability/scorecard",
    name="Scorecard",
    shape="CreateScorecardDto",
    rows=attrgetter("scorecards"),
    filters={"id": "id"},
    by_pages=True,
)


class Saved:
    """What is wanted of a call. Raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def outputs(self, record: CallRecord, plan: Json) -> dict[str, Json]:
        """The saved structured outputs, by their ids."""
        rows = self._store.of(record.org_id or THE_ORG).structured_outputs
        return await _named(rows, plan.get("structuredOutputIds") or (), record.assistant_id)

    async def scorecards(self, record: CallRecord, plan: Json) -> dict[str, Json]:
        """The scorecards, by their ids; one that is written in the assistant has an id of its
        name, so that it is the same for every call."""
        rows = self._store.of(record.org_id or THE_ORG).scorecards
        inline = enumerate(plan.get("scorecards") or ())
        written = {str(uuid5(NAMESPACE_URL, one.get("name") or f"{n}")): one for n, one in inline}
        named = plan.get("scorecardIds") or ()
        return written | await _named(rows, named, record.assistant_id)


async def _named(rows: Rows, ids: Sequence[str], assistant_id: str | None) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if ids:
        found = {one.id: one.body for one in await rows.list(limit=MOST, id=list(ids))}
    for missing in set(ids) - found.keys():
        log.warning("artifactPlan names what does not exist", extra={"missing": missing})
    if assistant_id:
        for one in await rows.list(limit=MOST):
            if assistant_id in (one.body.get("assistantIds") or ()):
                found[one.id] = one.body
    return found
