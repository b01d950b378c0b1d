"""baresip against the softphone: it calls, is called, speaks and hears."""

from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers


async def test_it_calls_and_both_hear_each_other(tmp_path: Path) -> None:
    sound.write_wav(tmp_path / "said.wav", sound.tone(1.0))
    async with Softphone(tmp_path) as phone, Baresip(tmp_path) as peer:
        await peer.dial(phone.uri)
        call = await phone.incoming()
        await call.answer()
        await call.confirmed()
        await peer.until("CALL_ESTABLISHED")
        await call.until("sound", on=True)
        await call.say(tmp_path / "said.wav")
        await peer.hang_up()
        assert (await call.disconnected())["status"] == 200
        await peer.until("CALL_CLOSED")
    assert sound.loud_s(peer.heard()) == pytest.approx(1.0, abs=0.15)


async def test_it_is_called_and_speaks_alaw(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as phone, Baresip(tmp_path, codec="pcma/8000/1") as peer:
        call = await phone.dial(peer.uri)
        await call.confirmed()
        assert call.codec == "PCMA"
        await call.until("sound", on=True)
        await call.hang_up()
        await peer.until("CALL_CLOSED")
