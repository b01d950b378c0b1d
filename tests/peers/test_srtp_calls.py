"""Encrypted calls with stacks of others (pjsua2, baresip), and what becomes of those that may not
be encrypted, or must."""

from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

ASSISTANT = {
    "model": {"provider": "script", "script": {"start": "a", "states": {"a": {"rules": []}}}},
    "firstMessage": "Hello, here is the gateway.",
}
FORCED = {"GATEWAY_RTP__SRTP": "required"}


async def heard_back(phone: Softphone, gateway: Daemon, folder: Path) -> sound.Pcm:
    """What the echo returns of a second of tone."""
    sound.write_wav(folder / "sent.wav", sound.tone(1.0))
    call = await phone.dial(gateway.uri("echo"))
    await call.confirmed()
    await call.record(folder / "heard.wav")
    await call.say(folder / "sent.wav")
    await call.until("sound", on=False)
    await call.hang_up()
    await call.disconnected()
    return await call.recorded()


@pytest.mark.parametrize("wish", ["optional", "required"])
async def test_pjsua2_is_answered_encrypted(
    gateway: Daemon, phone: Softphone, tmp_path: Path, wish: str
) -> None:
    await phone.encrypt(wish)
    assert sound.loud_s(await heard_back(phone, gateway, tmp_path)) == pytest.approx(1.0, abs=0.15)
    await gateway.ended_calls(1)
    assert "srtp=A" in gateway.log()


@pytest.mark.parametrize("wish", ["srtp", "srtp-mand"])
async def test_baresip_is_answered_encrypted(gateway: Daemon, tmp_path: Path, wish: str) -> None:
    async with Baresip(tmp_path, encryption=wish) as peer:
        await peer.dial(gateway.uri("echo"))
        await peer.until("CALL_ESTABLISHED")
        await peer.hears(3.0)
        await peer.hang_up()
        await peer.until("CALL_CLOSED")
        heard = peer.heard()
    assert sound.loud_s(heard) > 1.5
    await gateway.ended_calls(1)
    assert "srtp=A" in gateway.log()


async def test_whoever_requires_it_refuses_the_clear_and_says_why(tmp_path: Path) -> None:
    async with Daemon(tmp_path / "gateway", FORCED) as gateway, Softphone(tmp_path) as phone:
        call = await phone.dial(gateway.uri("echo"))
        assert (await call.disconnected())["status"] == 488
        assert "SRTP is required" in gateway.log()
        await phone.encrypt("required")
        heard = await heard_back(phone, gateway, tmp_path)
        assert sound.loud_s(heard) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("policy", ["optional", "required"])
async def test_our_own_offer_is_taken_encrypted(tmp_path: Path, policy: str) -> None:
    env = {"GATEWAY_RTP__SRTP": policy}
    async with Daemon(tmp_path / "gateway", env) as gateway, Softphone(tmp_path) as phone:
        await phone.encrypt(policy)
        order = {"assistant": ASSISTANT, "customer": {"sipUri": phone.uri}}
        placed = await gateway.api.post("/call", json=order)
        assert placed.status_code == 201, placed.text
        call = await phone.incoming()
        await call.answer()
        await call.confirmed()
        await call.until("sound", on=True)
        await call.hang_up()
        await call.disconnected()
        await gateway.ended_calls(1)
        assert "srtp=A" in gateway.log()
