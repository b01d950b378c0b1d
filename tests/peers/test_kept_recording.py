"""A real call's recording: denoised, paused, encoded, in a bucket, and linked to in its record."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from moto.server import ThreadedMotoServer

from tests.peers.daemon import ROOT, Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

KEYS = {"accessKeyId": "k", "secretAccessKey": "s"}


@pytest.fixture
def bucket() -> Iterator[str]:
    """The URL of one that anybody may write to."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    request = urllib.request.Request(f"http://{host}:{port}/calls", method="PUT")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/x")
    urllib.request.urlopen(request).close()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Daemon]:
    """One that waits for its recordings, however busy the machine is."""
    async with Daemon(tmp_path / "gateway", {"GATEWAY_RECORDING__WAIT_S": "60"}) as daemon:
        yield daemon


async def test_a_recording_finds_its_way_into_a_bucket(
    gateway: Daemon, phone: Softphone, bucket: str, tmp_path: Path
) -> None:
    plan = {"name": "calls", "region": "us-east-1", "url": bucket, "path": "mine", **KEYS}
    assistant = {
        "firstMessage": "One two three four five six seven eight nine ten.",
        "model": json.loads((ROOT / "config/assistants/demo.json").read_text())["model"],
        "artifactPlan": {"recordingFormat": "mp3"},
        "credentials": [{"provider": "s3-compatible", "bucketPlan": plan}],
        "backgroundSpeechDenoisingPlan": {"smartDenoisingPlan": {"enabled": True}},
    }
    made = await gateway.api.post("/assistant", json=assistant)
    assert made.status_code == 201, made.text
    number = {"provider": "vapi", "sipUri": gateway.uri("kept"), "assistantId": made.json()["id"]}
    assert (await gateway.api.post("/phone-number", json=number)).status_code == 201

    call = await phone.dial(gateway.uri("kept"))
    await call.confirmed()
    await call.until("sound", on=True, within_s=40)
    call_id = (await gateway.only_call())["id"]
    pause, resume = (f"/call/{call_id}/recording/{what}" for what in ("pause", "resume"))
    assert (await gateway.api.post(pause)).status_code == 200
    assert (await gateway.api.post(resume)).status_code == 200
    await call.hang_up()
    await call.disconnected()

    (record,) = await gateway.ended_calls(1)
    artifact = record["artifact"]
    told = [event["what"] for event in artifact["trunkline"]["events"]]
    assert [w for w in told if w.startswith("rec")] == ["recording_paused", "recording_resumed"]
    assert "not_denoised" not in told
    assert artifact["stereoRecordingUrl"] == f"{bucket}/calls/mine/{call_id}.mp3"
    heard = tmp_path / "stereo.mp3"
    urllib.request.urlretrieve(artifact["presignedStereoUrl"], heard)
    sound, rate = soundfile.read(heard, dtype="int16")
    assert (rate, sound.shape[1]) == (16_000, 2)
    assert np.abs(sound[:, 1].astype(int)).max() > 1000
    mono = await gateway.api.get(f"/call/{call_id}/mono-recording")
    assert mono.headers["content-type"] == "audio/mpeg"
    async with asyncio.timeout(60):
        while list(gateway.state.glob("recordings/*.wav")):
            await asyncio.sleep(0.05)
