"""Recordings to be kept, and an S3 server to keep them in."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obstore
import pytest
import soundfile
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from gateway.archive.bucket import Bucket

RATE = 16_000


def talk(seconds: float = 3.0) -> np.ndarray:
    """The caller (left), a pause, the agent, a pause, and so on."""
    t = np.arange(int(seconds * RATE)) / RATE
    caller = np.where(t % 1 < 0.3, 8000 * np.sin(2 * np.pi * 440 * t), 0)
    agent = np.where((t + 0.5) % 1 < 0.3, 8000 * np.sin(2 * np.pi * 1000 * t), 0)
    return np.stack([caller, agent], 1).astype(np.int16)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """A call's recording, in its state directory."""
    (tmp_path / "recordings").mkdir()
    path = tmp_path / "recordings" / "c1.wav"
    soundfile.write(path, talk(), RATE, subtype="PCM_16")
    return path


class Cloud:
    """Moto, by HTTP."""

    def __init__(self, port: int = 0) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self.server.start()
        host, self.port = self.server.get_host_and_port()
        self.url = f"http://{host}:{self.port}"

    def store(self, name: str = "calls") -> S3Store:
        config = {"endpoint": self.url, "region": "us-east-1", "access_key_id": "k",
                  "secret_access_key": "s"}  # fmt: skip
        return S3Store(name, config=config, client_options={"allow_http": True})

    def make(self, name: str = "calls") -> None:
        """A bucket. obstore has no word for it."""
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        request.add_header("Authorization", _SOMEBODY)
        urllib.request.urlopen(request).close()

    def deny(self, denied: bool) -> None:
        """Have moto look at who may do what: nobody may anything. Or no more."""
        body = b"0" if denied else b"inf"
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", body, method="POST")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request).close()

    def names(self, name: str = "calls") -> list[str]:
        return sorted(m["path"] for batch in obstore.list(self.store(name)) for m in batch)

    def bucket(self, name: str = "calls", **more: str) -> Bucket:
        return Bucket.s3(name, endpoint=self.url, key="k", secret="s", **more)


_SOMEBODY = (
    "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, SignedHeaders=, Signature=x"
)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    cloud.make()
    yield cloud
    cloud.server.stop()
