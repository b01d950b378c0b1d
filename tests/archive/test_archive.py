"""Recordings are kept: at once where that is possible, later where it is not, after a restart."""

import asyncio
import socket
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import obstore
import pytest

from gateway.archive.archive import Archive, Kept
from gateway.archive.bucket import Bucket, StorageError
from gateway.archive.settings import RecordingSettings

PARTIES = ["assistant", "customer", "mono", "stereo"]
LONG_S = 60.0


class Scene:
    """An archive, the buckets it is to use, and what it told late."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.buckets: list[Bucket] = []
        self.late: dict[str, Kept] = {}
        self.told = asyncio.Event()
        self.archives: list[Archive] = []

    def archive(self, **settings: object) -> Archive:
        made = Archive(
            RecordingSettings.model_validate({"wait_s": LONG_S, **settings}),
            self.state, self._buckets, self._on_late, retry_s=0.05,
        )  # fmt: skip
        self.archives.append(made)
        return made

    async def _buckets(self, call: str) -> list[Bucket]:
        assert call == "c1"
        return self.buckets

    async def _on_late(self, call: str, kept: Kept) -> None:
        self.late[call] = kept
        self.told.set()

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.state / "recordings").iterdir())


@pytest.fixture
async def scene(tmp_path: Path, wav: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    for archive in scene.archives:
        await archive.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_wav_file_for_nowhere_is_left_as_it_is(scene: Scene) -> None:
    assert await scene.archive().keep("c1", "recordings/c1.wav", None) == Kept("recordings/c1.wav")
    assert scene.files() == ["c1.wav"]


@pytest.mark.parametrize("form", ["mp3", "opus"])
async def test_another_form_takes_the_place_of_the_wav_file(scene: Scene, form: str) -> None:
    archive = scene.archive(format="mp3")
    kept = await archive.keep("c1", "recordings/c1.wav", None if form == "mp3" else form)
    assert kept == Kept(f"recordings/c1.{form}")
    await until(lambda: "c1.todo" not in scene.files())
    assert scene.files() == [*(f"c1-{p}.{form}" for p in PARTIES[:-1]), f"c1.{form}"]


async def test_every_party_is_put_into_the_bucket_with_links(scene: Scene, cloud) -> None:
    cloud.make("links")
    scene.buckets = [cloud.bucket("links", path="/2026/")]
    kept = await scene.archive().keep("c1", "recordings/c1.wav", None)
    assert kept is not None
    assert kept.stored is not None
    assert sorted(kept.stored.urls) == PARTIES
    assert kept.stored.urls["mono"] == f"{cloud.url}/links/2026/c1-mono.wav"
    store = cloud.store("links")
    sound = (scene.state / "recordings" / "c1.wav").read_bytes()
    assert bytes(obstore.get(store, "2026/c1.wav").bytes()) == sound
    assert obstore.get(store, "2026/c1.wav").attributes["Content-Type"] == "audio/wav"

    def fetch() -> bytes:
        with urllib.request.urlopen(kept.stored.presigned["stereo"]) as answer:
            return bytes(answer.read())

    assert await asyncio.to_thread(fetch) == sound
    await until(lambda: scene.files() == ["c1.wav"])


async def test_the_file_here_may_go_once_it_is_there(scene: Scene, cloud) -> None:
    cloud.make("moved")
    scene.buckets = [cloud.bucket("moved", public_url="https://calls.example.org/")]
    kept = await scene.archive(keep_local=False).keep("c1", "recordings/c1.wav", "mp3")
    assert kept is not None
    assert kept.stored is not None
    assert kept.stored.urls["stereo"] == "https://calls.example.org/c1.mp3"
    await until(lambda: scene.files() == [])
    assert len(cloud.names("moved")) == 4


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_while_the_server_is_down_the_report_does_not_wait_and_a_restart_forgets_nothing(
    scene: Scene, cloud
) -> None:
    down = Bucket.s3("calls", endpoint=f"http://127.0.0.1:{closed_port()}", key="k", secret="s")
    scene.buckets = [down]
    before = scene.archive(wait_s=0)
    assert await before.keep("c1", "recordings/c1.wav", "mp3") is None
    await until(lambda: "c1.mp3" in scene.files())
    await before.close()
    assert {"c1.todo", "c1.wav"} <= set(scene.files())
    assert scene.late == {}

    cloud.make("later")
    scene.buckets = [cloud.bucket("later")]
    scene.archive().start()
    async with asyncio.timeout(LONG_S):
        await scene.told.wait()
    assert scene.late["c1"].recording == "recordings/c1.mp3"
    assert scene.late["c1"].stored is not None
    assert len(cloud.names("later")) == 4
    await until(lambda: not {"c1.todo", "c1.wav"} & set(scene.files()))


async def test_who_is_denied_tries_again_until_it_is_allowed(scene: Scene, cloud, caplog) -> None:
    cloud.make("closed")
    scene.buckets = [cloud.bucket("closed")]
    cloud.deny(True)
    try:
        assert await scene.archive(wait_s=0).keep("c1", "recordings/c1.wav", None) is None
        await until(lambda: "a recording waits to be kept: bucket closed" in caplog.text)
    finally:
        cloud.deny(False)
    async with asyncio.timeout(LONG_S):
        await scene.told.wait()
    assert scene.late["c1"].stored is not None


async def test_the_next_bucket_takes_what_the_first_refuses(scene: Scene, cloud) -> None:
    cloud.make("second")
    scene.buckets = [cloud.bucket("is-not-there"), cloud.bucket("second")]
    kept = await scene.archive().keep("c1", "recordings/c1.wav", None)
    assert kept is not None
    assert kept.stored is not None
    assert kept.stored.bucket == "second"


async def test_what_a_bucket_says_is_told_without_secrets(cloud, wav: Path) -> None:
    bucket = Bucket.s3("is-not-there", endpoint=cloud.url, key="k", secret="very-secret")
    with pytest.raises(StorageError, match="bucket is-not-there") as refused:
        await bucket.put({"stereo": (wav, "audio/wav")}, 60)
    assert "very-secret" not in str(refused.value) + repr(bucket)


async def test_an_encoder_that_fails_leaves_the_wav_file_and_is_tried_again(
    scene: Scene, wav: Path, caplog
) -> None:
    sound = wav.read_bytes()
    wav.write_bytes(b"damaged")
    assert await scene.archive(wait_s=0).keep("c1", "recordings/c1.wav", "mp3") is None
    await until(lambda: "the encoder ended with 1" in caplog.text)
    assert "c1.wav" in scene.files()
    wav.write_bytes(sound)
    async with asyncio.timeout(LONG_S):
        await scene.told.wait()
    assert scene.late["c1"] == Kept("recordings/c1.mp3")


async def test_a_recording_that_was_deleted_meanwhile_is_forgotten(scene: Scene, wav: Path) -> None:
    wav.unlink()
    assert await scene.archive().keep("c1", "recordings/c1.wav", "mp3") is None
    await until(lambda: scene.files() == [])
    assert scene.late == {}
