"""``python -m gateway.cli``, for where no script is installed."""

from gateway.cli import app

app(prog_name="trunkline")
