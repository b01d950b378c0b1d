"""``trunkline trace``: what was said in SIP for a call, as a ladder."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.calls import find
from gateway.cli.client import Client
from gateway.cli.ladder import ladder
from gateway.cli.place import ConfigFile, complaining, out, settings_of
from gateway.sip.capture import Seen
from gateway.sip.pcap import PcapError, decode


def trace(
    call: Annotated[
        str, typer.Argument(metavar="CALL", help="A call's id, its beginning, or a pcap file.")
    ],
    config: ConfigFile = None,
) -> None:
    """Show the SIP messages of a call that has ended: who told whom what, and when."""
    with complaining():
        for line in ladder(_messages(call, config)):
            out.print(line, soft_wrap=True)


def _messages(call: str, config: ConfigFile) -> list[Seen]:
    path = Path(call)
    if path.is_file():
        data = path.read_bytes()
    else:
        with Client(settings_of(config)) as gateway:
            data = gateway.capture(find(gateway, call)["id"])
    try:
        return decode(data)
    except PcapError as error:
        raise PcapError(f"{call}: {error}") from None
