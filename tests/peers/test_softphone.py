"""The softphone against another of its kind: what the whole-call tests rely on."""

from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.softphone import Softphone

ACTIVE, HELD_BY_REMOTE = 1, 3  # pjsua_call_media_status

pytestmark = pytest.mark.peers


async def test_two_softphones_talk_hold_press_keys_and_hang_up(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    said = sound.tone(1.0)
    sound.write_wav(tmp_path / "said.wav", said)
    heard = tmp_path / "heard.wav"
    async with Softphone(tmp_path / "a") as alice, Softphone(tmp_path / "b") as bob:
        await alice.offer_only("PCMA/8000")
        call = await alice.dial(bob.uri)
        rung = await bob.incoming()
        await rung.answer()
        await call.confirmed()
        await rung.confirmed()
        assert rung.codec == "PCMA", rung.events
        await rung.record(heard)
        await call.say(tmp_path / "said.wav")
        await rung.until("sound", on=True)
        await rung.until("sound", on=False)
        await call.press("1#")
        await rung.until("digit", digit="#")
        assert rung.digits == "1#"
        await call.hold()
        held = await rung.until("media", status=[HELD_BY_REMOTE])
        await call.resume()
        await rung.until("media", status=[ACTIVE], after=held["at"])
        await rung.hang_up()
        assert (await call.disconnected())["status"] == 200
        assert (await rung.disconnected())["status"] == 200
        assert sound.loud_s(await rung.recorded()) == pytest.approx(1.0, abs=0.1)


async def test_a_refused_and_a_cancelled_call_say_so(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with Softphone(tmp_path / "a", "tcp") as alice, Softphone(tmp_path / "b", "tcp") as bob:
        busy = await alice.dial(f"{bob.uri};transport=tcp")
        await (await bob.incoming()).hang_up(486)
        assert (await busy.disconnected())["status"] == 486
        given_up = await alice.dial(f"{bob.uri};transport=tcp")
        rung = await bob.incoming()
        await rung.answer(180)
        await given_up.until("state", state="EARLY")
        await given_up.hang_up()
        assert (await given_up.disconnected())["status"] == 487
        assert (await rung.disconnected())["status"] == 487


async def test_eight_kilohertz_of_speech_come_from_the_embedded_voice(tmp_path: Path) -> None:
    pcm = sound.read_wav(await sound.spoken("What time is it?", tmp_path, lead_s=0.5))
    assert not np.any(pcm[:4000])
    assert 0.4 < sound.loud_s(pcm) < 2.5


def test_find_is_sample_for_sample() -> None:
    pcm = sound.tone(0.5)
    hay = np.concatenate([np.zeros(77, np.int16), pcm, np.zeros(10, np.int16)])
    assert sound.find(pcm, hay) == 77
    hay[100] += 1
    assert sound.find(pcm, hay) is None
