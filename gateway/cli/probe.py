"""``trunkline probe``: call a gateway from outside and judge what comes."""

import asyncio
import json
import ssl
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.place import ConfigFile, err, out, settings_of
from gateway.config import Settings
from gateway.errors import GatewayError
from gateway.probe.report import Check, Report, exposition, write
from gateway.probe.visit import Expect, Visit
from gateway.probe.visit import probe as call_and_check

FAILED, NOT_PROBED = 1, 2
TRANSPORTS = ("udp", "tcp", "tls")


def probe(
    target: Annotated[
        str | None,
        typer.Argument(help="sip:user@host:port, or host:port for its echo; else this machine."),
    ] = None,
    expect: Annotated[
        Expect | None,
        typer.Option(help="What it does; else: user echo echoes, demo is a menu, others speak."),
    ] = None,
    transport: Annotated[str, typer.Option(help=", ".join(TRANSPORTS) + ".")] = "udp",
    user: Annotated[str, typer.Option(help="Who to be, where a password is wanted.")] = "",
    password: Annotated[
        str, typer.Option(envvar="TRUNKLINE_PROBE_PASSWORD", help="Better in the environment.")
    ] = "",
    key: Annotated[str, typer.Option(help="The key to press.")] = "1",
    within: Annotated[float, typer.Option(help="Seconds for the answer, and for sound.")] = 5.0,
    ca: Annotated[
        Path | None, typer.Option(help="Certificates to check TLS by; else the system's.")
    ] = None,
    insecure: Annotated[bool, typer.Option(help="Take any certificate.")] = False,
    metrics: Annotated[
        Path | None, typer.Option(help="Write this file for node_exporter's textfile collector.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Call TARGET with an independent SIP stack: answer, sound both ways, keys, hang-up.

    Exit status: 0 all is well, 1 a check failed, 2 no call could be tried.
    """
    report = Report(target or "")
    try:
        if transport not in TRANSPORTS:
            raise typer.BadParameter(f"{transport}: one of {', '.join(TRANSPORTS)}")
        uri = uri_of(target or listening(settings_of(config), transport))
        report.target = uri
        visit = Visit(
            uri,
            expect or expected(uri),
            transport=transport,
            user=user,
            password=password,
            key=key,
            within_s=within,
            ca="" if insecure else str(ca or ssl.get_default_verify_paths().cafile or ""),
        )
        report = asyncio.run(call_and_check(visit))
        status = 0 if report.ok else FAILED
    except GatewayError as error:
        report.note("probe", False, str(error))
        status = NOT_PROBED
    if as_json:
        out.print_json(json.dumps(report.plain()))
    else:
        for check in report.checks:
            out.print(line(check))
    if metrics:
        try:
            write(metrics, exposition(report, time.time()))
        except OSError as error:
            err.print(f"trunkline: {metrics}: {error.strerror}", markup=False)
            status = NOT_PROBED
    raise typer.Exit(status)


def uri_of(target: str) -> str:
    """Hosts without a user are asked for their echo."""
    if target.startswith(("sip:", "sips:")):
        return target
    return f"sip:{target}" if "@" in target else f"sip:echo@{target}"


def expected(uri: str) -> Expect:
    user = uri.partition(":")[2].partition("@")[0]
    return {"echo": Expect.ECHO, "demo": Expect.MENU}.get(user, Expect.SPEECH)


def listening(settings: Settings, transport: str) -> str:
    """Where this machine's own gateway is to be reached."""
    places = [place for place in settings.sip.places if place.transport == transport]
    if not places:
        raise GatewayError(f"[sip] listen has no {transport} here: name a target")
    host, port = places[0].host, places[0].port
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def line(check: Check) -> str:
    colour, level = ("green", "ok") if check.ok else ("bold red", "fail")
    return f"[{colour}]{level:<4}[/{colour}] {check.name:<8} {escape(check.what)}"
