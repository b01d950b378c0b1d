"""``trunkline keys``: the API keys, made and revoked; and organisations, kept apart by them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.client import Client
from gateway.cli.place import ConfigFile, complaining, out, settings_of

keys = typer.Typer(help="List, make and revoke API keys.", invoke_without_command=True)


@keys.callback()
def list_keys(context: typer.Context, config: ConfigFile = None) -> None:
    """List, make and revoke API keys."""
    if context.invoked_subcommand:
        return
    with complaining(), Client(settings_of(config)) as gateway:
        for key in gateway.list_keys():
            ends = f"  until {key['expiresAt']}" if key.get("expiresAt") else ""
            line = f"{key['id']}  {key['tag']:<7}  org {key['orgId']}  {key.get('name', '')}{ends}"
            out.print(escape(line.rstrip()))


@keys.command()
def make(
    name: Annotated[str, typer.Argument(help="What the key is for.")] = "",
    org: Annotated[
        str, typer.Option(help="Id of an organisation; or a name, and a new one is made.")
    ] = "",
    public: Annotated[bool, typer.Option("--public", help="For browsers: web calls only.")] = False,
    days: Annotated[int | None, typer.Option(min=1, help="How long it is valid.")] = None,
    config: ConfigFile = None,
) -> None:
    """Make a key, and show it this once."""
    body = {"tag": "public" if public else "private"}
    if name:
        body["name"] = name
    if days:
        body["expiresAt"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with complaining(), Client(settings_of(config)) as gateway:
        if org:
            body["orgId"] = gateway.organisation(org)
        made = gateway.make_key(body)
        out.print(escape(f"{made['value']}"))
        out.print(escape(f"id {made['id']}, {made['tag']}, organisation {made['orgId']}"))


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, not the key.")],
    config: ConfigFile = None,
) -> None:
    """Revoke a key: it opens nothing from now on."""
    with complaining(), Client(settings_of(config)) as gateway:
        gateway.revoke_key(key_id)
