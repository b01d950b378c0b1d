"""``trunkline calls``: the calls that were, or one of them in full."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.client import Client, Json, Unanswered
from gateway.cli.place import ConfigFile, complaining, out, settings_of
from gateway.cli.story import bill, duration_s, ending, party, said, turns_of, waterfall

MOST = 1000  # how far back the beginning of an id is looked for


def calls(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One call; the id's beginning is enough.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST, help="How many.")] = 20,
    config: ConfigFile = None,
) -> None:
    """List the latest calls, or show one: what was said, and where each turn's time went."""
    with complaining(), Client(settings_of(config)) as gateway:
        for line in story(find(gateway, call_id)) if call_id else table(gateway.calls(limit)):
            out.print(line)


def find(gateway: Client, beginning: str) -> Json:
    """The one call whose id begins so. Raises Unanswered if there is none, or more than one."""
    if len(beginning) == 36:
        return gateway.call(beginning)
    found = [call for call in gateway.calls(MOST) if call["id"].startswith(beginning.lower())]
    if len(found) != 1:
        raise Unanswered(f"{len(found) or 'no'} calls have an id that begins with {beginning!r}")
    return found[0]


def table(found: list[Json]) -> Iterator[str]:
    rows = [("id", "began", "way", "other party", "status", "length", "ended because")]
    for call in found:
        lasted = duration_s(call)
        rows.append(
            (
                call["id"][:8],
                call["createdAt"][:19].replace("T", " "),
                "in" if call["type"].startswith("inbound") else "out",
                party(call),
                call["status"],
                "" if lasted is None else f"{lasted:.0f} s",
                call.get("endedReason", ""),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield escape("  ".join(cells).rstrip())


def story(call: Json) -> Iterator[str]:
    """Everything about one call."""
    facts = {
        "call": call["id"],
        "kind": f"{call['type']} with {party(call)}",
        "began": call["createdAt"],
        "status": call["status"] + (ending(call) if call["status"] == "ended" else ""),
        "recording": call.get("stereoRecordingUrl", ""),
    }
    for name, what in facts.items():
        if what:
            yield f"[bold]{name:<10}[/bold] {escape(what)}"
    messages = [m for m in call.get("messages", ()) if m.get("role") != "system"]
    for part in (map(said, messages), waterfall(turns_of(call)), bill(call)):
        if lines := list(part):
            yield from ("", *lines)
