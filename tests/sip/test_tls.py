"""SIP over TLS: who is believed, who is let in, and certificates that change under way."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
import uvloop

from gateway.errors import ConfigError
from gateway.metrics import REGISTRY
from gateway.sip.certificates import ends, identities, is_of
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import Acked, Answered, Ended, Refused, SessionEvent
from gateway.sip.settings import SipSettings, TlsSettings
from gateway.sip.tls import Tls
from tests.sip.names import Zone
from tests.sip.wire import PATIENCE_S, Answering, Ear, endpoint, port_of, refusing

LISTEN = "tls:127.0.0.1:0, udp:127.0.0.1:0"
DNS = Zone({"A pbx.example": ("127.0.0.1",), "A other.example": ("127.0.0.1",)})


class Papers:
    """Certificates of one authority, in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(self, *names: str, file: str = "server", until: datetime | None = None) -> dict:
        """``[sip.tls]`` for a server of these names."""
        issued = self._authority.issue_cert(*names, not_after=until)
        path = self._folder / f"{file}.pem"
        path.unlink(missing_ok=True)
        issued.private_key_and_cert_chain_pem.write_to_path(str(path))
        return {"certificate": str(path), "ca": self.ca}


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


async def call(client: Endpoint, server: Endpoint, host: str, scheme: str = "sips") -> SessionEvent:
    suffix = ";transport=tls" if scheme == "sip" else ""
    target = f"{scheme}:x@{host}:{port_of(server, 'tls')}{suffix}"
    return await Ear(client.invite(target, sdp=b"offer")).next()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("scheme", ["sip", "sips"])
def test_a_call_over_tls(papers: Papers, scheme: str, run: Callable[..., object]) -> None:
    async def both() -> None:
        answering = Answering()
        tls = papers.issue("pbx.example")
        async with (
            endpoint(answering, LISTEN, tls=tls) as server,
            endpoint(ask=DNS, tls={"ca": papers.ca}) as client,
        ):
            suffix = ";transport=tls" if scheme == "sip" else ""
            target = f"{scheme}:x@pbx.example:{port_of(server, 'tls')}{suffix}"
            ours = Ear(client.invite(target, sdp=b"offer"))
            assert isinstance(await ours.next(), Answered)
            theirs = answering.ears[0]
            assert await theirs.next() == Acked()
            contact = theirs.session.request.contact
            assert contact is not None
            assert contact.uri.scheme == scheme
            assert theirs.session.request.via.transport == "TLS"
            theirs.session.end()  # by the connection it came by: the client does not listen on tls
            assert isinstance(await ours.next(), Ended)
            assert client.live == 0

    run(both())


async def test_a_server_must_be_who_the_uri_names(papers: Papers) -> None:
    tls = papers.issue("pbx.example")
    async with (
        endpoint(listen=LISTEN, tls=tls) as server,
        endpoint(ask=DNS, tls={"ca": papers.ca}) as client,
        endpoint(ask=DNS, tls={"ca": papers.ca, "verify": False}) as careless,
    ):
        event = await call(client, server, "other.example")
        assert isinstance(event, Refused)
        assert event.by == "network"
        assert event.phrase == "its certificate is of pbx.example, not other.example"
        event = await call(careless, server, "other.example")
        assert isinstance(event, Refused)
        assert event.by == "peer"


async def test_an_unknown_authority_is_not_trusted(papers: Papers, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Papers(tmp_path / "other")
    async with (
        endpoint(listen=LISTEN, tls=papers.issue("pbx.example")) as server,
        endpoint(ask=DNS, tls={"ca": other.ca}) as client,
        endpoint(ask=DNS) as plain,
    ):
        for one in (client, plain):
            event = await call(one, server, "pbx.example")
            assert isinstance(event, Refused)
            assert (event.status, event.by) == (503, "network")
            assert "certificate is not trusted" in event.phrase


async def test_a_connection_serves_only_the_name_it_was_opened_for(papers: Papers) -> None:
    tls = papers.issue("pbx.example")
    async with (
        endpoint(listen=LISTEN, tls=tls) as server,
        endpoint(ask=DNS, tls={"ca": papers.ca}) as client,
    ):
        event = await call(client, server, "pbx.example")
        assert isinstance(event, Refused)
        assert event.status == 404
        event = await call(client, server, "other.example")
        assert isinstance(event, Refused)
        assert event.by == "network"


@pytest.mark.parametrize(("rule", "shown", "let_in"), [
    ("required", True, True), ("required", False, False),
    ("optional", True, True), ("optional", False, True), ("no", False, True),
])  # fmt: skip
async def test_clients_show_certificates_as_the_rule_wants(
    papers: Papers, rule: str, shown: bool, let_in: bool
) -> None:
    tls = papers.issue("pbx.example") | {"client_certificates": rule}
    ours = papers.issue("gateway.example", file="client") if shown else {"ca": papers.ca}
    async with (
        endpoint(listen=LISTEN, tls=tls) as server,
        endpoint(ask=DNS, tls=ours) as client,
    ):
        event = await call(client, server, "pbx.example")
        assert isinstance(event, Refused)
        assert (event.by == "peer") is let_in


async def test_a_client_of_a_foreign_authority_is_not_let_in(
    papers: Papers, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    foreign = Papers(tmp_path / "other").issue("gateway.example") | {"ca": papers.ca}
    tls = papers.issue("pbx.example") | {"client_certificates": "optional"}
    async with (
        endpoint(listen=LISTEN, tls=tls) as server,
        endpoint(ask=DNS, tls=foreign) as client,
    ):
        event = await call(client, server, "pbx.example")
        assert isinstance(event, Refused)
        assert event.by == "network"


async def test_a_renewed_certificate_is_shown_and_open_connections_go_on(papers: Papers) -> None:
    first = datetime(2099, 1, 1, tzinfo=UTC)
    tls = papers.issue("pbx.example", until=first)
    async with endpoint(listen=LISTEN, tls=tls) as server:
        trust = ssl.create_default_context(cafile=papers.ca)
        port = port_of(server, "tls")

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trust, server_hostname="pbx.example"
            )
            return reader, writer, writer.get_extra_info("peercert")["notAfter"]

        async def pinged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            writer.write(b"\r\n\r\n")
            return await asyncio.wait_for(reader.readexactly(2), PATIENCE_S) == b"\r\n"

        old_reader, old_writer, until = await connect()
        assert "2099" in until
        assert expiry() == first.timestamp()
        papers.issue("pbx.example", until=datetime(2098, 1, 1, tzinfo=UTC))
        server.renew_certificates()
        new_reader, new_writer, until = await connect()
        assert "2098" in until
        assert expiry() == datetime(2098, 1, 1, tzinfo=UTC).timestamp()
        assert await pinged(old_reader, old_writer)
        assert await pinged(new_reader, new_writer)
        Path(tls["certificate"]).write_text("half a file")
        server.renew_certificates()
        _, third, until = await connect()
        assert "2098" in until
        for writer in (old_writer, new_writer, third):
            writer.close()
            await writer.wait_closed()


def expiry() -> float | None:
    return REGISTRY.get_sample_value("trunkline_sip_certificate_expiry_timestamp_seconds")


async def test_a_name_of_ours_has_its_own_certificate(papers: Papers) -> None:
    other = papers.issue("other.example", file="other")["certificate"]
    names = {"names": {"Other.example": {"certificate": other}}}
    tls = papers.issue("pbx.example") | names
    async with (
        endpoint(Answering(), LISTEN, tls=tls) as server,
        endpoint(ask=DNS, tls={"ca": papers.ca}) as client,
    ):
        for host in ("pbx.example", "other.example"):  # whose certificate the client demands
            assert isinstance(await call(client, server, host), Answered)


def test_old_versions_of_tls_are_not_spoken(papers: Papers) -> None:
    tls = Tls(TlsSettings(**papers.issue("pbx.example")), serves=True)
    for context in (tls.server, tls.client):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_named(papers: Papers, tmp_path: Path) -> None:
    good = papers.issue("pbx.example")
    foreign = papers.issue("pbx.example", file="foreign")["certificate"]
    (tmp_path / "text.pem").write_text("no certificate")
    text = str(tmp_path / "text.pem")
    for tls, why in (
        ({}, r"sip.listen has tls or wss, which needs \[sip.tls\] certificate"),
        ({"certificate": "/nowhere.pem"}, r"certificate /nowhere.pem .*: there is no such file"),
        ({"certificate": text}, r"\[sip.tls\] certificate .*text.pem"),
        (good | {"key": foreign}, "do not belong together"),
        (good | {"ca": text}, r"\[sip.tls\] ca .*text.pem"),
        (good | {"names": {"a.example": {"certificate": text}}}, r"names.a.example\] certifi"),
        (good | {"ca": "", "client_certificates": "required"}, "client_certificates needs ca"),
    ):
        with pytest.raises(ConfigError, match=why):
            asyncio.run(Endpoint(SipSettings(listen=LISTEN, tls=tls), refusing).start())


def test_whose_a_certificate_is() -> None:
    def of(*names: tuple[str, str], subject: str = "cn.example") -> dict:
        return {"subjectAltName": names, "subject": ((("commonName", subject),),)}

    uri = of(("URI", "sip:Example.com"), ("DNS", "host.example.com"))
    assert identities(uri) == ["example.com"]  # RFC 5922 section 7.1: the URI is what counts
    assert is_of(uri, "EXAMPLE.com.")
    assert not is_of(uri, "host.example.com")
    assert not is_of(of(("URI", "sip:user@example.com"), ("DNS", "a.example")), "example.com")
    assert is_of(of(("URI", "sips:example.com"), ("DNS", "a.example")), "a.example")
    assert is_of(of(), "cn.example")
    assert not is_of(of(("DNS", "a.example")), "cn.example")
    wild = of(("DNS", "*.example.com"))
    assert not is_of(wild, "a.example.com")
    assert is_of(wild, "a.example.com", wildcards=True)
    assert not is_of(wild, "a.b.example.com", wildcards=True)
    assert is_of(of(("IP Address", "192.0.2.1")), "192.0.2.1")


@pytest.mark.parametrize("year", [2031, 2051])  # written in two ways: RFC 5280 section 4.1.2.5
def test_when_a_certificate_ends(year: int) -> None:
    until = datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC)
    pem = trustme.CA().issue_cert("a.example", not_after=until).cert_chain_pems[0].bytes()
    assert ends(pem) == until
    assert ends(b"") is None
    assert ends(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----") is None
