"""``trunkline``: the command line."""

import typer

from gateway import __version__
from gateway.cli import call, calls, doctor, keys, models, probe, run, simulate, trace, undelivered

app = typer.Typer(
    help="A self-hosted voice-agent gateway.", no_args_is_help=True, add_completion=False
)
for command in (
    run.run, doctor.doctor, call.call, calls.calls, trace.trace, undelivered.undelivered,
    probe.probe, simulate.simulate,
):  # fmt: skip
    app.command()(command)
app.add_typer(keys.keys, name="keys")
app.add_typer(models.models, name="models")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trunkline {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", callback=_say_version, is_eager=True, help="Say which one, and exit."
    ),
) -> None:
    """A self-hosted voice-agent gateway."""
