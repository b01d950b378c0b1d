"""Calls that are refused, given up, called off, and calls that the gateway places."""

import asyncio
import re
import socket

import pytest

from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

ASSISTANT = {
    "model": {"provider": "script", "script": {"start": "a", "states": {"a": {"rules": []}}}},
    "firstMessage": "Hello, here is the gateway.",
}


async def test_an_unknown_user_is_404(gateway: Daemon, phone: Softphone) -> None:
    call = await phone.dial(gateway.uri("nobody"))
    assert (await call.disconnected())["status"] == 404
    assert "nobody" in gateway.log()


async def test_a_number_that_cannot_be_answered_is_recorded_and_tells_strangers_nothing(
    gateway: Daemon, phone: Softphone
) -> None:
    mute = (await gateway.api.post("/assistant", json={})).json()["id"]
    number = {"provider": "vapi", "sipUri": "sip:mute@here", "assistantId": mute}
    made = (await gateway.api.post("/phone-number", json=number)).json()
    ended = await (await phone.dial(gateway.uri("mute"))).disconnected()
    assert (ended["status"], ended["reason"]) == (480, "Temporarily Unavailable")
    (record,) = await gateway.ended_calls(1)
    assert (record["endedReason"], record["phoneNumberId"]) == ("assistant-not-valid", made["id"])
    assert "model should not be empty" in gateway.log()


async def test_no_common_codec_is_488(gateway: Daemon, phone: Softphone) -> None:
    await phone.offer_only("GSM/8000")
    call = await phone.dial(gateway.uri("demo"))
    assert (await call.disconnected())["status"] == 488
    await phone.offer_only("PCMA/8000")
    call = await phone.dial(gateway.uri("demo"))
    await call.confirmed()
    assert call.codec == "PCMA"
    await call.hang_up()
    await call.disconnected()


def request(
    method: str, number: int, uri: str, here: str, to_tag: str = "", body: str = ""
) -> bytes:
    """One request of the caller in ``test_a_caller_who_gives_up``. CANCEL, and the ACK of a
    refusal, carry their INVITE's branch (RFC 3261 sections 9.1, 17.1.1.3)."""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{number}-1;rport\r\n"
        f"From: <sip:hasty@{here}>;tag=1\r\n"
        f"To: <{uri}>{to_tag}\r\n"
        f"Call-ID: hasty@{here}\r\n"
        f"CSeq: {number} {method}\r\n"
        f"Contact: <sip:hasty@{here}>\r\n"
        "Max-Forwards: 70\r\n"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def test_a_caller_who_gives_up(gateway: Daemon) -> None:
    """INVITE and CANCEL in one breath. The answer may win the race: then the CANCEL is without
    effect, and the caller hangs up."""
    host, port = gateway.sip_address.split(":")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.bind(("127.0.0.1", 0))
        wire.connect((host, int(port)))
        here = f"127.0.0.1:{wire.getsockname()[1]}"
        uri = gateway.uri("demo")
        offer = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=audio 9 RTP/AVP 0\r\n"
        )
        await loop.sock_sendall(wire, request("INVITE", 1, uri, here, body=offer))
        await loop.sock_sendall(wire, request("CANCEL", 1, uri, here))
        finals: dict[str, str] = {}
        async with asyncio.timeout(40):
            while set(finals) != {"INVITE", "CANCEL"}:
                answer = (await loop.sock_recv(wire, 65535)).decode()
                method = re.search(r"CSeq: \d+ (\w+)", answer, re.IGNORECASE)
                assert method
                if not answer.startswith("SIP/2.0 1"):
                    finals[method[1]] = answer
            invite = finals["INVITE"]
            tag = re.search(r"^To:.*?(;tag=\S+)", invite, re.MULTILINE | re.IGNORECASE)
            assert tag
            await loop.sock_sendall(wire, request("ACK", 1, uri, here, tag[1]))
            if invite.startswith("SIP/2.0 200"):
                await loop.sock_sendall(wire, request("BYE", 2, uri, here, tag[1]))
                while "BYE" not in (answer := (await loop.sock_recv(wire, 65535)).decode()):
                    continue
                assert answer.startswith("SIP/2.0 200")
        assert finals["CANCEL"].startswith("SIP/2.0 200")
        assert invite.startswith(("SIP/2.0 487", "SIP/2.0 200"))
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] in (
        "customer-ended-call",
        "call.ringing.sip-inbound-caller-hungup-before-call-connect",
    )


async def test_a_placed_call_that_is_called_off_is_cancelled(
    gateway: Daemon, phone: Softphone
) -> None:
    order = {"assistant": ASSISTANT, "customer": {"sipUri": phone.uri}}
    placed = await gateway.api.post("/call", json=order)
    assert placed.status_code == 201, placed.text
    rung = await phone.incoming()
    await rung.answer(180)
    await gateway.api.delete(f"/call/{placed.json()['id']}")
    assert (await rung.disconnected())["status"] == 487
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "manually-canceled"


async def test_a_placed_call_is_answered_and_heard(gateway: Daemon, phone: Softphone) -> None:
    order = {"assistant": ASSISTANT, "customer": {"sipUri": phone.uri}}
    placed = await gateway.api.post("/call", json=order)
    assert placed.status_code == 201, placed.text
    rung = await phone.incoming()
    await rung.answer()
    await rung.confirmed()
    began = await rung.until("sound", on=True)
    await rung.until("sound", on=False, after=began["at"])
    await rung.hang_up()
    await rung.disconnected()
    (record,) = await gateway.ended_calls(1)
    assert record["type"] == "outboundPhoneCall"
    assert record["endedReason"] == "customer-ended-call"
    assert "Hello, here is the gateway." in record["transcript"]


async def test_a_busy_callee_is_told(gateway: Daemon, phone: Softphone) -> None:
    order = {"assistant": ASSISTANT, "customer": {"sipUri": phone.uri}}
    await gateway.api.post("/call", json=order)
    await (await phone.incoming()).hang_up(486)
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-busy"
