"""Dialogs by the book: route sets, CSeq, target refresh, and the journey through JSON."""

import json

from gateway.sip.dialog import Dialog
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.routing import Hop, behind_nat, request_hop


def invite(**more: str) -> Request:
    headers = {"Via": "SIP/2.0/UDP a;branch=z9hG4bK1", "From": '"A" <sip:a@x.com>;tag=1',
               "To": "<sip:b@y.com>", "Call-ID": "c", "CSeq": "7 INVITE",
               "Contact": "<sip:a@10.0.0.1>"}  # fmt: skip
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return Request(method="INVITE", target="sip:b@y.com", headers=Headers(headers.items()))


def test_server_takes_the_route_set_in_order() -> None:
    dialog = Dialog.as_server(invite(Record_Route="<sip:p1;lr>, <sip:p2;lr>"), "t")
    assert dialog.routes == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert (dialog.local_tag, dialog.remote_tag, dialog.remote_cseq) == ("t", "1", 7)
    bye = dialog.request("BYE")
    assert (bye.target, bye.cseq.number, bye.from_.tag, bye.to.tag) == (
        "sip:a@10.0.0.1", 1, "t", "1",
    )  # fmt: skip
    assert bye.to.display == "A"


def client(record_route: str) -> Dialog:
    request = invite()
    response = request.reply(200, tag="t")
    response.headers.add("Contact", "<sip:b@10.0.0.2;transport=tcp>")
    if record_route:
        response.headers.add("Record-Route", record_route)
    return Dialog.as_client(request, response)


def test_client_takes_the_route_set_in_reverse() -> None:
    dialog = client("<sip:p1;lr>, <sip:p2:5070;lr>")
    bye = dialog.request("BYE")
    assert bye.headers.values("Route") == ["<sip:p2:5070;lr>", "<sip:p1;lr>"]
    assert bye.target == "sip:b@10.0.0.2;transport=tcp"
    assert request_hop(dialog.next_hop) == Hop(("p2", 5070), "udp")
    assert bye.cseq.number == 8
    assert dialog.request("ACK", cseq=7).cseq.number == 7
    assert dialog.request("INFO").cseq.number == 9


def test_strict_router_is_the_target_and_ours_goes_last() -> None:
    dialog = client("<sip:p1;lr>, <sip:strict>")
    bye = dialog.request("BYE")
    assert bye.target == "sip:strict"
    assert bye.headers.values("Route") == ["<sip:p1;lr>", "<sip:b@10.0.0.2;transport=tcp>"]
    assert request_hop(dialog.next_hop) == Hop(("strict", 5060), "udp")


def test_without_routes_the_contact_is_next() -> None:
    assert request_hop(client("").next_hop) == Hop(("10.0.0.2", 5060), "tcp")


def test_order_and_target_refresh() -> None:
    dialog = Dialog.as_server(invite(), "t")
    later = invite(CSeq="9 INVITE", Contact="<sip:a@10.0.0.9>")
    assert dialog.admits(later)
    dialog.refresh(later)
    assert dialog.target == "sip:a@10.0.0.9"
    assert not dialog.admits(invite(CSeq="8 INVITE"))
    assert dialog.remote_cseq == 9


def test_dialog_is_written_down_and_read_back() -> None:
    dialog = client("<sip:p1;lr>")
    assert Dialog.read(json.loads(json.dumps(dialog.write()))) == dialog


def test_peer_behind_nat_is_reached_where_it_was_seen() -> None:
    seen = Hop(("8.8.8.8", 40000), "udp")
    assert behind_nat(Hop(("10.0.0.1", 5060), "udp"), seen) == seen
    assert behind_nat(Hop(("9.9.9.9", 5060), "udp"), seen).address[0] == "9.9.9.9"
    assert behind_nat(Hop(("proxy.example", 5060), "udp"), seen).address[0] == "proxy.example"
    inside = Hop(("10.0.0.7", 40000), "udp")
    assert behind_nat(Hop(("10.0.0.1", 5060), "udp"), inside).address[0] == "10.0.0.1"
    tcp = Hop(("10.0.0.7", 40000), "tcp")
    assert behind_nat(Hop(("10.0.0.7", 5060), "tcp"), tcp) == tcp


def test_response_without_tag_makes_a_dialog_with_an_old_peer() -> None:
    request = invite()
    response = Response(status=200, reason="OK", headers=request.reply(200).headers)
    assert Dialog.as_client(request, response).remote_tag == ""
