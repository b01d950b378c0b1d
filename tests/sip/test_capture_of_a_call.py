"""What the endpoint keeps of each call, on real sockets: a pcap file, and Homer's copy."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
import trustme

from gateway.errors import ConfigError
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import Answered, Ended
from gateway.sip.message import Request, parse
from gateway.sip.pcap import decode
from gateway.sip.settings import SipSettings
from tests.sip.wire import PATIENCE_S, Answering, Ear, endpoint, port_of, refusing


def told(path: Path) -> list[str]:
    """Each message in short: its sender's port, and method or status."""
    found = []
    for seen in decode(path.read_bytes()):
        message = parse(seen.data)
        what = message.method if isinstance(message, Request) else str(message.status)
        found.append(f"{seen.source[1]} {what}")
    return found


async def called(server: Endpoint, client: Endpoint, transport: str, answering: Answering) -> Ear:
    target = f"sip:x@127.0.0.1:{port_of(server, transport)};transport={transport}"
    ours = Ear(client.invite(target, sdp=b"offer"))
    assert isinstance(await ours.next(), Answered)
    await answering.ears[-1].next()
    return ours


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_the_file_holds_the_call_from_invite_to_the_answer_of_bye(
    transport: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    (tmp_path / "s.pem").write_bytes(
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes()
    )
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = {"certificate": str(tmp_path / "s.pem"), "ca": str(tmp_path / "ca.pem")}
    answering, path = Answering(), tmp_path / "captures" / "1.pcap"
    listen = f"{transport}:127.0.0.1:0"
    async with endpoint(answering, listen, tls=tls) as server:
        async with endpoint(listen=listen, tls=tls) as client:
            ours = await called(server, client, transport, answering)
            port = port_of(client, transport)
            peer = port_of(server, transport)
            assert client.keep_capture(ours.session.id, path)
            assert not path.exists()
            ours.session.end()
            assert isinstance(await ours.next(), Ended)
            while client.live:
                await asyncio.sleep(0)
        assert told(path) == [f"{port} INVITE", f"{peer} 100", f"{peer} 200", f"{port} ACK",
                              f"{port} BYE", f"{peer} 200"]  # fmt: skip
        # The other end is over already: it is written at once.
        theirs = answering.ears[0].session
        assert server.keep_capture(theirs.id, tmp_path / "2.pcap")
        assert not client.keep_capture(ours.session.id, None)
        assert not server.keep_capture("no such call", tmp_path / "3.pcap")
    assert len(told(tmp_path / "2.pcap")) == 6


async def test_what_nobody_wants_is_forgotten() -> None:
    answering = Answering()
    async with endpoint(answering) as server, endpoint() as client:
        ours = await called(server, client, "udp", answering)
        assert not client.keep_capture(ours.session.id, None)
        assert not client.keep_capture(ours.session.id, Path("never"))
        ours.session.end()
        assert isinstance(await ours.next(), Ended)


async def test_nothing_is_kept_if_it_shall_not_be(tmp_path: Path) -> None:
    answering = Answering()
    async with endpoint(answering, capture=False) as server, endpoint() as client:
        ours = await called(server, client, "udp", answering)
        assert not server.keep_capture(ours.session.id, tmp_path / "1.pcap")


async def test_a_disk_that_is_full_is_logged_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answering = Answering()
    (tmp_path / "captures").write_text("a file where the folder should be")
    async with endpoint(answering) as server, endpoint() as client:
        ours = await called(server, client, "udp", answering)
        assert client.keep_capture(ours.session.id, tmp_path / "captures" / "1.pcap")
    assert "messages could not be written" in caplog.text


class Homer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait(data)


async def test_homer_hears_every_message() -> None:
    loop = asyncio.get_running_loop()
    transport, homer = await loop.create_datagram_endpoint(Homer, local_addr=("127.0.0.1", 0))
    heard = cast(Homer, homer).heard
    host, port = transport.get_extra_info("sockname")
    hep = {"target": f"{host}:{port}", "auth_key": "secret"}
    async with endpoint() as server, endpoint(hep=hep) as client:
        target = f"sip:x@127.0.0.1:{port_of(server, 'udp')}"
        await Ear(client.invite(target, sdp=b"offer")).next()
        packets = [await asyncio.wait_for(heard.get(), PATIENCE_S) for _ in range(4)]
    assert all(packet.startswith(b"HEP3") and b"secret" in packet for packet in packets)
    starts = [b"INVITE sip", b"SIP/2.0 100", b"SIP/2.0 404", b"ACK sip"]
    assert all(start in packet for start, packet in zip(starts, packets, strict=True))
    transport.close()


async def test_homer_that_is_away_is_no_harm() -> None:
    async with endpoint() as server, endpoint(hep={"target": "127.0.0.1:9"}) as client:
        for _ in range(2):
            target = f"sip:x@127.0.0.1:{port_of(server, 'udp')}"
            await Ear(client.invite(target, sdp=b"offer")).next()


async def test_homer_at_an_address_that_cannot_be_is_a_config_error() -> None:
    settings = SipSettings(listen="udp:127.0.0.1:0", hep={"target": "255.255.255.255:9060"})
    with pytest.raises(ConfigError, match=r"\[sip.hep\] target 255"):
        await Endpoint(settings, refusing).start()
