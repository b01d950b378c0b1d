"""Structured logs: one JSON object, or one readable line, per event; the call's id on each."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

call_id: ContextVar[str] = ContextVar("call_id", default="")

# Libraries that tell of every request at INFO.
NOISY = ("alembic", "httpcore", "httpcore2", "httpx", "httpx2", "openai", "uvicorn",
         "websockets")  # fmt: skip

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "call"}


class LogSettings(BaseModel):
    """``[log]``: what is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = Field(
        "text", description="json for a log collector, text for a person or the journal"
    )


@contextmanager
def about(call: str) -> Iterator[None]:
    """Everything logged inside carries this call's id."""
    token = call_id.set(call)
    try:
        yield
    finally:
        call_id.reset(token)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What was passed as ``extra=``: the event's own facts."""
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
        }
        if call := call_id.get():
            line["call"] = call
        line |= _fields(record)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        facts = "".join(f" {name}={value}" for name, value in _fields(record).items())
        call = f" [{call_id.get()[:8]}]" if call_id.get() else ""
        name = record.name.removeprefix("gateway.")
        line = f"{at} {record.levelname.lower():7} {name}{call}: {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: LogSettings) -> None:
    """Send every logger of this process to standard error in the chosen form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
