"""What is kept of ended calls, and for how long: sound and words by their own days."""

import glob
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.calls.ports import Papers
from gateway.calls.record import SAID, CallRecord, Status
from gateway.store import Bound, Store

log = logging.getLogger(__name__)

BATCH = 200
SOUND = ("recording", "capture")  # paths below the state directory


def forget_sound(record: CallRecord, state_dir: Path) -> None:
    """Delete the files that were recorded of a call. A name that leads elsewhere is left alone."""
    root = state_dir.resolve()
    for taken in record.taken:
        (root / "recordings" / Path(taken.path).name).unlink(missing_ok=True)
    record.taken = []
    for name in SOUND:
        if not getattr(record, name):
            continue
        path = (root / getattr(record, name)).resolve()
        if path.parent.is_relative_to(root):
            for one in path.parent.glob(f"{glob.escape(path.stem)}*"):  # every form, every party
                if one.is_file():
                    one.unlink(missing_ok=True)
        setattr(record, name, None)


def forget_words(record: CallRecord) -> None:
    """Of a conversation, that it was held and how long its turns took is all that stays."""
    record.transcript = []
    record.variables, record.analysis, record.outputs = {}, {}, {}
    for event in record.events:
        event.facts = {name: fact for name, fact in event.facts.items() if name not in SAID}


def papers_kept(record: CallRecord, papers: Papers) -> Papers:
    """Of a discreet call that is over, without what its variables were."""
    over = record.discreet and record.status is Status.ENDED
    return _without_variables(papers) if over else papers


def _without_variables(papers: Papers) -> Papers:
    kept = {name: part for name, part in papers.items() if name != "order"}
    if "assistantOverrides" in kept:
        kept["assistantOverrides"] = dict(kept["assistantOverrides"]) | {"variableValues": {}}
    return kept


async def forget(
    store: Store,
    state_dir: Path,
    now: datetime,
    *,
    sound_days: float | None,
    words_days: float | None,
) -> int:
    """Delete what is older than it may be; of how many calls. None: it is kept for ever."""
    deletions: tuple[tuple[str, float | None, Callable[[CallRecord], None]], ...] = (
        ("has_sound", sound_days, lambda record: forget_sound(record, state_dir)),
        ("has_words", words_days, forget_words),
    )
    done = 0
    for flag, days, delete in deletions:
        if days is None:
            continue
        bound = Bound("created_at", "lt", now.astimezone(UTC) - timedelta(days=days))
        what: dict[str, Any] = {flag: True, "status": str(Status.ENDED)}
        while found := await store.calls.list([bound], BATCH, **what):
            for stored in found:
                record = CallRecord.model_validate(stored.record)
                delete(record)
                papers = stored.papers
                if flag == "has_words":
                    papers = _without_variables(papers)
                store.calls.save(record.kept(), papers)
                done += 1
            await store.calls.flush()
    if words_days is not None:  # server messages that nobody took have them too
        letters = store.letters.of(None)
        bound = Bound("created_at", "lt", now.astimezone(UTC) - timedelta(days=words_days))
        while old := await letters.list([bound], BATCH):
            for letter in old:
                await letters.delete(letter.id)
    if done:
        log.info("retention: deleted recordings or transcripts", extra={"calls": done})
    return done
