"""Whose address this is, which gateway comes first, and how a number is dialled."""

import random
from collections import Counter

import pytest
from pydantic import ValidationError

from gateway.trunks.book import Trunks
from gateway.trunks.dialling import Attempt, attempts, refusal
from gateway.trunks.settings import TrunkSettings
from gateway.trunks.trunk import Trunk


def settings(**values: object) -> TrunkSettings:
    return TrunkSettings.model_validate(values)


def gateways(*rows: tuple[str, int, int]) -> list[dict[str, object]]:
    return [{"host": host, "priority": p, "weight": w} for host, p, w in rows]


def hosts(trunk: Trunk, seed: int = 0, now: float = 0.0) -> list[str]:
    return [gateway.host for gateway in trunk.in_order(now, random.Random(seed))]


def test_gateways_by_priority_then_by_weight() -> None:
    trunk = Trunk("t", settings(gateways=gateways(("b", 1, 1), ("a1", 0, 3), ("a2", 0, 1))))
    first = Counter(hosts(trunk, seed)[0] for seed in range(400))
    assert set(first) == {"a1", "a2"}
    assert 240 < first["a1"] < 360
    assert all(hosts(trunk, seed)[2] == "b" for seed in range(20))


def test_a_gateway_that_is_down_is_left_out_until_all_are() -> None:
    trunk = Trunk("t", settings(gateways=gateways(("a", 0, 1), ("b", 1, 1)), down_after=1))
    trunk.gateways[0].health.bad("x", 0.0)
    assert hosts(trunk) == ["b"]
    trunk.gateways[1].health.bad("x", 0.0)
    assert hosts(trunk) == ["a", "b"]


def test_the_closest_network_owns_an_address() -> None:
    trunks = Trunks({
        "wide": settings(addresses=["198.51.100.0/24", "2001:db8::/32"]),
        "near": settings(addresses=["198.51.100.7"]),
    })  # fmt: skip
    assert [t.name for t in trunks.covering("198.51.100.7")] == ["near", "wide"]
    assert [t.name for t in trunks.covering("198.51.100.8")] == ["wide"]
    assert [t.name for t in trunks.covering("2001:db8::5")] == ["wide"]
    assert trunks.covering("203.0.113.1") == ()
    assert trunks.covering("example.org") == ()


def test_trunks_come_change_and_go_while_calls_are_up() -> None:
    trunks = Trunks()
    trunks.put("a", settings(addresses=["192.0.2.1"], channels_in=2), "api")
    trunk = trunks.covering("192.0.2.1")[0]
    trunk.inbound.take(0)
    trunks.put("a", settings(addresses=["192.0.2.2"], channels_in=1), "api")
    assert trunks.covering("192.0.2.1") == ()
    (changed,) = trunks.covering("192.0.2.2")
    assert changed.inbound.take(0)  # the call that was up is counted still
    trunks.remove("a")
    assert trunks.covering("192.0.2.2") == ()


def test_the_default_is_the_one_that_is_named_or_the_only_one() -> None:
    out = {"gateways": gateways(("a", 0, 1))}
    one = Trunks({"x": settings(**out), "in": settings(addresses=["192.0.2.1"])})
    default = one.default()
    assert default
    assert default.name == "x"
    two = {"x": settings(**out), "y": settings(**out)}
    assert Trunks(two).default() is None
    named = Trunks(two, "y").default()
    assert named
    assert named.name == "y"


def test_a_uri_of_a_trunks_gateway_is_the_trunks() -> None:
    trunks = Trunks({"x": settings(gateways=gateways(("sip.carrier.example", 0, 1)),
                                   addresses=["203.0.113.0/28"])})  # fmt: skip
    assert trunks.owner("SIP.carrier.example")
    assert trunks.owner("203.0.113.3")
    assert trunks.owner("203.0.113.99") is None


def dial(wanted: str, **values: object) -> list[Attempt]:
    trunk = Trunk("t", settings(**({"gateways": gateways(("gw", 0, 1))} | values)))
    assert not refusal(trunk, "+4930")
    return attempts(trunk, "+4930", caller=wanted, name="", our_host=lambda hop: "us", now=0.0,
                    rng=random.Random(0))  # fmt: skip


@pytest.mark.parametrize(
    ("values", "caller", "target", "from_uri", "headers"),
    [
        ({}, "+4940", "sip:+4930@gw", "sip:+4940@us", ()),
        ({}, "", "sip:+4930@gw", "sip:anonymous@us", ()),
        ({"domain": "d"}, "+4940", "sip:+4930@d", "sip:+4940@d", ()),
        ({"caller": "+491", "callers": ["+491"]}, "+4940", "sip:+4930@gw", "sip:+491@us", ()),
        (
            {"rewrite_out": [{"strip": "+", "prefix": "00"}]},
            "+4940",
            "sip:004930@gw",
            "sip:004940@us",
            (),
        ),
        (
            {"identity": "pai", "headers": {"X-A": "b"}},
            "+4940",
            "sip:+4930@gw",
            "sip:+4940@us",
            (("X-A", "b"), ("P-Asserted-Identity", "<sip:+4940@us>")),
        ),
        (
            {"identity": "account", "username": "u", "password": "p"},
            "+4940",
            "sip:+4930@gw",
            "sip:u@gw",
            (("P-Asserted-Identity", "<sip:+4940@gw>"),),
        ),
    ],
)
def test_how_a_number_is_dialled(
    values: dict[str, object], caller: str, target: str, from_uri: str, headers: object
) -> None:
    (attempt,) = dial(caller, **values)
    assert (attempt.target, attempt.from_uri, attempt.headers) == (target, from_uri, headers)
    assert attempt.hop.address[0] == "gw"


def test_what_a_trunk_does_not_call() -> None:
    assert "no gateways" in refusal(Trunk("t", settings(addresses=["192.0.2.1"])), "+49")
    narrow = Trunk("t", settings(gateways=gateways(("a", 0, 1)), numbers_out=["+49*"]))
    assert "numbers_out" in refusal(narrow, "+48")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "name gateways"),
        ({"addresses": ["300.1.1.1"]}, "neither an address"),
        ({"addresses": ["192.0.2.1"], "srtp": "always"}, "off"),
        ({"addresses": ["192.0.2.1"], "register": True}, "register needs"),
        ({"addresses": ["192.0.2.1"], "headers": {"Via": "x"}}, "no header that can be added"),
        ({"addresses": ["192.0.2.1"], "headers": {"X-A": "x\r\nVia: y"}}, "control characters"),
        ({"inbound_username": "u"}, "go together"),
    ],
)
def test_settings_that_cannot_work_say_why(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**values)
