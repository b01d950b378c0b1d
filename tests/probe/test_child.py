"""A peer's process does not outlive the one that started it, whatever that dies of."""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.probe.child import tied
from tests.simulators.postgres import PREFIX, Postgres, clear_away

ROOT = Path(__file__).parents[2]
WITHIN_MS = 60_000


def killed(code: str) -> tuple[list[str], int]:
    """Run a program that starts a process and tells its id, last in a line; kill it; its words,
    and a descriptor of that process."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'codecs'}"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
    ) as parent:
        assert parent.stdout
        words = parent.stdout.readline().split()
        descriptor = os.pidfd_open(int(words[-1]))
        parent.send_signal(signal.SIGKILL)
    return words, descriptor


def dies(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    over = bool(poll.poll(WITHIN_MS))
    os.close(descriptor)
    return over


@pytest.mark.skipif(tied([""]) == [""], reason="no setpriv(1) here")
def test_a_process_dies_with_its_parent() -> None:
    _, sleeper = killed(
        "import subprocess; from gateway.probe.child import tied;"
        # It tells its own id, so that by then it is tied.
        "subprocess.Popen(tied(['sh', '-c', 'echo $$; exec sleep 600'])).wait()"
    )
    assert dies(sleeper)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that the server's own user may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.usefixtures("postgres")  # or skipped, where there is none
@pytest.mark.skipif(tied([""]) == [""], reason="no setpriv(1) here")
def test_a_database_server_dies_with_its_parent_and_is_cleared_away(open_to_all: Path) -> None:
    (word, folder, _), server = killed(
        f"import tempfile; tempfile.tempdir = {str(open_to_all)!r};"
        "from tests.simulators.postgres import Postgres; made = Postgres();"
        "print('made', made._dir, made._server.pid, flush=True); made._server.wait()"
    )
    assert word == "made"
    assert dies(server)
    assert Path(folder).exists()
    clear_away(open_to_all)
    assert list(open_to_all.glob(f"{PREFIX}*")) == []


def test_a_server_that_is_used_is_left_alone(postgres: Postgres) -> None:
    clear_away(postgres._dir.parent)
    assert postgres.empty()
