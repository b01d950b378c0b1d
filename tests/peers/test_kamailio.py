"""Kamailio before the gateway: Record-Route, load balancing, failover."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.daemon import Daemon
from tests.peers.kamailio import Kamailio
from tests.peers.sipp import Sipp
from tests.peers.softphone import Softphone

LOCAL_HOLD = 2  # pjsua_call_media_status

pytestmark = pytest.mark.peers


@pytest.fixture
async def proxy(gateway: Daemon, tmp_path: Path) -> AsyncIterator[Kamailio]:
    async with Kamailio(tmp_path / "kamailio", gateways=[gateway.sip_address]) as kamailio:
        yield kamailio


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_held_call_through_a_proxy(
    gateway: Daemon, proxy: Kamailio, tmp_path: Path, transport: str
) -> None:
    """From TCP to UDP the proxy records two routes, one for each side."""
    (tmp_path / "phone").mkdir()
    async with Softphone(tmp_path / "phone", transport) as phone:
        call = await phone.dial(proxy.uri("demo", transport))
        await call.confirmed()
        await call.until("sound", on=True)
        await call.hold()
        held = await call.until("sound", on=False)
        await call.resume()
        await call.press("0")
        await call.until("sound", on=True, after=held["at"])
        await call.hang_up()
        assert (await call.disconnected())["status"] == 200
        assert proxy.relayed("INVITE") == 2  # hold and resume
        assert proxy.relayed("BYE") == 1
        # The ACK of each 200 finds its way by the route set too.
        assert proxy.relayed("ACK") == 3
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "customer-ended-call"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_gateways_bye_takes_the_route_back(
    gateway: Daemon, proxy: Kamailio, tmp_path: Path, transport: str
) -> None:
    (tmp_path / "phone").mkdir()
    async with Softphone(tmp_path / "phone", transport) as phone:
        call = await phone.dial(proxy.uri("demo", transport))
        await call.confirmed()
        await call.until("sound", on=True)
        await call.press("9")
        assert (await call.disconnected(20))["status"] == 200
    assert proxy.relayed("BYE", gateway.sip_address) == 1
    (record,) = await gateway.ended_calls(1)
    assert record["endedReason"] == "assistant-ended-call"


async def test_many_short_calls_through_a_proxy(
    gateway: Daemon, proxy: Kamailio, tmp_path: Path
) -> None:
    outcome = await Sipp(tmp_path, "uac_rtp", proxy.address, calls=20, rate=10, talk_s=0.3).run()
    assert (outcome.exit_code, outcome.successful) == (0, 20), outcome.said
    await gateway.ended_calls(20)


@dataclass(frozen=True)
class Pair:
    """Two gateways, and the load balancer before them."""

    one: Daemon
    other: Daemon
    balancer: Kamailio

    async def calls(self, folder: Path, count: int) -> None:
        """Place so many calls one after the other, all of which must succeed."""
        sipp = Sipp(folder, "uac_rtp", self.balancer.address, calls=count, rate=10, talk_s=0.3)
        outcome = await sipp.run()
        assert (outcome.exit_code, outcome.successful) == (0, count), outcome.said


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        one = Daemon(tmp_path / "one")
        other = Daemon(tmp_path / "other")
        await stack.enter_async_context(one)
        await stack.enter_async_context(other)
        places = [one.sip_address, other.sip_address]
        balancer = await stack.enter_async_context(Kamailio(tmp_path / "kamailio", gateways=places))
        await balancer.until_alive(set(places))  # each has answered an OPTIONS
        yield Pair(one, other, balancer)


async def test_calls_are_shared_out_and_a_killed_gateway_costs_none(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.calls(tmp_path, 6)
    assert len(await pair.one.ended_calls(3)) == len(await pair.other.ended_calls(3))
    await pair.one.kill()
    await pair.calls(tmp_path, 6)  # at first the balancer does not know, and has to try
    await pair.other.ended_calls(9)
    assert f"FAILED sip:{pair.one.sip_address} with 408" in pair.balancer.log()
    await pair.balancer.until_alive({pair.other.sip_address})


async def test_a_gateway_that_drains_sends_new_calls_on_and_keeps_its_own(
    pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "phone").mkdir()
    async with Softphone(tmp_path / "phone") as phone:
        call = await phone.dial(pair.balancer.uri("echo"))
        await call.confirmed()
        owner = pair.one if await pair.one.get("/call") else pair.other
        rest = pair.other if owner is pair.one else pair.one
        owner.child.terminate()
        await pair.calls(tmp_path, 6)
        await rest.ended_calls(6)
        # The call that was up before is up still.
        await call.hold()
        await call.until("media", status=[LOCAL_HOLD])
        await call.hang_up()
        assert (await call.disconnected())["status"] == 200
    assert f"FAILED sip:{owner.sip_address} with 503" in pair.balancer.log()
