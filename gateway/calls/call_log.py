"""One line of JSON for every call that has ended: ``[calls] log``.

It is written by a thread of its own, so a slow disk holds nobody up. The file may be moved away at
any time, as logrotate does: the next line goes into a new one, with no signal and nothing lost.
"""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from gateway.agent.messages import FromAgent
from gateway.calls.ports import Papers
from gateway.calls.record import CallRecord
from gateway.errors import ConfigError

log = logging.getLogger(__name__)


def entry(record: CallRecord) -> dict[str, Any]:
    """What is written of a call: everything but what was said. Times are UTC."""
    kept = record.model_dump(
        mode="json",
        include={
            "id": True, "org_id": True, "direction": True, "assistant_id": True,
            "phone_number_id": True, "dialled": True, "trunk": True, "sip_call_id": True,
            "sip_status": True, "created_at": True, "answered_at": True, "ended_at": True,
            "ended_reason": True, "ended_detail": True, "sound": True, "usage": True,
            "transport_cost": True,
        },
    )  # fmt: skip
    return kept | {
        "customer": record.customer.number or record.customer.uri,
        "seconds": round(record.minutes * 60, 3),
        "cost": record.cost,
        "turns": [
            {
                "number": turn.number,
                "total_ms": round(turn.total_ms, 1),
                "own_ms": round(turn.own_ms, 1),
                "segments": [[name, round(ms, 1)] for name, ms in turn.segments],
                "vendors": turn.vendors,
            }
            for turn in record.turns
        ],
    }


class CallLog:
    """Implements ``calls.ports.Listener``. Raises ConfigError if the file cannot be written."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file: IO[bytes] | None = None
        self._lost = 0  # calls of which no line could be written
        try:
            self._file = self._open()
        except OSError as error:
            raise ConfigError(f"[calls] log: {path}: {error.strerror}") from None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="call-log")

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        """Only ends are logged."""

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        """What matters of it is in the record at the end."""

    def ended(self, record: CallRecord, papers: Papers) -> None:
        # The record is still its call's: it is read now, and only bytes go to the thread.
        self._writer.submit(self._write, json.dumps(entry(record), ensure_ascii=False).encode())

    def close(self) -> None:
        """Write what is waiting."""
        self._writer.shutdown()
        if self._file:
            self._file.close()

    def _open(self) -> IO[bytes]:
        """Numbers and costs are nobody else's business."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        return os.fdopen(descriptor, "wb", buffering=0)

    def _write(self, line: bytes) -> None:
        try:
            if self._file is None or not self._still_there(self._file):
                if self._file:
                    self._file.close()
                self._file = None
                self._file = self._open()
            self._file.write(line + b"\n")
        except OSError as error:
            self._lost += 1
            log.error("the call log: %s", error, extra={"lost": self._lost})

    def _still_there(self, file: IO[bytes]) -> bool:
        """Whether the path still means the file that is open."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        then = os.fstat(file.fileno())
        return (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
