"""A PostgreSQL server of the tests' own: in a directory of its own, reached by a socket in it."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from gateway.probe.child import tied
from gateway.store import Store
from gateway.store.tables import METADATA

USER = "trunkline"
PREFIX = "trunkline-pg-"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
START_S, STOP_S = 120.0, 60.0


class Missing(Exception):
    """There is no PostgreSQL on this machine; ``str()`` says what is missing."""


class Postgres:
    """It dies with the process that made it, be that killed; what it leaves on the disk is
    removed when the next one is made."""

    def __init__(self) -> None:
        found = shutil.which("postgres")
        binaries = [Path(found).parent] if found else BINARIES
        if not binaries or not shutil.which("psql"):
            raise Missing("no PostgreSQL here: apt-get install postgresql")
        clear_away(Path(tempfile.gettempdir()))
        self._bin = binaries[0]
        self._dir = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self._dir / "lock").open("w")  # it tells that we live
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._owner = "nobody" if os.geteuid() == 0 else None  # the server refuses to be root
        if self._owner:
            shutil.chown(self._dir, self._owner)
        self.url = f"postgresql+asyncpg://{USER}@/postgres?host={self._dir}"
        self._server: subprocess.Popen[bytes] | None = None
        self._psql: subprocess.Popen[str] | None = None
        try:
            data = self._dir / "data"
            self._run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
            self.start()
            asyncio.run(self._make_tables())
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Serve what is there; returns when it does."""
        options = ["-k", self._dir, "-c", "listen_addresses=", "-F", "-c", "shared_buffers=16MB"]
        command = [self._bin / "postgres", "-D", self._dir / "data", *options]
        with (self._dir / "log").open("a") as log:
            self._server = subprocess.Popen(
                tied(command, "QUIT"), user=self._owner, cwd=self._dir, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + START_S
        ask = ["psql", "-q", "-h", self._dir, "-U", USER, "-c", "", "postgres"]
        while subprocess.run(ask, stderr=subprocess.DEVNULL).returncode:
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"postgres: {(self._dir / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """At once, as if it had crashed: whoever is connected is cut off."""
        if self._psql:
            self._psql.communicate()
            self._psql = None
        if self._server:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(STOP_S)
            self._server = None

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            user=self._owner,
            cwd=self._dir,
            stdin=subprocess.DEVNULL,
            stdout=(out := (self._dir / "out").open("w+")),
            stderr=subprocess.STDOUT,
        )
        with out:
            out.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program}: {out.read()}")

    async def _make_tables(self) -> None:
        store = Store(self.url)
        await store.start()
        await store.close()

    def empty(self) -> str:
        """Empty every table; the URL."""
        if self._psql is None:
            self._psql = subprocess.Popen(
                tied(["psql", "-qAt", "-h", self._dir, "-U", USER, "postgres"]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        tables = ", ".join(table.name for table in METADATA.sorted_tables)
        assert self._psql.stdin
        assert self._psql.stdout
        self._psql.stdin.write(f"TRUNCATE {tables};\n\\echo empty\n")
        self._psql.stdin.flush()
        assert self._psql.stdout.readline() == "empty\n"
        return self.url

    def close(self) -> None:
        self.stop()
        self._lock.close()
        shutil.rmtree(self._dir, ignore_errors=True)


def clear_away(folder: Path) -> None:
    """Remove what servers have left there whose makers were killed."""
    for left in folder.glob(f"{PREFIX}*"):
        if not (left / "data").exists():  # its maker is just about to lock it
            continue
        try:
            with (left / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:  # its maker lives, or it is somebody else's
            continue
