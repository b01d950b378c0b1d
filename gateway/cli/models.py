"""``trunkline models``: models that hear and speak on this machine."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.place import ConfigFile, complaining, out, settings_of
from gateway.config import Settings
from gateway.speech.local.shelf import Model, NotFetched, Shelf, known

models = typer.Typer(
    help="List, fetch and remove models that run here.", invoke_without_command=True
)

MEGABYTE = 1e6


def shelf_of(settings: Settings) -> Shelf:
    return Shelf(settings.state_dir / "models")


@models.callback()
def list_models(context: typer.Context, config: ConfigFile = None) -> None:
    """List, fetch and remove models that run on this machine."""
    if context.invoked_subcommand:
        return
    with complaining():
        shelf = shelf_of(settings_of(config))
        there, rest = shelf.there(), known()
        for name, size in there.items():
            what = rest.pop(name).what if name in rest else ""
            out.print(escape(f"here     {name}  {size / MEGABYTE:.0f} MB  {what}".rstrip()))
        for model in rest.values():
            out.print(
                escape(
                    f"to fetch {model.name}  {model.megabytes} MB  "
                    f"{model.purpose}, {model.provider}: {model.what}"
                )
            )


@models.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name of the list, or one of your own with --url.")],
    url: Annotated[str, typer.Option(help="An archive that the list does not have.")] = "",
    sha256: Annotated[str, typer.Option(help="What its sum must be.")] = "",
    config: ConfigFile = None,
) -> None:
    """Fetch a model into <state_dir>/models."""
    with complaining():
        model = Model(name, "", "", "", 0, (url,)) if url else known().get(name)
        if model is None:
            raise NotFetched(f"{name} is not in the list: see `trunkline models`, or give --url")
        shelf = shelf_of(settings_of(config))
        with Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
            console=out, transient=True,
        ) as shown:  # fmt: skip
            tasks = {}

            def progress(what: str, so_far: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = shown.add_task(what, total=total or None)
                shown.update(tasks[what], completed=so_far)

            sums = shelf.fetch(model, sha256, progress)
        for file, digest in sums.items():
            out.print(escape(f"{digest}  {file}"))
        out.print(escape(f'ready: "model": "{name}" ({shelf.folder / name})'))


@models.command()
def remove(name: Annotated[str, typer.Argument()], config: ConfigFile = None) -> None:
    """Remove a model. Calls that use it keep it in memory until they end."""
    with complaining():
        shelf_of(settings_of(config)).remove(name)
