"""Who may come in, and who may be called: trunks, registered users, strangers, toll fraud."""

import random

import pytest
from pydantic import SecretStr

from gateway.agent.brief import Brief, Choice
from gateway.calls.doors import Caller, Doors
from gateway.calls.passports import Passports
from gateway.calls.ports import CallRefused, Login, Order
from gateway.errors import NoRoom
from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.headers import Headers
from gateway.sip.inspection import Objection
from gateway.sip.message import Request
from gateway.sip.registrar import Binding, Registrar, RegistrarSettings
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from gateway.trunks.book import Trunks
from gateway.trunks.settings import OutboundSettings, TrunkSettings
from gateway.trunks.toll import Toll

BRIEF = Brief(hearing=Choice(vendor="a"), thinking=Choice(vendor="b"), speaking=Choice(vendor="c"))
CARRIER = {
    "gateways": [{"host": "203.0.113.1"}, {"host": "203.0.113.2", "priority": 1}],
    "rewrite_in": [{"match": "^0[1-9]", "strip": "0", "prefix": "+49"}],
    "numbers_in": ["+49*"],
    "channels_in": 1,
    "channels_out": 1,
}
PBX = {"inbound_username": "pbx", "inbound_password": "open sesame"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def doors(*, registrar: Registrar | None = None, **outbound: object) -> Doors:
    trunks = {"carrier": CARRIER, "pbx": PBX}
    book = Trunks({name: TrunkSettings.model_validate(given) for name, given in trunks.items()})
    toll = Toll(OutboundSettings.model_validate({"numbers": ["+49*"]} | outbound))
    return Doors(book, toll, Passports(b"key", "here"), Clock(), registrar=registrar,
                 rng=random.Random(0))  # fmt: skip


def invite(user: str = "+4930", caller: str = "sip:x@y", **headers: str) -> Request:
    pairs = [
        ("From", f"<{caller}>;tag=1"),
        ("To", f"<sip:{user}@here>"),
        ("Call-ID", "1"),
        ("CSeq", "1 INVITE"),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    return Request(method="INVITE", target=f"sip:{user}@here", headers=Headers(pairs))


def order(target: str, **more: str) -> Order:
    return Order(target=target, brief=BRIEF, **more)


def us(host: str) -> str:
    return "198.51.100.1"


# Coming in


def test_a_trunk_is_known_by_its_address() -> None:
    house = doors()
    caller = house.who(invite(), "203.0.113.2", 0.0)
    assert caller.trunk
    assert caller.trunk.name == "carrier"
    assert house.number(caller.trunk, "030-123") == "+4930123"


def test_a_stranger_is_one_and_is_not_challenged_unasked() -> None:
    assert doors().who(invite(), "192.0.2.9", 0.0) == Caller()


def proving(house: Doors, user: str, password: str) -> Caller:
    request = invite(caller=f"sip:{user}@here")
    with pytest.raises(Objection) as asked:
        house.who(request, "192.0.2.9", 0.0)
    assert asked.value.status == 401
    challenge = request.reply(401)
    for name, value in asked.value.headers:
        challenge.headers.add(name, value)
    answered = Authorizer(Credentials(user, password), lambda: "c").begin()(request, challenge)
    assert answered
    return house.who(request, "192.0.2.9", 1.0)


def test_a_trunk_proves_by_digest_who_it_is_from_any_address() -> None:
    caller = proving(doors(), "pbx", "open sesame")
    assert caller.trunk
    assert caller.trunk.name == "pbx"


def test_a_wrong_password_is_asked_again() -> None:
    with pytest.raises(Objection) as no:
        proving(doors(), "pbx", "guess")
    assert no.value.status == 401


def test_a_number_of_the_api_may_ask_for_a_login_of_its_own() -> None:
    house, login = doors(), Login("caller", "secret", "my realm")
    with pytest.raises(Objection) as asked:
        house.prove(invite(), login, 0.0)
    assert 'realm="my realm"' in asked.value.headers[0][1]


def test_channels_and_numbers_of_a_trunk() -> None:
    house = doors()
    trunk = house.trunks.named("carrier")
    assert trunk
    with pytest.raises(Objection) as no:
        house.admit(trunk, "+4830", 0.0)
    assert no.value.status == 404
    let_go = house.admit(trunk, "+4930", 0.0)
    with pytest.raises(Objection) as no:
        house.admit(trunk, "+4930", 0.0)
    assert (no.value.status, no.value.headers[0][0]) == (503, "Retry-After")
    let_go()
    house.admit(trunk, "+4930", 0.0)


def test_an_asserted_identity_is_believed_of_a_trusted_trunk_only() -> None:
    request = invite(P_Asserted_Identity='"Ann" <sip:+491@carrier>', caller="sip:+492@carrier")
    house = doors()
    trunk = house.trunks.named("carrier")
    assert house.party(trunk, request).number == "+492"
    trusting = TrunkSettings.model_validate(CARRIER | {"trust_identity": True})
    house.trunks.put("carrier", trusting)
    party = house.party(house.trunks.named("carrier"), request)
    assert (party.number, party.name) == ("+491", "Ann")


# Going out


def test_a_number_goes_by_the_trunk_to_each_gateway_in_turn() -> None:
    aim = doors().aim("c", order("+49 30 1"), us, 0.0)
    assert [a.target for a in aim.attempts] == ["sip:+49301@203.0.113.1", "sip:+49301@203.0.113.2"]
    assert aim.trunk
    assert aim.trunk.outbound.used == 1
    aim.let_go()
    assert aim.trunk.outbound.used == 0


def test_channels_of_a_trunk_are_room() -> None:
    house = doors()
    house.aim("c", order("+49301"), us, 0.0)
    with pytest.raises(NoRoom, match="1 channels"):
        house.aim("d", order("+49301"), us, 0.0)


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ("+1900", {}, "[outbound] numbers"),
        ("tel:+1900", {}, "[outbound] numbers"),
        ("sip:+1900@203.0.113.2", {}, "[outbound] numbers"),  # around the trunk's rules
        ("+4930", {"trunk": "gone"}, "there is no trunk gone"),
        ("+4930", {"trunk": "pbx"}, "no gateways"),
        ("mailto:a@b", {}, "neither a SIP URI nor a number"),
        ("sip:a b@c", {}, "cannot be called"),
    ],
)
def test_what_is_not_called(target: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(CallRefused) as no:
        doors().aim("c", order(target, **more), us, 0.0)
    assert said in str(no.value)


@pytest.mark.parametrize(
    ("contact", "followed"),
    [
        ("sip:+49302@203.0.113.2", True),
        ("sip:0302@203.0.113.1", True),  # as the carrier writes it
        ("sip:+1900@203.0.113.1", False),  # a number that could not have been called at once
        ("sip:+49302@192.0.2.7", False),  # somebody else's machine
    ],
)
def test_a_redirection_is_no_way_around_the_rules(contact: str, followed: bool) -> None:
    for attempt in doors().aim("c", order("+49301"), us, 0.0).attempts:
        assert attempt.may_redirect
        assert attempt.may_redirect(Uri.parse(contact)) is followed


def test_a_sip_uri_is_called_where_its_domain_is_allowed() -> None:
    (attempt,) = doors().aim("c", order("sip:bob@example.org", caller="+49"), us, 0.0).attempts
    assert (attempt.target, attempt.hop) == ("sip:bob@example.org", None)
    assert attempt.from_uri == "sip:+49@198.51.100.1"
    with pytest.raises(CallRefused, match=r"\[outbound\] domains"):
        doors(domains=["*.mine"]).aim("c", order("sip:bob@example.org"), us, 0.0)


def test_minutes_and_calls_of_a_stolen_key_are_few() -> None:
    house = doors(calls_per_minute=1, minutes_per_day=5)
    house.aim("c", order("+4930"), us, 0.0).let_go()
    with pytest.raises(CallRefused, match="calls_per_minute"):
        house.aim("d", order("+4930"), us, 1.0)
    house.toll.minutes.begin("long", 0.0)
    with pytest.raises(CallRefused, match="minutes_per_day"):
        house.aim("e", order("+4930"), us, 400.0)


def test_a_registered_user_is_called_where_the_phone_was_seen() -> None:
    settings = RegistrarSettings(enabled=True, domains=["here"], users={"ann": SecretStr("x")})

    class Wire:
        def clock(self) -> float:
            return 0.0

        def respond(self, *_: object) -> None: ...

    registrar = Registrar(settings, lambda request, source: "ann", Wire())
    house = doors(registrar=registrar)
    with pytest.raises(CallRefused, match="ann is not registered"):
        house.aim("c", order("sip:ann@here"), us, 0.0)
    hop = Hop(("192.0.2.7", 5070), "udp")
    registrar._bindings["ann"] = [Binding("sip:ann@10.0.0.1", hop, 100.0, "1", 1)]
    for host in ("here", "198.51.100.1"):
        (attempt,) = house.aim("c", order(f"sip:ann@{host}"), us, 0.0).attempts
        assert (attempt.target, attempt.hop) == ("sip:ann@10.0.0.1", hop)


def test_who_claims_to_be_known_is_expected() -> None:
    house = doors()
    assert house.expected(invite(caller="sip:pbx@x"))
    assert house.expected(invite(Authorization='Digest realm="a", username="pbx", nonce="n"'))
    assert not house.expected(invite())
    assert house.trusted("203.0.113.1")
    assert not house.trusted("192.0.2.1")


def test_a_trunk_of_the_api_serves_its_organisation_only() -> None:
    house = doors(domains=["*"])
    for name in [t.name for t in house.trunks]:
        house.trunks.remove(name)
    theirs = TrunkSettings.model_validate({"gateways": [{"host": "203.0.113.77"}]})
    house.trunks.put("theirs", theirs, "api", "their org")
    uri, number = "sip:+49301@203.0.113.77", "+49301"
    for target in (uri, number):
        assert house.aim("1", order(target, org_id="their org"), us, 0.0).trunk
        for more in ({"org_id": "ours"}, {}, {"org_id": "ours", "trunk": "theirs"}):
            with pytest.raises(CallRefused):
                house.aim("2", order(target, **more), us, 0.0)
    assert house.refer_to(order(number, org_id="ours", trunk="theirs"), us, 0.0) == "tel:+49301"
    house.trunks.put("ours", theirs, "api", "ours")  # both have an account with that carrier
    aim = house.aim("3", order(uri, org_id="ours"), us, 0.0)
    assert aim.trunk is house.trunks.named("ours")
    assert house.trunks.default("ours") is house.trunks.named("ours")
