"""Downloads: the stereo file as it lies there, and one channel or the mix made of it."""

import io
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import numpy as np
import pytest

from gateway.api import presigned
from gateway.api.recordings import CHUNK
from gateway.calls.record import CallRecord, Status
from gateway.store import Store

CALL = "11111111-1111-4111-8111-111111111111"


def keep(store: Store, status: Status = Status.ENDED, recording: str | None = "x.wav") -> None:
    record = CallRecord(id=CALL, direction="inbound", status=status, recording=recording)
    store.calls.save(record.model_dump(mode="json"))


def record_stereo(path: Path, frames: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(frames.astype("<i2").tobytes())


def heard(body: bytes) -> tuple[wave._wave_params, np.ndarray]:
    with wave.open(io.BytesIO(body)) as file:
        return file.getparams(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.fixture
def frames(tmp_path: Path) -> np.ndarray:
    rng = np.random.default_rng(1)
    frames = rng.integers(-32768, 32768, (CHUNK * 2 + 77, 2), np.int16)
    record_stereo(tmp_path / "x.wav", frames)
    return frames


async def test_stereo_is_the_file_itself_and_can_be_read_in_parts(
    api: httpx.AsyncClient, store: Store, tmp_path: Path, frames: np.ndarray
) -> None:
    keep(store)
    answer = await api.get(f"/call/{CALL}/stereo-recording")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content == (tmp_path / "x.wav").read_bytes()
    part = await api.get(f"/call/{CALL}/stereo-recording", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")


@pytest.mark.parametrize("which", ["mono", "customer", "assistant"])
async def test_one_channel_is_made_of_two(
    api: httpx.AsyncClient, store: Store, frames: np.ndarray, which: str
) -> None:
    keep(store)
    answer = await api.get(f"/call/{CALL}/{which}-recording")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert f"{CALL}-{which}.wav" in answer.headers["content-disposition"]
    params, samples = heard(answer.content)
    assert (params.nchannels, params.sampwidth, params.framerate) == (1, 2, 16_000)
    wide = frames.astype(int)
    expected = {
        "mono": wide.sum(axis=1).clip(-32768, 32767),
        "customer": wide[:, 0],
        "assistant": wide[:, 1],
    }[which]
    assert np.array_equal(samples, expected)


async def test_a_recorder_that_was_killed_leaves_a_file_that_is_still_whole(
    api: httpx.AsyncClient, store: Store, tmp_path: Path, frames: np.ndarray
) -> None:
    whole = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "x.wav").write_bytes(whole[:-4001])
    keep(store)
    answer = await api.get(f"/call/{CALL}/customer-recording")
    assert int(answer.headers["content-length"]) == len(answer.content)
    _, samples = heard(answer.content)
    assert np.array_equal(samples[:-1001], frames[:-1001, 0])
    assert not samples[-1000:].any()


async def test_what_is_missing_is_said(
    api: httpx.AsyncClient, store: Store, tmp_path: Path, frames: np.ndarray
) -> None:
    async def said(which: str = "mono") -> str:
        answer = await api.get(f"/call/{CALL}/{which}-recording")
        assert answer.status_code == 404
        return str(answer.json()["message"])

    assert "does not exist" in await said()
    keep(store, Status.IN_PROGRESS)
    assert "has not ended" in await said()
    keep(store, recording=None)
    assert "was not recorded" in await said()
    keep(store)
    assert "There is no video recording" in await said("video")
    (tmp_path / "x.wav").write_bytes(b"not a wave file")
    assert "damaged" in await said()
    (tmp_path / "x.wav").unlink()
    assert "has been deleted" in await said()
    assert "has been deleted" in await said("stereo")


async def test_a_recording_is_paused_and_resumed(
    api: httpx.AsyncClient, store: Store, switchboard: Any
) -> None:
    keep(store)
    assert (await api.post(f"/call/{CALL}/recording/pause")).status_code == 400
    switchboard.running[CALL] = CallRecord(id=CALL, direction="inbound", status=Status.IN_PROGRESS)
    for what in ("pause", "resume"):
        assert (await api.post(f"/call/{CALL}/recording/{what}")).json()["id"] == CALL
    assert switchboard.paused == [(CALL, True), (CALL, False)]
    assert (await api.post(f"/call/{CALL}/recording/stop")).status_code == 400


@pytest.fixture
def signed() -> CallRecord:
    return CallRecord(id=CALL, direction="inbound", status=Status.ENDED, recording="x.wav",
                      link_secret="known-to-the-record")  # fmt: skip


async def test_a_presigned_link_needs_no_key_and_opens_nothing_else(
    api: httpx.AsyncClient, store: Store, tmp_path: Path, frames: np.ndarray, signed: CallRecord
) -> None:
    store.calls.save(signed.model_dump(mode="json"))
    artifact = (await api.get(f"/call/{CALL}")).json()["artifact"]
    api.headers.pop("Authorization")
    stereo = artifact["presignedStereoUrl"]
    answer = await api.get(stereo)
    assert answer.status_code == 200
    assert answer.content == (tmp_path / "x.wav").read_bytes()
    assert (await api.get(artifact["presignedLogUrl"])).status_code == 200
    for other in (
        stereo.replace("/stereo", "/mono"),
        stereo.replace("expires=", "expires=1"),
        stereo[:-1] + ("0" if stereo[-1] != "0" else "1"),
        stereo.partition("?")[0],
    ):
        assert (await api.get(other)).status_code == 404, other
    assert (await api.get(artifact["stereoRecordingUrl"])).status_code == 401


def test_a_presigned_link_ends_with_its_time(signed: CallRecord) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    until = presigned.until(signed, now)
    assert until - now == presigned.LIFE
    (link,) = presigned.links(signed, "http://x", ["mono"], until).values()
    assert presigned.is_valid(signed, "mono", *_parts(link), now=until - timedelta(seconds=1))
    assert not presigned.is_valid(signed, "mono", *_parts(link), now=until + timedelta(seconds=1))
    signed.link_secret = ""  # a call from before there were such links
    assert presigned.links(signed, "http://x", ["mono"], until) == {}


def _parts(link: str) -> tuple[int, str]:
    query = dict(parse_qsl(urlsplit(link).query))
    return int(query["expires"]), query["signature"]
