"""A text outside of any call: MESSAGE (RFC 3428), and what becomes of it. No state is kept but that
of its transactions; whoever asks us to prove who we are is answered once."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.sip.credentials import Authorizer, Credentials
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.outside import outside
from gateway.sip.routing import Hop
from gateway.sip.stack import Stack
from gateway.sip.transaction import Failed
from gateway.sip.uri import Uri

LONGEST = 1_300  # bytes: section 8 allows no more without knowing the way

Told = Callable[[int | None, str], None]  # the final status, None: nothing was heard; and why


@dataclass(frozen=True)
class Text:
    """``hop`` is where it is sent, if not where ``target`` says."""

    target: str
    from_uri: str
    text: str
    hop: Hop | None = None
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = None


def send(stack: Stack, text: Text, told: Told) -> None:
    """Raises SipSyntaxError if a URI is none, or the text is too long."""
    if len(text.text.encode()) > LONGEST:
        raise SipSyntaxError("body", f"a text has at most {LONGEST} bytes")
    recipient, sender = Uri.parse(text.target), Uri.parse(text.from_uri)
    hop = text.hop or Hop((recipient.address, recipient.port or 0), recipient.transport,
                          recipient.address, recipient)  # fmt: skip
    call_id, tag = stack.token(), stack.token()
    proof = Authorizer(text.credentials, stack.token).begin() if text.credentials else None

    def written(cseq: int) -> Request:
        request = outside(
            "MESSAGE", text.target, sender, recipient, call_id=call_id, tag=tag, cseq=cseq
        )
        request.headers = Headers([*request.headers, *text.headers])
        request.headers.take("Content-Type", "text/plain;charset=UTF-8")
        request.body = text.text.encode()
        return request

    def ask(request: Request) -> None:
        stack.request(request, hop, lambda result: heard(request, result))

    def heard(request: Request, result: object) -> None:
        if isinstance(result, Failed):
            told(None, result.detail)
        elif isinstance(result, Response) and result.status >= 200:
            again = written(request.cseq.number + 1)
            if proof and result.status in (401, 407) and proof(again, result):
                ask(again)
                stack.stir()
            else:
                told(result.status, result.reason)

    ask(written(1))
    stack.stir()
