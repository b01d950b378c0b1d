"""The ``query`` tool: passages of uploaded files, found by an index of our own, with their source.

A knowledge base is named by its provider in the documentation; here, whatever the provider, its
files are read and searched on this machine.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.api.tools.errand import Json, ToolFailed
from gateway.api.tools.index import Index
from gateway.api.tools.passages import Passage, Unreadable, passages
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply
from gateway.store import Store

BEST = 5  # passages that the model is shown
KEPT = 32  # indexes in memory


def described(tool: Json) -> Json:
    """What the model is told about it."""
    bases = tool.get("knowledgeBases") or ()
    about = "; ".join(f"{base['name']}: {base['description']}" for base in bases)
    question = {"type": "string", "description": "what to look for, in the caller's words"}
    properties: Json = {"query": question}
    if len(bases) > 1:
        properties["knowledgeBase"] = {"type": "string", "enum": [base["name"] for base in bases]}
    return {
        "description": f"Look something up in: {about or 'the files'}.",
        "parameters": {"type": "object", "properties": properties, "required": ["query"]},
    }


@dataclass
class Queries:
    """``path`` is where the bytes of a file lie, by its id. A file never changes, so neither does
    an index."""

    store: Store
    path: Callable[[str], Path]
    _indexes: "OrderedDict[tuple[str, ...], asyncio.Task[Index]]" = field(
        default_factory=OrderedDict
    )

    async def __call__(self, errand: Errand) -> ToolReply:
        """Raises ToolFailed."""
        question = str(errand.arguments.get("query") or "").strip()
        if not question:
            raise ToolFailed("the argument 'query' is empty")
        files = await self._files(errand)
        best = (await self._index(files)).search(question, BEST)
        if not best:
            return ToolReply(True, "Nothing in the files is about that.")
        shown = (f"[{at}] {one.cited}:\n{one.text}" for at, one in enumerate(best, 1))
        return ToolReply(True, "\n\n".join(shown))

    async def _files(self, errand: Errand) -> dict[str, str]:
        """Names by id, of the organisation's files. Raises ToolFailed."""
        bases = errand.written.get("knowledgeBases") or []
        wanted = errand.arguments.get("knowledgeBase")
        chosen = [base for base in bases if wanted in (None, base["name"])] or bases
        ids = dict.fromkeys(i for base in chosen for i in base.get("fileIds") or ())
        rows = self.store.of(errand.org_id).files
        found = {file_id: await rows.get(file_id) for file_id in ids}
        if gone := [file_id for file_id, stored in found.items() if stored is None]:
            raise ToolFailed(f"there is no file {gone[0]}")
        if not found:
            raise ToolFailed("its knowledgeBases have no fileIds")
        return {i: stored.body["originalName"] for i, stored in found.items() if stored}

    async def _index(self, files: dict[str, str]) -> Index:
        key = tuple(files)
        if key not in self._indexes:
            work: Awaitable[Index] = asyncio.to_thread(self._read, files)
            self._indexes[key] = asyncio.ensure_future(work)
            while len(self._indexes) > KEPT:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(key)
        try:
            return await asyncio.shield(self._indexes[key])  # the next call has use for it
        except Unreadable as error:
            self._indexes.pop(key, None)
            raise ToolFailed(str(error)) from None

    def _read(self, files: dict[str, str]) -> Index:
        """Those that can be read. Raises Unreadable if none can."""
        found: list[Passage] = []
        failures: list[Unreadable] = []
        for file_id, name in files.items():
            try:
                found += passages(name, self.path(file_id).read_bytes())
            except OSError:
                failures.append(Unreadable(f"the content of {name} has been deleted"))
            except Unreadable as error:
                failures.append(error)
        if not found:
            raise failures[0]
        return Index(found)
