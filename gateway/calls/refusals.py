"""What those are told whose calls are not taken."""

import logging

from gateway.calls import metrics
from gateway.calls.ports import CallRefused, OutOfOrder
from gateway.sip.exchange import Exchange
from gateway.sip.inspection import Objection
from gateway.sip.session import Session

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # told to a peer that meets a gateway which drains or has no room


def refuse(
    session: Session,
    status: int,
    phrase: str,
    *,
    retry: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
    why: str = "",
) -> None:
    """``why`` is for our log: what of ours is out of order is no stranger's business."""
    metrics.REFUSED.labels(str(status)).inc()
    log.warning(
        "refused an INVITE with %d %s",
        status,
        phrase,
        extra={
            "peer": str(session.remote),
            "uri": str(session.request.uri),
            "sip_call_id": session.id,
            **({"why": why} if why else {}),
        },
    )
    if retry:
        headers = (*headers, ("Retry-After", str(RETRY_AFTER_S)))
    session.refuse(status, phrase, headers=headers)


def turn_away(session: Session, error: CallRefused) -> None:
    """503 makes a carrier try another gateway of ours, 480 tells that nobody is there."""
    if isinstance(error, OutOfOrder):
        refuse(session, 503, "Out of order", retry=True, why=str(error))
    else:
        refuse(session, 480, "Temporarily Unavailable", why=str(error))


def away(exchange: Exchange) -> None:
    """OPTIONS is answered as an INVITE would be (RFC 3261 section 11.2), so that a load balancer
    sends calls elsewhere before it meets our 503."""
    raise Objection(503, "Draining for a restart", (("Retry-After", str(RETRY_AFTER_S)),))
