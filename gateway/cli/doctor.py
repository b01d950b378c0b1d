"""``trunkline doctor``: is everything here that the configuration asks for? One line each."""

from collections.abc import Iterator

import typer
from rich.markup import escape

from gateway.cli.checks import Finding
from gateway.cli.checks.machine import CHECKS
from gateway.cli.checks.network import addresses, listening, sound_ports
from gateway.cli.checks.software import codecs, libraries, vendors
from gateway.cli.place import ConfigFile, complaining, out, settings_of
from gateway.config import Settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(config: ConfigFile = None) -> None:
    """Check this machine against the configuration; each trouble comes with its remedy.

    The exit status is 1 if something would keep the gateway from working.
    """
    with complaining():
        settings = settings_of(config)
    failed = False
    for finding in findings(settings):
        failed |= finding.level == "fail"
        out.print(line(finding))
    raise typer.Exit(1 if failed else 0)


def findings(settings: Settings) -> Iterator[Finding]:
    yield libraries(settings)
    yield codecs(settings)
    yield from listening(settings)
    yield sound_ports(settings)
    yield addresses(settings)
    for check in CHECKS:
        yield check(settings)
    yield from vendors(settings)


def line(finding: Finding) -> str:
    colour = COLOURS[finding.level]
    remedy = f" [dim]->[/dim] {escape(finding.remedy)}" if finding.remedy else ""
    level = f"[{colour}]{finding.level:<4}[/{colour}]"
    return f"{level} {finding.about:<14} {escape(finding.what)}{remedy}"
