"""A phone hands the agent over to another one (REFER), through the whole gateway."""

from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

TRUNK = """
[trunks.pbx]
gateways = [{{ host = "127.0.0.1", port = {port} }}]
options_s = 0
refer = {refer}
"""
OPEN = {"GATEWAY_OUTBOUND__NUMBERS": "phone"}


async def test_baresip_transfers_the_agent_and_the_other_phone_hears_it(tmp_path: Path) -> None:
    async with Softphone(tmp_path) as other:
        trunk = TRUNK.format(port=other.uri.rpartition(":")[2], refer="true")
        async with Daemon(tmp_path / "gateway", OPEN, trunk) as gateway, Baresip(tmp_path) as peer:
            await peer.dial(gateway.uri("demo"))
            await peer.until("CALL_ESTABLISHED")
            await peer.hears(0.5)
            await peer.transfer(other.uri)
            call = await other.incoming()
            await call.answer()
            await call.confirmed()
            await peer.until("CALL_CLOSED")
            await call.until("sound", on=True)
            await call.hang_up()
            await call.disconnected()
            (record,) = await gateway.ended_calls(1)
            assert record["endedReason"] == "customer-ended-call"
            assert "the call is transferred to" in gateway.log()


async def test_a_phone_asks_another_first_and_then_hands_the_agent_over(tmp_path: Path) -> None:
    """Attended: the REFER names the consultation's dialog, and our INVITE replaces it there."""
    for name in ("asks", "gets"):
        (tmp_path / name).mkdir()
    async with Softphone(tmp_path / "asks") as asks, Softphone(tmp_path / "gets") as gets:
        trunk = TRUNK.format(port=gets.uri.rpartition(":")[2], refer="true")
        async with Daemon(tmp_path / "gateway", OPEN, trunk) as gateway:
            agent = await asks.dial(gateway.uri("demo"))
            await agent.confirmed()
            await agent.until("sound", on=True)
            await agent.hold()
            consultation = await asks.dial(gets.uri)
            answered = await gets.incoming()
            await answered.answer()
            await consultation.confirmed()
            await agent.hand_over(consultation)
            await answered.disconnected(20)
            await agent.disconnected(20)
            taken = await gets.incoming()
            await taken.until("sound", on=True, within_s=40)
            await taken.hang_up()
            await taken.disconnected()
            (record,) = await gateway.ended_calls(1)
            assert record["endedReason"] == "customer-ended-call"
            assert "the call is transferred to" in gateway.log()


@pytest.mark.parametrize(
    ("env", "refer", "why"),
    [(OPEN, "false", "Transfers are not taken"), ({}, "true", "no pattern in [outbound] numbers")],
    ids=["not by this trunk", "not to this place"],
)
async def test_a_transfer_that_may_not_be_is_refused_at_once(
    tmp_path: Path, env: dict[str, str], refer: str, why: str
) -> None:
    async with (
        Daemon(tmp_path / "gateway", env, TRUNK.format(port=9, refer=refer)) as gateway,
        Baresip(tmp_path) as peer,
    ):
        await peer.dial(gateway.uri("demo"))
        await peer.until("CALL_ESTABLISHED")
        await peer.transfer("sip:nobody@127.0.0.1:9")
        failed = await peer.until("TRANSFER_FAILED")
        assert why in failed["param"]
        # What was refused ends nothing here; baresip hangs up by itself when a transfer fails.
        (record,) = await gateway.ended_calls(1)
        assert record["endedReason"] == "customer-ended-call"
