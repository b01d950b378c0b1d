"""``trunkline undelivered``: server messages that nobody took, and sending them again."""

from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.client import Client, Unanswered
from gateway.cli.place import ConfigFile, complaining, out, settings_of

MOST = 1000  # are shown or sent at once


def undelivered(
    send: Annotated[bool, typer.Option("--send", help="Send them again, oldest first.")] = False,
    call: Annotated[str, typer.Option(help="Only those of this call (its whole id).")] = "",
    config: ConfigFile = None,
) -> None:
    """List the server messages that no webhook took, or send them again."""
    with complaining(), Client(settings_of(config)) as gateway:
        failed = 0
        for letter in gateway.undelivered(call, MOST):
            outcome = letter["why"]
            if send:
                try:
                    gateway.send_again(letter["id"])
                    outcome = "delivered"
                except Unanswered as error:
                    failed += 1
                    outcome = str(error)
            when = letter["createdAt"][:19].replace("T", " ")
            out.print(escape(f"{when}  {letter['callId']}  {letter['type']:<18}  {outcome}"))
        if failed:
            raise typer.Exit(1)
