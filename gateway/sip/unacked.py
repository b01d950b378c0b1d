"""A 2xx to an INVITE, repeated by its user agent until the ACK comes (RFC 3261 13.3.1.4).

The transaction cannot do this: an ACK for a 2xx is not part of it, and it comes end to end,
so the repeating is needed over reliable transports too.
"""

from dataclasses import dataclass

from gateway.sip import metrics
from gateway.sip.exchange import Exchange
from gateway.sip.message import Response
from gateway.sip.transaction import T1, T2


@dataclass(slots=True)
class Unacked:
    exchange: Exchange
    response: Response
    again_at: float
    give_up_at: float
    gap: float = T1

    @classmethod
    def since(cls, now: float, exchange: Exchange, response: Response) -> "Unacked":
        return cls(exchange, response, now + T1, now + 64 * T1)

    @property
    def cseq(self) -> int:
        return self.exchange.request.cseq.number

    def wake_at(self) -> float:
        return min(self.again_at, self.give_up_at)

    def wake(self, now: float) -> bool:
        """Repeat what is due; False once it is time to give up."""
        if now >= self.give_up_at:
            return False
        if now >= self.again_at:
            self.gap = min(2 * self.gap, T2)
            self.again_at = now + self.gap
            metrics.SENT_AGAIN.inc()
            self.exchange.respond(self.response, now)
        return True
