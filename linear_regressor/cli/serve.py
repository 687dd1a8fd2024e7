"""``linear-regressor serve``."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import click

from linear_regressor.serving.settings import Settings, all_settings, setting_rows


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the settings table; ``Settings`` parses their values."""
    for attribute, row in reversed(setting_rows(Settings).items()):
        if row.option:
            command = click.option(row.option, attribute, metavar=row.variable, default=None, help=row.help,
                                   show_default=f"{row.variable}, else {row.describe_default()}")(command)
    return command


class ServeCommand(click.Command):
    """A command whose help ends with the settings that have no option."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them as environment variables."""
        with formatter.section("Environment variables"):
            formatter.write_dl([(row.variable, " ".join(filter(None, [
                row.help, (default := row.describe_default()) and f"[default: {default}]"])))
                for row in all_settings() if not row.option])


@click.command(cls=ServeCommand)
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen on; 0.0.0.0 accepts requests from other machines.")
@click.option("--server", type=click.Choice(["gunicorn", "flask"]), default="gunicorn", show_default=True,
              help="gunicorn for production, or Flask's own server, one process, for development.")
@setting_options
@click.option("--debug", is_flag=True, help="Log more; Flask's own server also reloads changed code.")
def serve(host: str, server: str, debug: bool, **options: str | None) -> None:
    """Serve a model over HTTP.

    Runs until SIGTERM or SIGINT. An option overrides its environment variable, and that overrides the default.

    Writes log lines as JSON. The exit code is 2 if a setting is invalid and 1 if the server cannot start.

    \b
    Example:
      linear-regressor serve --port 8080 --model-path models/new.joblib
    """
    gc.disable()  # until the server has started: imports create no garbage
    try:
        settings = Settings.from_env(os.environ, **options)
        # Before NumPy is imported: reports solve thousands of small systems, which several threads make slower.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # After the settings are checked: gunicorn reads WEB_CONCURRENCY on import, and fails with a traceback.
        from linear_regressor.serving.server import serve as run

        run(settings, os.environ, host=host, server=server, debug=debug)
    finally:
        gc.enable()
