"""``trunkline run``: the gateway itself, in the foreground."""

import typer

from gateway.cli.place import ConfigFile, complaining, settings_of


def run(config: ConfigFile = None) -> None:
    """Run the gateway until TERM (live calls finish first) or Ctrl-C (now)."""
    with complaining():
        settings = settings_of(config)
        # Imported here: the other commands do not wait for the whole daemon to load.
        import uvloop

        from gateway.main import run as live

        raise typer.Exit(uvloop.run(live(settings)))
