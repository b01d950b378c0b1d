"""The session timer (RFC 4028): one side refreshes, the other hangs up if it does not.

Every INVITE and UPDATE within the call is a refresh, whoever sends it; its 2xx says how long
the next may take, and whose it is to send.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from gateway.sip.events import Ended
from gateway.sip.grammar import SipSyntaxError, param, parse_params, shown
from gateway.sip.headers import Headers
from gateway.sip.inspection import Objection
from gateway.sip.life import Cue
from gateway.sip.message import Message, Request, Response
from gateway.sip.peer import tags
from gateway.sip.policy import Policy
from gateway.sip.transaction import Failed

if TYPE_CHECKING:
    from gateway.sip.usage import Usage

LONGEST_S = 2**31 - 1
RETRY_S = 5.0  # after a refresh that was refused for a reason that may pass


class Turn(Enum):
    NOBODY = "nobody"  # there is no timer
    OURS = "ours"  # we refresh
    ASKED = "asked"  # our refresh is out, or has failed
    THEIRS = "theirs"


N, O, A, T = Turn  # noqa: E741

REFRESHING: dict[tuple[Turn, str], tuple[Turn, str]] = {
    **{(turn, "ours"): (O, "plan") for turn in Turn},
    **{(turn, "theirs"): (T, "expect") for turn in Turn},
    **{(turn, "nobody"): (N, "stop") for turn in Turn},
    (O, "due"):     (A, "refresh"),
    (A, "again"):   (O, "plan_again"),
    (A, "due"):     (N, "expire"),
    (T, "due"):     (N, "expire"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    seconds: int
    refresher: str = ""  # uac or uas, of the request that carries it; "": not said

    @staticmethod
    def of(message: Message) -> "Interval | None":
        """Session-Expires. Raises SipSyntaxError."""
        text = message.headers.get("Session-Expires")
        if text is None:
            return None
        number, semicolon, rest = text.partition(";")
        params = parse_params(semicolon + rest, "Session-Expires")
        refresher = (param(params, "refresher") or "").lower()
        return Interval(_seconds(number, "Session-Expires"), refresher)

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else f"{self.seconds}"


def min_se(message: Message) -> int:
    """The shortest timer that the peer, or a proxy, takes (section 5). Raises SipSyntaxError."""
    text = message.headers.get("Min-SE")
    return _seconds(text.partition(";")[0], "Min-SE") if text is not None else 90


def check(request: Request, policy: Policy) -> None:
    """Section 9: refuse a timer that is too short, if the peer knows what 422 means."""
    interval = Interval.of(request)
    min_se(request)
    if interval and interval.seconds < policy.min_se_s and "timer" in tags(request, "Supported"):
        phrase = f"Session interval too small: {interval.seconds} s"
        raise Objection(422, phrase, (("Min-SE", str(policy.min_se_s)),))


class Refresh:
    def __init__(self, session: "Usage") -> None:
        self.turn = Turn.NOBODY
        self.due: float | None = None
        self._session = session
        self._seconds = session.policy.session_expires_s
        self._least = session.policy.min_se_s
        self._expires_at = 0.0

    def write(self) -> dict[str, Any]:
        """Plain data, for ``read`` of this process or the next."""
        whose = Turn.OURS if self.turn is Turn.ASKED else self.turn
        return {"turn": whose.value, "seconds": self._seconds, "least": self._least,
                "due": self.due, "expires_at": self._expires_at}  # fmt: skip

    def read(self, plain: dict[str, Any]) -> None:
        self.turn, self.due = Turn(plain["turn"]), plain["due"]
        self._seconds, self._least = plain["seconds"], plain["least"]
        self._expires_at = plain["expires_at"]

    # As the client of a refresh

    def ask(self, headers: Headers) -> None:
        """Put our wish into an INVITE or UPDATE."""
        first = self._session.dialog is None
        if self._seconds and (first or self.turn is not Turn.NOBODY):
            whose = "" if first else "uas" if self.turn is Turn.THEIRS else "uac"
            headers.add("Session-Expires", str(Interval(self._seconds, whose)))
        if self._least > 90:
            headers.add("Min-SE", str(self._least))

    def answered(self, response: Response) -> None:
        """A 2xx to it came: the timer begins anew, if there is one."""
        try:
            interval = Interval.of(response)
        except SipSyntaxError:
            interval = None
        if interval is None:
            self._step("nobody")
        else:
            self._seconds = max(interval.seconds, 1)
            self._step("theirs" if interval.refresher == "uas" else "ours")

    def raised(self, response: Response) -> bool:
        """After a 422: whether a longer interval than before is now asked for."""
        try:
            wanted = min_se(response)
        except SipSyntaxError:
            return False
        if wanted <= self._least and self._seconds >= wanted:
            return False
        self._least = max(self._least, wanted)
        self._seconds = max(self._seconds, wanted)
        return True

    # As its server

    def answer(self, request: Request, response: Response) -> None:
        """Say in a 2xx what holds from now on (section 9, table 2)."""
        session = self._session
        supported = "timer" in tags(request, "Supported")
        interval = Interval.of(request)
        if interval is None:
            if not supported or not session.policy.session_expires_s:
                self._step("nobody")
                return
            interval = Interval(max(session.policy.session_expires_s, min_se(request)))
        ours = "uas" if self.turn is not Turn.THEIRS else "uac"
        whose = interval.refresher or ours
        if not supported or whose not in ("uac", "uas"):
            whose = "uas"
        self._seconds = max(interval.seconds, self._least)
        response.headers.take("Session-Expires", str(Interval(self._seconds, whose)))
        if supported:
            response.headers.take("Require", "timer")
        self._step("ours" if whose == "uas" else "theirs")

    # Time

    def wake(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self.due = None
            self._step("due")

    def close(self) -> None:
        self._step("nobody")

    def result(self, result: object) -> None:
        """What an UPDATE that only refreshes came to."""
        if not isinstance(result, (Response, Failed)) or result.status < 200:
            return
        session = self._session
        if isinstance(result, Failed) or result.status in (408, 481):
            detail = result.detail if isinstance(result, Failed) else result.reason
            session.lost(detail, 481 if result.status == 481 else 408)
        elif result.status < 300:
            assert session.dialog is not None
            session.dialog.refresh(result)
            self.answered(result)
        elif result.status == 422 and self.raised(result):
            self._refresh()
        else:
            if result.status in (405, 501):
                session.peer.allow = (session.peer.allow or frozenset()) - {"UPDATE"}
            self.refused()

    def refused(self) -> None:
        """A refresh was refused for another reason: it is tried again, while there is time."""
        self._step("again")

    def _step(self, what: str) -> None:
        entry = REFRESHING.get((self.turn, what))
        if entry is None:
            return
        self.turn, actions = entry
        for action in actions.split():
            getattr(self, f"_{action}")()

    # The table's actions

    def _plan(self) -> None:
        self._expire_later()
        self._wake_at(self._session.stack.clock() + self._seconds / 2)

    def _plan_again(self) -> None:
        self._wake_at(min(self._session.stack.clock() + RETRY_S, self._expires_at))

    def _expect(self) -> None:
        self._expire_later()
        self._wake_at(self._expires_at)

    def _stop(self) -> None:
        self.due = None

    def _refresh(self) -> None:
        """Section 7.4: by UPDATE without an offer if the peer takes it, else by re-INVITE."""
        session = self._session
        self._wake_at(self._expires_at)
        if session.stack.clock() >= self._expires_at:
            self._step("due")
        elif session.peer.takes("UPDATE") or session.said is None:
            session.scribe.send(session.scribe.request("UPDATE"), self.result)
        else:
            session.reoffer.want(session.said)

    def _expire(self) -> None:
        """Section 10: BYE. Ours to refresh or theirs, it has not been done."""
        self.due = None
        detail = f"the session was not refreshed within {self._seconds} s"
        self._session.step("lost", Cue(Ended("timeout", 408, None, detail)))

    def _expire_later(self) -> None:
        """Section 10: a little before the end, by a third of it or 32 s."""
        early = min(32.0, self._seconds / 3)
        self._expires_at = self._session.stack.clock() + self._seconds - early

    def _wake_at(self, at: float) -> None:
        self.due = at
        self._session.stack.watch(self._session)


def _seconds(text: str, header: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LONGEST_S):
        raise SipSyntaxError(header, f"is not a number of seconds: {shown(text)}")
    return int(text)
