"""A PostgreSQL server of the tests' own: in a directory of its own, reached by a socket in it."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.store import Store
from gateway.store.tables import METADATA

USER = "trunkline"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Missing(Exception):
    """There is no PostgreSQL on this machine; ``str()`` says what is missing."""


class Postgres:
    def __init__(self) -> None:
        found = shutil.which("postgres")
        binaries = [Path(found).parent] if found else BINARIES
        if not binaries or not shutil.which("psql"):
            raise Missing("no PostgreSQL here: apt-get install postgresql")
        self._bin = binaries[0]
        self._dir = Path(tempfile.mkdtemp(prefix="trunkline-pg-"))
        self._owner = "nobody" if os.geteuid() == 0 else None  # the server refuses to be root
        if self._owner:
            shutil.chown(self._dir, self._owner)
        self.url = f"postgresql+asyncpg://{USER}@/postgres?host={self._dir}"
        try:
            self._start()
            asyncio.run(self._make_tables())
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        data = self._dir / "data"
        self._run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {self._dir} -c listen_addresses= -F -c shared_buffers=16MB"
        self._run("pg_ctl", "-D", data, "-w", "-l", self._dir / "log", "-o", options, "start")
        self._psql = subprocess.Popen(
            ["psql", "-qAt", "-h", self._dir, "-U", USER, "postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

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
        tables = ", ".join(table.name for table in METADATA.sorted_tables)
        assert self._psql.stdin
        assert self._psql.stdout
        self._psql.stdin.write(f"TRUNCATE {tables};\n\\echo empty\n")
        self._psql.stdin.flush()
        assert self._psql.stdout.readline() == "empty\n"
        return self.url

    def close(self) -> None:
        psql = getattr(self, "_psql", None)
        if psql is not None:
            psql.communicate()
        if (self._dir / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._dir / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._dir, ignore_errors=True)
