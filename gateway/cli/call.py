"""``trunkline call``: place a call through the running gateway and follow it live."""

import json
import time
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from gateway.cli.client import Client, Json
from gateway.cli.place import ConfigFile, complaining, out, settings_of
from gateway.cli.story import Following
from gateway.config import Settings
from gateway.errors import GatewayError

LOOK_S = 0.25  # between two looks at the call


class NotUsable(GatewayError):
    """The command was given something that cannot be sent."""


def call(
    target: Annotated[str, typer.Argument(help="Whom to call: sip:user@host, or +4930123456.")],
    assistant: Annotated[
        str | None,
        typer.Option(
            "--assistant", "-a", help="An assistant's id, or a file of its JSON; else the demo's."
        ),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Place a call with an assistant and follow it live. Ctrl-C hangs up."""
    with complaining():
        settings = settings_of(config)
        body = whom(target) | by_whom(assistant, settings)
        with Client(settings) as gateway:
            placed = gateway.place(body)
            out.print(f"call {placed['id']} to {target}", markup=False)
            answered = follow(gateway, placed)
    raise typer.Exit(0 if answered else 1)


def whom(target: str) -> Json:
    """The API's ``customer``. Raises NotUsable."""
    if target.startswith(("sip:", "sips:")):
        return {"customer": {"sipUri": target}}
    if target.removeprefix("+").isdigit():
        return {"customer": {"number": target}}
    raise NotUsable(f"cannot call {target!r}: give a SIP URI (sip:user@host) or a number (+4930…)")


def by_whom(assistant: str | None, settings: Settings) -> Json:
    """An id is sent as such, a file as what it says; nothing given is the demo's assistant.

    Raises NotUsable.
    """
    if assistant is None:
        from gateway.demo import demo_route  # brings all of FastAPI with it

        return {"assistant": demo_route(settings.vendors).assistant}
    path = Path(assistant)
    if path.is_file():
        try:
            return {"assistant": json.loads(path.read_text())}
        except ValueError as error:
            raise NotUsable(f"{path} is not valid JSON: {error}") from None
    try:
        return {"assistantId": str(UUID(assistant))}
    except ValueError:
        raise NotUsable(
            f"--assistant {assistant}: there is no such file, and it is not an assistant's id "
            "(a UUID, as GET /assistant shows them)"
        ) from None


def follow(gateway: Client, placed: Json) -> bool:
    """Tell the call to its end; whether it was answered. Ctrl-C hangs up, a second one leaves."""
    following = Following()
    hung_up = False
    seen = placed
    while True:
        try:
            for line in following.news(seen):
                out.print(line)
            if seen["status"] == "ended":
                return "startedAt" in seen
            time.sleep(LOOK_S)
            seen = gateway.call(placed["id"])
        except KeyboardInterrupt:
            if hung_up:
                raise
            hung_up = True
            out.print("hanging up")
            if gateway.call(placed["id"])["status"] != "ended":
                gateway.hang_up(placed["id"])
