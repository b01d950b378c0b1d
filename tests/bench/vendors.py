"""Simulated vendors for benches, each in a process of its own; they say when they are ready."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import trustme

from tests.bench.daemon import ROOT, look_at

FIRST_TOKEN_MS, TOKEN_MS, FIRST_AUDIO_MS, FINAL_MS = 200, 10, 120, 60


@dataclass(frozen=True)
class Vendor:
    name: str
    url: str  # base_url
    pid: int

    @property
    def cpu_s(self) -> float:
        return look_at(self.pid, 0).cpu_s


@contextlib.contextmanager
def simulated(reply: str, *vendors: str, tls: bool = False) -> Iterator[dict[str, Vendor]]:
    """``vendors``: openai, deepgram, or a voice. Callers ask what time it is; ``reply`` is the
    answer. How long they take: the constants above. ``tls``: as in life; whoever is started
    meanwhile trusts them."""
    with contextlib.ExitStack() as stack:
        certificate = stack.enter_context(_trusted()) if tls else ""
        started = [stack.enter_context(_process(vendor, reply, certificate)) for vendor in vendors]
        made = {}
        for process in started:
            assert process.stdout
            name, url = process.stdout.readline().split()
            made[name] = Vendor(name, url, process.pid)
        yield made


@contextlib.contextmanager
def _trusted() -> Iterator[str]:
    """A certificate with its key, as a file, of an authority that this process' children trust."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        authority, path = trustme.CA(), Path(folder)
        authority.cert_pem.write_to_path(str(path / "authority.pem"))
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(path / "certificate.pem"))
        with patch.dict(os.environ, SSL_CERT_FILE=str(path / "authority.pem")):
            yield str(path / "certificate.pem")


@contextlib.contextmanager
def _process(vendor: str, reply: str, certificate: str) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "tests.simulators"]
    known = vendor in ("openai", "deepgram")
    command += [f"--{vendor}", "0"] if known else ["--voice", vendor, "0"]
    command += ["--first-token-ms", str(FIRST_TOKEN_MS), "--token-ms", str(TOKEN_MS)]
    command += ["--first-audio-ms", str(FIRST_AUDIO_MS), "--final-ms", str(FINAL_MS)]
    command += ["--words", "what time is it", "--reply", "", reply]
    command += ["--certificate", certificate] if certificate else []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
