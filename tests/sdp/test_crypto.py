"""SRTP keys by offer and answer (RFC 4568), and the ways of RTCP."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sdp import Agreed, Description, Local, NoCommonCodec, agree, make_answer, make_offer
from gateway.sdp.crypto import SUITES, cryptos
from gateway.sdp.description import Media

US = Local("192.0.2.1", 4000, session_id=7)
KEY = base64.b64encode(bytes(range(30))).decode()
KEY_46 = base64.b64encode(bytes(range(46))).decode()
LINE = f"crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^48"


def offer(*attributes: str, protocol: str = "RTP/SAVP", more: str = "") -> Description:
    lines = [f"m=audio 6000 {protocol} 0", *(f"a={a}" for a in attributes)]
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    return Description.parse((head + more + "\r\n".join(lines) + "\r\n").encode())


def answer(offer: Description, policy: str = "optional") -> tuple[Description, Agreed]:
    return make_answer(offer, replace(US, srtp=policy))


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
@pytest.mark.parametrize("policy", ["optional", "required"])
def test_an_offered_key_is_taken_with_its_tag_and_protocol(protocol: str, policy: str) -> None:
    said, agreed = answer(offer(LINE, protocol=protocol), policy)
    assert agreed.key_in
    assert agreed.key_out
    assert agreed.key_in.key == bytes(range(30))
    assert agreed.key_out.key != agreed.key_in.key
    assert said.media[0].protocol == protocol
    (ours,) = cryptos(said.media[0])
    assert (ours.tag, ours.suite, ours.key) == (3, agreed.key_in.suite, agreed.key_out.key)


def test_the_peers_first_suite_that_is_known_is_taken() -> None:
    _, agreed = answer(offer(
        f"crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4",
        f"crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP",
        f"crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-4]}",
        f"crypto:5 AES_256_CM_HMAC_SHA1_80 inline:{KEY_46} WSH=64",
        f"crypto:6 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
    ))  # fmt: skip
    assert agreed.key_in
    assert (agreed.key_in.tag, agreed.key_in.suite) == (5, "AES_256_CM_HMAC_SHA1_80")


@pytest.mark.parametrize(
    ("policy", "protocol", "lines", "why"),
    [
        ("off", "RTP/SAVP", [LINE], "switched off"),
        ("optional", "RTP/SAVP", [], "without a key"),
        ("required", "RTP/AVP", [], "required"),
        ("required", "RTP/AVP", [f"crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}"], "required"),
        ("required", "UDP/TLS/RTP/SAVP", [LINE], "not known"),
    ],
)
def test_what_policy_does_not_allow_is_refused_and_told(policy, protocol, lines, why) -> None:
    with pytest.raises(NoCommonCodec, match=why) as refused:
        answer(offer(*lines, protocol=protocol), policy)
    assert refused.value.code == 302


@pytest.mark.parametrize(("policy", "lines"), [("off", [LINE]), ("optional", [])])
def test_in_the_clear(policy: str, lines: list[str]) -> None:
    said, agreed = answer(offer(*lines, protocol="RTP/AVP"), policy)
    assert agreed.key_in is agreed.key_out is None
    assert said.media[0].attribute("crypto") is None


def test_of_two_streams_the_encrypted_one_is_taken() -> None:
    both = offer(LINE, more="m=audio 5000 RTP/AVP 0\r\n")
    said, agreed = answer(both)
    assert [media.port for media in said.media] == [0, 4000]
    assert agreed.key_in
    said, agreed = answer(both, "off")
    assert [media.port for media in said.media] == [4000, 0]


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_our_own_offer_and_answer_agree(policy: str) -> None:
    ours = make_offer(replace(US, srtp=policy))
    assert ours.media[0].protocol == ("RTP/SAVP" if policy == "required" else "RTP/AVP")
    theirs, there = answer(Description.parse(bytes(ours)))
    here = agree(ours, Description.parse(bytes(theirs)))
    assert here.key_out == there.key_in
    assert here.key_in == there.key_out
    suite = "AEAD_AES_256_GCM" if policy == "required" else "AES_CM_128_HMAC_SHA1_80"
    assert here.key_out
    assert here.key_out.suite == suite


def test_an_optional_offer_still_fits_a_datagram_and_a_peer_may_ignore_it() -> None:
    ours = make_offer(replace(US, srtp="optional"))
    assert len(bytes(ours)) < 400
    theirs, _ = answer(Description.parse(bytes(ours)), "off")
    assert agree(ours, theirs).key_out is None


@pytest.mark.parametrize(
    "line",
    [
        f"crypto:9 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        "",
    ],
)
def test_an_answer_that_chooses_what_was_not_offered_is_refused(line: str) -> None:
    ours = make_offer(replace(US, srtp="required"))
    with pytest.raises(NoCommonCodec, match="key"):
        agree(ours, offer(*([line] if line else [])))


def test_a_re_offer_keeps_our_key_and_takes_the_peers_new_one() -> None:
    first, before = answer(offer(LINE))
    new = base64.b64encode(bytes(30)).decode()
    changed = offer(f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{new}")
    _, after = make_answer(changed, replace(US, srtp="optional"), previous=first)
    assert before.key_out
    assert after.key_out
    assert after.key_in
    assert after.key_out.key == before.key_out.key
    assert after.key_in.key == bytes(30)
    again = make_offer(replace(US, srtp="optional"), previous=first)
    assert [c.key for c in cryptos(again.media[0])] == [before.key_out.key]


def test_keys_are_not_shown() -> None:
    _, agreed = answer(offer(LINE))
    assert KEY not in repr(agreed)
    assert "\\x" not in repr(agreed)


def test_each_suite_has_its_length() -> None:
    ours = make_offer(replace(US, srtp="required"))
    assert [(c.suite, len(c.key)) for c in cryptos(ours.media[0])] == list(SUITES.items())


@pytest.mark.parametrize(("attributes", "port", "shared"), [
    ([], None, False), (["rtcp:53020"], 53020, False),
    (["rtcp:53020 IN IP4 192.0.2.9"], 53020, False),
    (["rtcp-mux"], None, True), (["rtcp:99999"], None, False), (["rtcp:x"], None, False),
])  # fmt: skip
def test_the_way_of_rtcp(attributes: list[str], port: int | None, shared: bool) -> None:
    said, agreed = answer(offer(*attributes, protocol="RTP/AVP"))
    assert (agreed.rtcp_port, agreed.rtcp_mux) == (port, shared)
    assert (said.media[0].attribute("rtcp-mux") is not None) == shared


@pytest.mark.parametrize(("attribute", "wished"), [
    ("rtcp-xr:voip-metrics", True), ("rtcp-xr:rcvr-rtt=all:10 voip-metrics", True),
    ("rtcp-xr:stat-summary=loss", False), ("rtcp-xr", False),
])  # fmt: skip
def test_metrics_are_agreed_on_where_they_are_wished_for(attribute: str, wished: bool) -> None:
    said, agreed = answer(offer(attribute, protocol="RTP/AVP"))
    assert agreed.rtcp_xr == wished
    assert said.media[0].attribute("rtcp-xr") == ("voip-metrics" if wished else None)


def test_rtcp_in_parts_is_agreed_on_where_it_is_offered() -> None:
    for attributes, there in (([], False), (["rtcp-rsize", "rtcp-mux"], True)):
        said, agreed = answer(offer(*attributes, protocol="RTP/AVP"))
        assert agreed.rtcp_rsize == there
        assert (said.media[0].attribute("rtcp-rsize") is not None) == there


@given(st.one_of(st.text(max_size=60), st.builds(
    "{} {} inline:{}{}".format, st.integers(-1), st.sampled_from([*SUITES, "X"]),
    st.text("ABCabc+/=09|^:", max_size=80),
    st.sampled_from(["", "|1", " KDR=1", " WSH=9"]))))  # fmt: skip
def test_no_key_line_is_an_error(value: str) -> None:
    for crypto in cryptos(Media(attributes=(("crypto", value),))):
        assert len(crypto.key) == SUITES[crypto.suite]
