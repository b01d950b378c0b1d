"""The running gateway's API, as the command line sees it."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from gateway.config import Settings
from gateway.errors import GatewayError

Json = dict[str, Any]
ANSWER_S = 10.0


class Unanswered(GatewayError):
    """The gateway did not do what it was asked; ``str()`` says why and what helps."""


def url_of(settings: Settings) -> str:
    """How this machine reaches the API."""
    host, port = settings.api.address
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def key_of(settings: Settings) -> str:
    """The configured key, or the one that the gateway made. Raises Unanswered."""
    if settings.api.key:
        return settings.api.key.get_secret_value()
    from gateway.api.keys import FILE  # brings all of FastAPI with it

    path = settings.state_dir / FILE
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise Unanswered(
            f"there is no API key: [api] key is not set, and {_whole(path)} does not exist. "
            "The gateway makes it at its first start: was it started with another configuration "
            "or in another directory? (trunkline run, or --config FILE)"
        ) from None
    except PermissionError:
        raise Unanswered(
            f"{_whole(path)} may not be read by you: run this as the gateway's user "
            "(sudo -u trunkline trunkline ...), or set GATEWAY_API__KEY"
        ) from None


def _whole(path: Path) -> Path:
    return path.absolute()


class Client:
    """``with Client(settings) as gateway``. Every method raises Unanswered."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url_of(settings)
        self._http = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {key_of(settings)}"},
            timeout=ANSWER_S,
            transport=transport,
            trust_env=False,  # a proxy for the web is none for this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._http.close()

    def place(self, body: Json) -> Json:
        """Place a call; the call as it is now, queued."""
        placed: Json = self._ask("POST", "/call", body)
        return placed

    def call(self, call_id: str) -> Json:
        found: Json = self._ask("GET", f"/call/{call_id}")
        return found

    def calls(self, limit: int) -> list[Json]:
        """The newest calls first."""
        found: list[Json] = self._ask("GET", f"/call?limit={limit}")
        return found

    def capture(self, call_id: str) -> bytes:
        """The SIP messages of a call that has ended, as pcap."""
        return self._send("GET", f"/call/{call_id}/pcap").content

    def hang_up(self, call_id: str) -> None:
        """End a call in progress. It must be in progress: an ended one would be deleted."""
        self._ask("DELETE", f"/call/{call_id}")

    def undelivered(self, call_id: str, limit: int) -> list[Json]:
        """Server messages that nobody took, of one call or of all, oldest first."""
        only = f"&callId={call_id}" if call_id else ""
        found: list[Json] = self._ask("GET", f"/undelivered?limit={limit}{only}")
        return found

    def send_again(self, letter_id: str) -> None:
        """Raises Unanswered, which says why it is still not taken."""
        self._ask("POST", f"/undelivered/{letter_id}/send")

    def list_keys(self) -> list[Json]:
        found: list[Json] = self._ask("GET", "/token")
        return found

    def make_key(self, body: Json) -> Json:
        """The key as it is shown this once: with its ``value``."""
        made: Json = self._ask("POST", "/token", body)
        return made

    def revoke_key(self, key_id: str) -> None:
        self._ask("DELETE", f"/token/{key_id}")

    def organisation(self, wanted: str) -> str:
        """The id of the organisation of this id or name; it is made if there is none."""
        for org in self._ask("GET", "/org"):
            if wanted in (org["id"], org.get("name")):
                return str(org["id"])
        return str(self._ask("POST", "/org", {"name": wanted})["id"])

    def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._read(self._send(method, path, body))

    def _send(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.ConnectError:
            raise Unanswered(
                f"nothing answers at {self._url}: is the gateway running? "
                "Start it with `trunkline run`, `make run` or `systemctl start trunkline`"
            ) from None
        except httpx.TimeoutException:
            raise Unanswered(
                f"{self._url} took the request but did not answer within {ANSWER_S:.0f} s; "
                "the gateway's log may say why"
            ) from None
        except httpx.HTTPError as error:
            raise Unanswered(f"{self._url}: {error}; is it a Trunkline that listens?") from None
        if answer.is_success:
            return answer
        raise Unanswered(self._why(answer))

    def _read(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise Unanswered(f"{self._url} answers, but not like a Trunkline") from None

    def _why(self, answer: httpx.Response) -> str:
        if answer.status_code == 401:
            return (
                f"the gateway at {self._url} refuses our key: it runs with another configuration "
                "or state directory (see --config)"
            )
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text[:200]
        told = "; ".join(message) if isinstance(message, list) else message
        return f"the gateway answers {answer.status_code}: {told}"
