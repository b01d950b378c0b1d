"""RFC 3263 and RFC 2782, question by question, against a DNS in memory."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.resolution import Dead, Naptr, Resolution, Srv, in_order
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from tests.sip.names import Zone

ZONE = {
    "NAPTR example.com": (
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com."),
        Naptr(10, 50, "u", "E2U+sip", "."),
    ),
    "SRV _sips._tcp.example.com": (Srv(1, 0, 5061, "a.example.com."),),
    "SRV _sip._tcp.example.com": (
        Srv(2, 0, 5070, "b.example.com."),
        Srv(1, 0, 5060, "A.example.com."),
    ),
    "SRV _sip._udp.example.com": (Srv(0, 0, 5080, "a.example.com."),),
    "A a.example.com": ("192.0.2.1", "192.0.2.2"),
    "AAAA a.example.com": ("2001:db8::1",),
    "A b.example.com": ("192.0.2.9",),
    "A plain.example": ("192.0.2.5",),
    "SRV _sip._udp.srv.example": (Srv(0, 0, 5090, "b.example.com"),),
    "SRV _sip._udp.closed.example": (Srv(0, 0, 0, "."),),
    "A closed.example": ("192.0.2.6",),
}


def targets(uri: str, zone: Zone | None = None, **more: object) -> list[str]:
    zone = zone or Zone(ZONE)
    resolution = Resolution(Uri.parse(uri), rng=random.Random(1), **more)  # type: ignore[arg-type]
    hops = zone.resolve(resolution)
    return [f"{hop.transport} {hop.address[0]} {hop.address[1]}" for hop in hops]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("sip:192.0.2.7", ["udp 192.0.2.7 5060"]),
        ("sip:192.0.2.7:99;transport=tcp", ["tcp 192.0.2.7 99"]),
        ("sip:[2001:db8::7];transport=tls", ["tls 2001:db8::7 5061"]),
        ("sips:192.0.2.7", ["tls 192.0.2.7 5061"]),
        ("sips:192.0.2.7;transport=tcp", ["tls 192.0.2.7 5061"]),
        ("sip:example.com;maddr=192.0.2.8", ["udp 192.0.2.8 5060"]),
    ],
)
def test_numeric_hosts_need_no_question(uri: str, found: list[str]) -> None:
    zone = Zone()
    assert targets(uri, zone) == found
    assert zone.asked == []


def test_naptr_orders_the_transports_then_srv_the_hosts() -> None:
    assert targets("sip:example.com", families=["A"]) == [
        "tls 192.0.2.1 5061", "tls 192.0.2.2 5061",
        "tcp 192.0.2.1 5060", "tcp 192.0.2.2 5060", "tcp 192.0.2.9 5070",
        "udp 192.0.2.1 5080", "udp 192.0.2.2 5080",
    ]  # fmt: skip


def test_sips_takes_only_what_is_secure() -> None:
    found = targets("sips:example.com", families=["A", "AAAA"])
    assert found == ["tls 192.0.2.1 5061", "tls 192.0.2.2 5061", "tls 2001:db8::1 5061"]


def test_what_we_do_not_speak_is_passed_over() -> None:
    assert {t.split()[0] for t in targets("sip:example.com", transports=("udp", "tcp"))} == {
        "udp", "tcp",
    }  # fmt: skip


def test_a_transport_that_is_named_asks_no_naptr() -> None:
    zone = Zone(ZONE)
    found = targets("sip:example.com;transport=tcp", zone, families=["A"])
    assert found[-1] == "tcp 192.0.2.9 5070"
    assert {question.kind for question in zone.asked} == {"SRV", "A"}


def test_a_port_asks_for_addresses_only() -> None:
    zone = Zone(ZONE)
    assert targets("sip:plain.example:5070", zone, families=["A"]) == ["udp 192.0.2.5 5070"]
    assert [question.kind for question in zone.asked] == ["A"]


def test_without_naptr_srv_is_tried_and_without_srv_the_host() -> None:
    assert targets("sip:srv.example", families=["A"]) == ["udp 192.0.2.9 5090"]
    assert targets("sip:plain.example", families=["A"]) == ["udp 192.0.2.5 5060"]
    assert targets("sips:plain.example", families=["A"]) == ["tls 192.0.2.5 5061"]


def test_a_service_that_is_denied_is_not_looked_for_elsewhere() -> None:
    assert targets("sip:closed.example", families=["A"]) == []


def test_the_certificate_is_to_be_of_the_uri_not_of_the_srv_target() -> None:
    hops = Zone(ZONE).resolve(Resolution(Uri.parse("sips:example.com")))
    assert {hop.name for hop in hops} == {"example.com"}


def test_sips_in_the_clear_is_refused() -> None:
    with pytest.raises(SipSyntaxError, match="sips"):
        Resolution(Uri.parse("sips:example.com;transport=udp"))


def test_weights_are_proportions() -> None:
    records = [Srv(0, 1, 1, "one"), Srv(0, 3, 3, "three"), Srv(0, 0, 0, "zero"), Srv(1, 9, 9, "x")]
    rng = random.Random(7)
    first = Counter(in_order(records, rng)[0].target for _ in range(4000))
    # A number from 0 to 4, both included (RFC 2782): 0 is "zero", 1 "one", 2 to 4 "three".
    assert 700 < first["zero"] < 900
    assert 700 < first["one"] < 900
    assert 2200 < first["three"] < 2600
    assert first["x"] == 0


@given(st.lists(st.builds(Srv, st.integers(0, 3), st.integers(0, 9), st.just(1), st.text())))
def test_every_record_is_tried_once_by_priority(records: list[Srv]) -> None:
    ordered = in_order(records, random.Random(0))
    assert Counter(ordered) == Counter(records)
    assert [r.priority for r in ordered] == sorted(r.priority for r in records)


def test_the_dead_are_tried_last_until_they_may_live_again() -> None:
    a, b, c = (Hop((f"192.0.2.{n}", 5060), "udp") for n in (1, 2, 3))
    dead = Dead()
    dead.bury(a, 0.0, 60.0)
    dead.bury(b, 0.0, 30.0)
    assert dead.ordered([a, b, c], 1.0) == [c, b, a]
    assert dead.ordered([a, b, c], 30.0) == [b, c, a]
    dead.revive(a)
    assert dead.ordered([a, b, c], 31.0) == [a, b, c]
