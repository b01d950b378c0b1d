"""How a number is dialled through a trunk: URI, caller, headers, one attempt for each gateway."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.sip.credentials import Credentials
from gateway.sip.headers import NameAddr
from gateway.sip.routing import Hop
from gateway.sip.uri import Uri
from gateway.trunks.numbers import permits, plain, rewrite
from gateway.trunks.trunk import Gateway, Trunk


@dataclass(frozen=True)
class Attempt:
    """One INVITE to be tried. ``hop`` is where it is sent, if not where the URI says."""

    target: str
    hop: Hop | None = None
    from_uri: str = ""
    from_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    gateway: Gateway | None = None
    credentials: Credentials | None = None  # for whoever challenges us
    may_redirect: Callable[[Uri], bool] | None = None  # where a 3xx may send it


def attempts(
    trunk: Trunk,
    number: str,
    *,
    caller: str,
    name: str,
    our_host: Callable[[Hop], str],
    now: float,
    rng: random.Random,
) -> list[Attempt]:
    """In the order they are to be tried; ``our_host`` is our address as a gateway knows it."""
    return [
        _attempt(trunk, gateway, number, caller, name, our_host(gateway.hop))
        for gateway in trunk.in_order(now, rng)
    ]


def refusal(trunk: Trunk, number: str) -> str:
    """Why this trunk may not call this number, or ""."""
    if not trunk.gateways:
        return f"trunk {trunk.name} has no gateways: it only calls us"
    if not permits(trunk.settings.numbers_out, number):
        return f"no pattern in numbers_out of trunk {trunk.name} allows {number}"
    return ""


def may_redirect(trunk: Trunk, uri: Uri) -> bool:
    """Whether a 3xx that a gateway of this trunk sends may lead there: to the trunk itself, and
    to no number that it could not have been asked for at once."""
    number = rewrite(trunk.settings.rewrite_in, plain(uri.user))
    return trunk.owns(uri.host) and not refusal(trunk, number)


def shown(trunk: Trunk, wanted: str) -> str:
    """The number that the called party is shown: the wanted one if it may be, else the trunk's."""
    bare = plain(wanted)
    return bare if bare and permits(trunk.settings.callers, bare) else trunk.settings.caller


def credentials(trunk: Trunk) -> Credentials | None:
    settings = trunk.settings
    if not settings.username or settings.password is None:
        return None
    return Credentials(settings.username, settings.password.get_secret_value())


def _attempt(
    trunk: Trunk, gateway: Gateway, number: str, caller: str, name: str, our_host: str
) -> Attempt:
    settings = trunk.settings
    host = settings.domain or gateway.host
    transport = gateway.hop.transport
    to = rewrite(settings.rewrite_out, plain(number))
    port = None if settings.domain else gateway.settings.port
    number_shown = rewrite(settings.rewrite_out, shown(trunk, caller))
    home = host if settings.username or settings.domain else our_host
    identity = Uri.sip(number_shown or settings.username or "anonymous", home)
    headers = list(settings.headers.items())
    sender = identity
    if number_shown and settings.identity != "from":
        headers.append(("P-Asserted-Identity", str(NameAddr(identity, name))))
        if settings.identity == "account" and settings.username:
            sender = Uri.sip(settings.username, home)
    return Attempt(
        gateway=gateway,
        target=str(Uri.sip(to, host, port, transport)),
        hop=gateway.hop,
        from_uri=str(sender),
        from_name=name,
        headers=tuple(headers),
        credentials=credentials(trunk),
    )
