"""``echo`` returns what was sent, sample for sample after G.711."""

from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.daemon import Daemon
from tests.peers.sipp import mulaw
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

PIECE = sound.RATE // 10


def after_mulaw(pcm: sound.Pcm) -> sound.Pcm:
    """What is left of sound after G.711 µ-law: decoded by the standard's own formula."""
    byte = ~np.frombuffer(mulaw(pcm), np.uint8).astype(np.int32)
    magnitude = ((((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)) - 0x84
    return np.where(byte & 0x80, -magnitude, magnitude).astype(np.int16)


async def test_echo_returns_every_sample(gateway: Daemon, phone: Softphone, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    # Noise, so that no stretch of it could be mistaken for another.
    sent = (rng.normal(0, 3000, 2 * sound.RATE)).clip(-32000, 32000).astype(np.int16)
    sound.write_wav(tmp_path / "sent.wav", sent)
    await phone.offer_only("PCMU/8000")
    call = await phone.dial(gateway.uri("echo"))
    await call.confirmed()
    await call.record(tmp_path / "heard.wav")
    done = await call.say(tmp_path / "sent.wav")
    await call.until("sound", on=False, after=done)
    await call.hang_up()
    await call.disconnected()
    heard = await call.recorded()
    # A busy machine makes the phone late, and a jitter buffer then inserts or drops a frame: so
    # each tenth of a second is looked for by itself. What comes back is the same to the sample.
    pieces = np.split(after_mulaw(sent)[sound.RATE // 4 :][: 17 * PIECE], 17)
    places = [sound.find(piece, heard) for piece in pieces]
    found = [at for at in places if at is not None]
    assert len(found) >= 12, places
    assert found == sorted(found)
    await gateway.ended_calls(1)
