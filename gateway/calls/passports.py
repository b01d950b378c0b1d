"""Digest for those who call us: one challenger for each realm, and its verdict as an answer."""

from collections import OrderedDict
from collections.abc import Mapping

from gateway.sip.challenger import Challenger
from gateway.sip.inspection import Objection
from gateway.sip.message import Request

# RFC 8760 would have the strongest first; but phones and SIPp that know only MD5 read the first
# challenge, and give up if it is another.
ALGORITHMS = ("MD5", "SHA-256")
MOST = 1000  # realms: each phone number of the API may have its own


class Passports:
    """``secret`` keys the nonces; ``realm`` is for those who name none."""

    def __init__(self, secret: bytes, realm: str) -> None:
        self._secret, self._realm = secret, realm
        self._challengers: OrderedDict[str, Challenger] = OrderedDict()

    def __call__(self, request: Request, logins: Mapping[str, str], realm: str, now: float) -> str:
        """The user that the sender is proven to be. Raises Objection with the challenge."""
        verdict = self._of(realm or self._realm).check(request, logins.get, now)
        if verdict.user:
            return verdict.user
        if verdict.status == 400:
            raise Objection(400, f"Bad request: {verdict.why}")
        raise Objection(verdict.status, f"Who are you? ({verdict.why})", verdict.headers)

    def _of(self, realm: str) -> Challenger:
        known = self._challengers.get(realm)
        if known is None:
            known = self._challengers[realm] = Challenger(
                self._secret, realm, algorithms=ALGORITHMS
            )
            if len(self._challengers) > MOST:
                self._challengers.popitem(last=False)
        return known
