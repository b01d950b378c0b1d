"""Kamailio before the gateway: Record-Route, load balancing, failover."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.peers.child import free_port
from tests.peers.daemon import ROOT, Daemon
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
        assert proxy.count("RELAYED", "INVITE") == 2  # hold and resume
        assert proxy.count("RELAYED", "BYE") == 1
        # The ACK of each 200 finds its way by the route set too.
        assert proxy.count("RELAYED", "ACK") == 3
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
    assert proxy.count("RELAYED", "BYE", gateway.sip_address) == 1
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


PASSWORD = "a long and random text"
NUMBER = "+49301234567"
DEMO = json.loads((ROOT / "config/assistants/demo.json").read_text())


@dataclass(frozen=True)
class Papers:
    """Certificates of one authority, and a port for TLS."""

    ca: Path
    certificate: Path
    key: Path
    port: int

    @property
    def settings(self) -> dict[str, str]:
        return {
            "GATEWAY_SIP__LISTEN": f"udp:127.0.0.1:{free_port()},tls:127.0.0.1:{self.port}",
            "GATEWAY_SIP__TLS__CERTIFICATE": str(self.certificate),
            "GATEWAY_SIP__TLS__KEY": str(self.key),
            "GATEWAY_SIP__TLS__CA": str(self.ca),
        }


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    made = Papers(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem", free_port())
    authority.cert_pem.write_to_path(made.ca)
    issued.cert_chain_pems[0].write_to_path(made.certificate)
    issued.private_key_pem.write_to_path(made.key)
    return made


@pytest.fixture(params=["MD5", "SHA-256"])
async def registrar(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kamailio]:
    sha256 = request.param == "SHA-256"
    async with Kamailio(tmp_path / "kamailio", password=PASSWORD, sha256=sha256) as kamailio:
        yield kamailio


def extension(folder: Path, registrar: Kamailio, papers: Papers | None = None) -> Daemon:
    """The gateway as an extension of this PBX; with papers, by TLS."""
    transport, port, settings = "udp", registrar.port, {"GATEWAY_OUTBOUND__NUMBERS": "+49*"}
    if papers:
        transport, port = "tls", registrar.tls_port
        settings |= papers.settings
    return Daemon(
        folder,
        settings,
        f"""
[trunks.pbx]
gateways = [{{ host = "127.0.0.1", port = {port}, transport = "{transport}" }}]
username = "demo"
password = "{PASSWORD}"
register = true
options_s = 0
""",
    )


async def test_as_an_extension_it_registers_and_calls_go_both_ways(
    registrar: Kamailio, tmp_path: Path
) -> None:
    """The registrar grants 12 s, and its nonces go stale after 2."""
    (tmp_path / "phone").mkdir()
    async with (
        extension(tmp_path / "gateway", registrar) as gateway,
        Softphone(tmp_path / "phone") as phone,
    ):
        await registrar.until_registered({"demo"})
        (place,) = (await registrar.registered())["demo"]
        assert gateway.sip_address in place
        await phone.register(
            f"sip:{NUMBER}@127.0.0.1", NUMBER, PASSWORD, f"sip:{registrar.address}"
        )

        inward = await phone.dial(registrar.uri("demo"))
        await inward.confirmed()
        await inward.until("sound", on=True)
        await inward.hang_up()
        assert (await inward.disconnected())["status"] == 200

        order = {"customer": {"number": NUMBER}, "assistant": DEMO}
        placed = await gateway.api.post("/call", json=order)
        assert placed.status_code == 201, placed.text
        outward = await phone.incoming()
        await outward.answer()
        await outward.confirmed()
        await outward.until("sound", on=True)
        await outward.hang_up()
        assert (await outward.disconnected())["status"] == 200
        await gateway.ended_calls(2)

        # Its contact is renewed before it lapses.
        before = registrar.count("ACCEPTED", "REGISTER", gateway.sip_address)
        await registrar.until_count("ACCEPTED", "REGISTER", gateway.sip_address, before + 1)
        assert "demo" in await registrar.registered()
    await registrar.until_registered(set())  # both have signed off


async def test_a_wrong_password_is_told_and_not_tried_for_ever(tmp_path: Path) -> None:
    async with Kamailio(tmp_path / "kamailio", password="another") as registrar:
        async with extension(tmp_path / "gateway", registrar) as gateway:
            await registrar.until_count("SAW", "REGISTER", gateway.sip_address, 2)
            order = {"customer": {"number": NUMBER}, "assistant": DEMO}
            placed = await gateway.api.post("/call", json=order)
            assert placed.status_code == 201, placed.text
            (call,) = await gateway.ended_calls(1)
            assert "407" in json.dumps(call)
            # Each of the two asked, was challenged, and answered once.
            assert registrar.count("SAW", "REGISTER", gateway.sip_address) == 2
            assert registrar.count("SAW", "INVITE", gateway.sip_address) == 2
        assert await registrar.registered() == {}


async def test_an_extension_by_tls(papers: Papers, tmp_path: Path) -> None:
    """Kamailio must prove its name to the gateway; the phone behind it is called by UDP."""
    (tmp_path / "phone").mkdir()
    async with (
        Kamailio(
            tmp_path / "kamailio",
            password=PASSWORD,
            certificate=papers.certificate,
            key=papers.key,
        ) as registrar,
        extension(tmp_path / "gateway", registrar, papers) as gateway,
        Softphone(tmp_path / "phone") as phone,
    ):
        await registrar.until_registered({"demo"})
        await phone.register(
            f"sip:{NUMBER}@127.0.0.1", NUMBER, PASSWORD, f"sip:{registrar.address}"
        )
        inward = await phone.dial(registrar.uri("demo"))
        await inward.confirmed()
        await inward.until("sound", on=True)
        await inward.hang_up()
        assert (await inward.disconnected())["status"] == 200

        order = {"customer": {"number": NUMBER}, "assistant": DEMO}
        placed = await gateway.api.post("/call", json=order)
        assert placed.status_code == 201, placed.text
        outward = await phone.incoming()
        await outward.answer()
        await outward.confirmed()
        await outward.press("9")
        assert (await outward.disconnected(20))["status"] == 200
        await gateway.ended_calls(2)
        assert "RELAYED BYE from tls:" in registrar.log()


async def test_a_registrar_of_an_unknown_authority_gets_no_password(
    papers: Papers, tmp_path: Path
) -> None:
    stranger = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = tmp_path / "other.pem", tmp_path / "other.key"
    stranger.cert_chain_pems[0].write_to_path(certificate)
    stranger.private_key_pem.write_to_path(key)
    async with Kamailio(
        tmp_path / "kamailio", password=PASSWORD, certificate=certificate, key=key
    ) as registrar:
        async with extension(tmp_path / "gateway", registrar, papers) as gateway:
            async with asyncio.timeout(40):
                while "its certificate is not trusted" not in gateway.log():
                    await asyncio.sleep(0.05)
        assert registrar.count("SAW", "REGISTER") == 0
