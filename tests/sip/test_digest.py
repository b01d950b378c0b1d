"""Digest: the RFCs' own examples, what a server believes, and what a client answers."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.challenger import WINDOW, Challenger, Verdict
from gateway.sip.credentials import Attempt, Authorizer, Credentials, strongest
from gateway.sip.digest import ALGORITHMS, Fields, Sum, username
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response

PASSWORDS = {"bob": "zanzibar", "Jäsøn Doe": "Secret, or not?"}
RFC7616 = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


@pytest.mark.parametrize("algorithm", RFC7616)
def test_rfc_7616_section_3_9_1(algorithm: str) -> None:
    total = Sum(
        algorithm, False, "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "GET", "/dir/index.html", "auth", "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    assert total.response("Mufasa", "Circle of Life") == RFC7616[algorithm]


def test_rfc_7616_section_3_9_2_with_erratum_4897() -> None:
    """As printed, it was reckoned with a truncated SHA-512, which is another algorithm."""
    if "SHA-512-256" not in ALGORITHMS:
        pytest.skip("this OpenSSL has no SHA-512/256")
    total = Sum(
        "SHA-512-256", False, "api@example.org", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "GET", "/doe.json", "auth", "00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )  # fmt: skip
    assert total.userhash("Jäsøn Doe") == (
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    )
    assert total.response("Jäsøn Doe", "Secret, or not?") == (
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )


def test_rfc_2617_section_3_5() -> None:
    total = Sum(
        "MD5", False, "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "GET",
        "/dir/index.html", "auth", "00000001", "0a4f113b",
    )  # fmt: skip
    assert total.response("Mufasa", "Circle Of Life") == "6629fae49393a05397450978507c4ef1"
    assert replace(total, qop="").response("Mufasa", "Circle Of Life") == (
        "670fd8c2df070c60b045671b8b24ff02"
    )


def test_sip_example_of_the_authors_with_and_without_qop() -> None:
    """draft-smith-sip-auth-examples-00, section 3: INVITE, MD5, in every variant."""
    total = Sum("MD5", False, "biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "INVITE",
                "sip:bob@biloxi.com")  # fmt: skip
    assert total.response("bob", "zanzibar") == "bf57e4e0d0bffc0fbaedce64d59add5e"
    total = replace(total, qop="auth", nc="00000001", cnonce="0a4f113b")
    assert total.response("bob", "zanzibar") == "89eb0059246c02b2f6ee02c7961d5ea3"
    total = replace(total, session=True)
    assert total.response("bob", "zanzibar") == "e4e4ea61d186d07a92c9e1f6919902e9"
    body = (b"v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\n"
            b"c=IN IP4 media.biloxi.com\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n"
            b"a=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
            b"m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n")  # fmt: skip
    total = replace(total, session=False, qop="auth-int", body=body)
    assert total.response("bob", "zanzibar") == "bdbeebb2da6adb6bca02599c2239e192"


def server(**more: object) -> Challenger:
    return Challenger(b"a secret", "biloxi.com", **more)  # type: ignore[arg-type]


def client(user: str = "bob", password: str = "zanzibar", realm: str = "") -> Authorizer:
    rng = random.Random(7)
    return Authorizer(Credentials(user, password, realm), lambda: f"{rng.getrandbits(64):x}")


def invite(body: bytes = b"v=0\r\n") -> Request:
    headers = Headers([("CSeq", "1 INVITE")])
    return Request(method="INVITE", target="sip:bob@biloxi.com", headers=headers, body=body)


def asked(verdict: Verdict) -> Response:
    return Response(status=verdict.status, reason="", headers=Headers(verdict.headers))


def check(challenger: Challenger, request: Request, now: float = 1.0) -> Verdict:
    return challenger.check(request, PASSWORDS.get, now)


def answered(challenger: Challenger, attempt: Attempt | None = None, now: float = 1.0) -> Request:
    request = invite()
    assert (attempt or client().begin())(request, asked(challenger.challenge(now)))
    return request


def edited(request: Request, old: str, new: str) -> Request:
    (value,) = request.headers.all("Authorization")
    assert old in value
    request.headers.drop("Authorization")
    request.headers.add("Authorization", value.replace(old, new))
    return request


def test_challenges_are_offered_by_preference_and_the_strongest_is_answered() -> None:
    verdict = check(server(), invite())
    assert (verdict.status, verdict.why) == (401, "no credentials")
    found = [Fields.parse(value, name) for name, value in verdict.headers]
    assert [f and f.get("algorithm") for f in found] == ["SHA-256", "MD5"]
    assert 'algorithm=SHA-256, qop="auth"' in verdict.headers[0][1]
    request = answered(server())
    (value,) = request.headers.all("Authorization")
    assert "algorithm=SHA-256" in value
    assert 'uri="sip:bob@biloxi.com"' in value
    assert "qop=auth, nc=00000001" in value
    assert "zanzibar" not in value
    assert check(server(), request) == Verdict(user="bob")


@pytest.mark.parametrize("algorithm", [*ALGORITHMS])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("proxy", [False, True])
def test_server_believes_client(algorithm: str, qop: str, proxy: bool) -> None:
    challenger = server(algorithms=[algorithm], qops=[qop], proxy=proxy)
    request = answered(challenger)
    assert ("Proxy-Authorization" in request.headers) == proxy
    assert check(challenger, request).user == "bob"
    request.body = b"v=1\r\n"
    verdict = check(challenger, request)
    assert verdict.why == ("count 1 was used before" if qop == "auth" else verdict.why)
    assert not verdict.user


def test_user_name_beyond_ascii_is_written_extended() -> None:
    request = answered(server(), client("Jäsøn Doe", "Secret, or not?").begin())
    assert "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe" in (request.headers.get("Authorization") or "")
    assert check(server(), request).user == "Jäsøn Doe"


@pytest.mark.parametrize(
    ("old", "new", "status", "why"),
    [
        ('username="bob"', 'username="eve"', 401, "no such user"),
        ('username="bob"', 'username=""', 400, "username is missing"),
        ('uri="sip:bob@biloxi.com"', 'uri="sip:eve@biloxi.com"', 401, "wrong password"),
        ("nc=00000001", "nc=00000002", 401, "wrong password"),
        ("nc=00000001", "nc=1", 400, "eight hexadecimal digits"),
        ("nc=00000001", "nc=0000000g", 400, "eight hexadecimal digits"),
        ("qop=auth", "qop=auth-int", 401, "qop"),
        ("qop=auth, nc=00000001", "x=y", 401, "RFC 2069"),
        ("algorithm=SHA-256", "algorithm=SHA-1", 401, "algorithm"),
        ("algorithm=SHA-256", "algorithm=MD5", 401, "wrong password"),
        ('opaque="', 'opaque="x', 401, "opaque"),
        ('nonce="', 'nonce="x', 401, "not a nonce of ours"),
        ('realm="biloxi.com"', 'realm="atlanta.com"', 401, "no credentials"),
        ("Digest ", "Basic ", 401, "no credentials"),
        ("qop=auth", "qop=auth, qop=auth", 400, "more than once"),
        ("qop=auth", "qop", 400, "not a parameter"),
        ("qop=auth", "qop=auth, userhash=true", 401, "hashed user name"),
    ],
)
def test_what_is_not_believed(old: str, new: str, status: int, why: str) -> None:
    verdict = check(server(), edited(answered(server()), old, new))
    assert (verdict.user, verdict.status) == ("", status)
    assert why in verdict.why
    assert bool(verdict.headers) == (status == 401)


def test_unknown_user_looks_like_a_wrong_password() -> None:
    eve = check(server(), answered(server(), client("eve").begin()))
    bob = check(server(), answered(server(), client(password="wrong").begin()))
    assert eve.status == bob.status == 401
    assert [n for n, _ in eve.headers] == [n for n, _ in bob.headers]
    assert not eve.stale
    empty = check(server(), answered(server(), client("eve", "").begin()))
    assert not empty.user


def test_nonce_grows_stale_and_another_s_is_not_taken() -> None:
    challenger = server(lifetime_s=10.0)
    verdict = check(challenger, answered(challenger, now=1.0), now=11.5)
    assert verdict.stale
    assert "stale=true" in verdict.headers[0][1]
    assert not check(challenger, answered(challenger, now=1.0), now=10.5).status
    assert check(challenger, answered(challenger, now=100.0), now=1.0).stale  # of the future
    other = Challenger(b"another secret", "biloxi.com")
    assert check(other, answered(challenger)).why == "not a nonce of ours"


def test_wrong_password_with_a_stale_nonce_is_not_told_stale() -> None:
    challenger = server(lifetime_s=10.0)
    request = answered(challenger, client(password="wrong").begin())
    assert not check(challenger, request, now=100.0).stale


def test_no_count_is_taken_twice_though_they_come_in_any_order() -> None:
    challenger, authorizer = server(), client()
    first = answered(challenger, authorizer.begin())
    requests = [first]
    for _ in range(WINDOW + 8):
        request = invite()
        authorizer.write(request)
        requests.append(request)
    assert "nc=00000002" in (requests[1].headers.get("Authorization") or "")
    assert check(challenger, requests[3]).user
    assert check(challenger, requests[1]).user
    assert check(challenger, requests[1]).stale
    assert check(challenger, requests[3]).stale
    assert check(challenger, requests[-1]).user
    assert check(challenger, requests[0]).stale  # too far back to be told from a repeated one


def test_memory_is_bounded_and_what_is_forgotten_cannot_be_said_again() -> None:
    challenger = server(most_nonces=3)
    requests = [answered(challenger, now=at) for at in (1.0, 2.0, 3.0, 4.0, 5.0)]
    for request in requests:
        assert check(challenger, request, now=5.0).user
    assert [check(challenger, request, now=5.0).stale for request in requests] == [True] * 5
    assert len(challenger._used) == 3
    strangers = [check(challenger, invite()) for _ in range(100)]
    assert len({v.headers for v in strangers}) == 100
    assert len(challenger._used) == 3


def test_rfc_2069_peer_is_believed_once_for_each_nonce_if_at_all() -> None:
    challenger = server(rfc2069=True, qops=["auth"], algorithms=["MD5"])
    header = challenger.challenge(1.0).headers[0][1].replace(', qop="auth"', "")
    old = Fields.parse(header, "WWW-Authenticate")
    assert old
    value = Credentials("bob", "zanzibar").answer([old], "INVITE", "sip:bob@biloxi.com", cnonce="x")
    assert value
    assert "cnonce" not in value
    request = invite()
    request.headers.add("Authorization", value)
    assert check(server(algorithms=["MD5"]), request).why == "no qop (RFC 2069)"
    assert check(challenger, request).user == "bob"
    assert check(challenger, request).stale


def test_session_variant_and_hashed_user_name_are_answered() -> None:
    fields = Fields("WWW-Authenticate", {
        "realm": "r", "nonce": "n", "algorithm": "MD5-sess", "qop": "auth", "userhash": "true",
    })  # fmt: skip
    value = Credentials("bob", "p").answer([fields], "BYE", "sip:x", cnonce="c") or ""
    answer = Fields.parse(value, "Authorization")
    assert answer
    total = Sum("MD5", True, "r", "n", "BYE", "sip:x", "auth", "00000001", "c")
    assert answer.get("response") == total.response("bob", "p")
    assert (answer.get("username"), answer.get("userhash")) == (total.userhash("bob"), "true")


def test_credentials_for_one_realm_are_told_to_no_other() -> None:
    request = invite()
    assert not client(realm="atlanta.com").begin()(request, asked(server().challenge(1.0)))
    assert "Authorization" not in request.headers
    assert client(realm="biloxi.com").begin()(request, asked(server().challenge(1.0)))


def test_client_tries_once_and_twice_only_if_stale() -> None:
    challenger = server()
    attempt = client().begin()
    assert attempt(invite(), asked(challenger.challenge(1.0)))
    assert not attempt(invite(), asked(challenger.challenge(1.0)))
    attempt = client().begin()
    assert attempt(invite(), asked(challenger.challenge(1.0)))
    assert attempt(invite(), asked(challenger.challenge(1.0, stale=True)))
    assert not attempt(invite(), asked(challenger.challenge(1.0, stale=True)))
    assert not attempt(invite(), Response(status=403, reason=""))


def test_proxy_and_server_are_both_answered() -> None:
    proxy = Challenger(b"p", "proxy.com", proxy=True)
    attempt = client().begin()
    request = invite()
    assert attempt(request, asked(proxy.challenge(1.0)))
    request = invite()
    assert attempt(request, asked(server().challenge(1.0)))
    assert check(server(), request).user == "bob"
    assert check(proxy, request).user == "bob"
    assert "nc=00000002" in (request.headers.get("Proxy-Authorization") or "")


def test_challenge_that_cannot_be_understood_is_not_answered() -> None:
    def challenge(text: str) -> Response:
        return Response(status=401, reason="", headers=Headers([("WWW-Authenticate", text)]))

    for text in (
        'Basic realm="x"', 'Digest realm="x", nonce="n", algorithm=FOO',
        'Digest realm="x", nonce="n", qop="token"', 'Digest realm="x"', 'Digest nonce="n"',
        'Digest realm="x', "Digest", "", 'Digest realm="x", realm="y", nonce="n"',
    ):  # fmt: skip
        assert not client().begin()(invite(), challenge(text))
    assert strongest([]) is None


def test_password_is_in_no_repr() -> None:
    assert "zanzibar" not in repr(Credentials("bob", "zanzibar"))
    assert "zanzibar" not in repr(client())


def test_challenger_needs_a_secret_and_known_algorithms() -> None:
    with pytest.raises(ValueError, match="secret"):
        Challenger(b"", "x")
    with pytest.raises(ValueError, match="SHA-1"):
        Challenger(b"x", "x", algorithms=["SHA-1"])


@given(st.text(max_size=200))
def test_any_header_is_read_or_refused(text: str) -> None:
    try:
        fields = Fields.parse("Digest " + text, "Authorization")
        if fields:
            username(fields)
    except SipSyntaxError:
        pass


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=50))
def test_any_name_and_password_are_proved(user: str, password: str, body: bytes) -> None:
    if not user or not user.isprintable() or (not user.isascii() and user != user.strip()):
        return
    challenger = server(qops=["auth-int"])
    request = invite(body)
    assert client(user, password).begin()(request, asked(challenger.challenge(1.0)))
    verdict = challenger.check(request, {user: password}.get, 1.0)
    assert verdict.user == user
