"""``trunkline simulate``: play callers from a file, and judge the conversations."""

import asyncio
import json
import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli.place import ConfigFile, err, out, settings_of
from gateway.config import Settings
from gateway.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from gateway.agent.brief import Brief
    from gateway.simulate.play import Check, Outcome
    from gateway.simulate.settings import Scenario

FAILED, NOT_PLAYED = 1, 2
MARKS = {
    "ok": "[green]ok[/green]",
    "failed": "[bold red]fail[/bold red]",
    "skipped": "[dim]-[/dim]",
}


def simulate(
    files: Annotated[list[Path], typer.Argument(help="Scenarios: see docs/simulate.md.")],
    repeat: Annotated[
        int, typer.Option(min=1, help="Play each so often, each time with the next seed.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="What all chance comes from.")] = 0,
    junit: Annotated[
        Path | None, typer.Option(help="Write the result there as JUnit's XML.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell every call, not only those that fail.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Play callers from FILES to their assistants: no telephone, no vendor unless it is wanted.

    Exit status: 0 all is as expected, 1 something is not, 2 a file or an assistant is unusable.
    """
    from gateway.simulate.files import read
    from gateway.simulate.junit import junit as as_junit
    from gateway.simulate.junit import story

    outcomes: list[Outcome] = []
    try:
        settings = settings_of(config)
        ready = [(one, brief_of(one, file, settings)) for file in files for one in read(file)]
        for scenario, brief in ready:
            for number in range(seed, seed + repeat):
                with _quietly():
                    outcome = asyncio.run(_play(scenario, brief, settings, number))
                outcomes.append(outcome)
                if not as_json and (verbose or not outcome.ok):
                    out.print(steps(outcome))
                    out.print(story(outcome), markup=False, style="dim")
        if junit:
            junit.write_bytes(as_junit(outcomes))
    except GatewayError as error:
        err.print(f"trunkline: {error}", markup=False)
        raise typer.Exit(NOT_PLAYED) from None
    except OSError as error:
        err.print(f"trunkline: {junit}: {error.strerror}", markup=False)
        raise typer.Exit(NOT_PLAYED) from None
    if as_json:
        out.print_json(json.dumps([plain(outcome) for outcome in outcomes]))
    else:
        out.print(summary(outcomes))
    raise typer.Exit(0 if all(outcome.ok for outcome in outcomes) else FAILED)


@contextmanager
def _quietly() -> Iterator[None]:
    """A vendor's failure is told by the outcome, and not by the log as well."""
    logger = logging.getLogger("gateway")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def brief_of(scenario: "Scenario", file: Path, settings: Settings) -> "Brief":
    """The scenario's assistant, checked as the API checks it. Raises ConfigError."""
    from gateway.api.briefs import from_assistant
    from gateway.api.errors import BadRequest
    from gateway.api.model_names import admit_models
    from gateway.api.requests import checked
    from gateway.api.shapes import reference
    from gateway.api.unusable import Unusable
    from gateway.demo import defaults

    assert isinstance(scenario.assistant, dict)
    admit_models(settings.vendors)
    try:
        assistant = checked(reference("CreateAssistantDto"), scenario.assistant)
        return from_assistant(assistant, defaults(settings.vendors, settings.api.default_model))
    except (BadRequest, Unusable) as error:
        why = "; ".join(error.message) if isinstance(error, BadRequest) else str(error)
        raise ConfigError(f"{file}: {scenario.name}: assistant: {why}") from None


async def _play(scenario: "Scenario", brief: "Brief", settings: Settings, seed: int) -> "Outcome":
    from gateway.agent.smart_turn import SmartTurn
    from gateway.agent.vendors import Catalog
    from gateway.simulate.play import play
    from gateway.speech import catalog

    smart_turn = SmartTurn(settings.agents.smart_turn) if settings.agents.smart_turn else None
    real = Catalog(settings.vendors, lambda used: None, time.monotonic)
    try:
        return await play(scenario, brief, real, seed, smart_turn)
    finally:
        await catalog.close()


def steps(outcome: "Outcome") -> Table:
    """One call, step by step."""
    table = Table("", "at", "step", "", title=f"{outcome.name} (seed {outcome.seed})", box=None)
    for check in outcome.checks:
        at = "" if check.kind == "skipped" else f"{check.at_s:.2f}"
        table.add_row(MARKS[check.kind], at, escape(check.what), escape(check.why))
    return table


def summary(outcomes: "list[Outcome]") -> Table:
    """A row for each scenario."""
    table = Table("", "scenario", "played", "checks", "turns", "wait p50", "slowest", "ended")
    for name in dict.fromkeys(outcome.name for outcome in outcomes):
        its = [outcome for outcome in outcomes if outcome.name == name]
        checks: list[Check] = [check for outcome in its for check in outcome.checks]
        waits = [turn.total_ms for outcome in its for turn in outcome.turns]
        good = sum(outcome.ok for outcome in its)
        table.add_row(
            MARKS["ok" if good == len(its) else "failed"],
            escape(name),
            f"{good} of {len(its)}",
            f"{sum(check.kind == 'ok' for check in checks)} of {len(checks)}",
            str(len(waits)),
            f"{statistics.median(waits):.0f} ms" if waits else "",
            f"{max(waits):.0f} ms" if waits else "",
            escape(", ".join(dict.fromkeys(outcome.reason for outcome in its))),
        )
    return table


def plain(outcome: "Outcome") -> dict[str, object]:
    return {
        "name": outcome.name,
        "seed": outcome.seed,
        "ok": outcome.ok,
        "checks": [vars(check) for check in outcome.checks],
        "endedReason": outcome.reason,
        "endedDetail": outcome.detail,
        "seconds": outcome.seconds,
        "transcript": [said.model_dump() for said in outcome.transcript],
        "turns": [turn.model_dump() for turn in outcome.turns],
        "events": [event.model_dump() for event in outcome.events],
    }
