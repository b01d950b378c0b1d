"""A state directory belongs to one running gateway: a second would end the first one's calls as
orphans, and dial what waits there twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import ConfigError

FILE = "gateway.lock"


@contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """For as long as this lasts, nobody else can claim it. The kernel lets go of what a process
    held that was killed. Raises ConfigError."""
    where = f"state_dir (or GATEWAY_STATE_DIR) {state_dir}"
    try:
        lock = os.open(state_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{where} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            raise ConfigError(
                f"{where} is in use by another gateway (process {holder}); "
                "stop that, or give this one a directory of its own"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
