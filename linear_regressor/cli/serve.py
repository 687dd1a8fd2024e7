"""``linear-regressor serve``."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import click

from linear_regressor.serving.settings import DEFAULT_MODEL_PATH, Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen on; 0.0.0.0 accepts requests from other machines.")
@click.option("--port", type=int, default=None, show_default="PORT, else 5000", help="TCP port, 1 to 65535.")
@click.option("--server", type=click.Choice(["gunicorn", "flask"]), default="gunicorn", show_default=True,
              help="gunicorn for production, or Flask's own server, one process, for development.")
@click.option("--workers", type=int, default=None, show_default="WEB_CONCURRENCY, else the CPUs this process may use",
              help="Worker processes of gunicorn, 1 to 512.")
@click.option("--threads", type=int, default=None, show_default="THREADS, else 4",
              help="Threads of each gunicorn worker, 1 to 512.")
@click.option("--model-path", type=click.Path(path_type=Path), default=None,
              show_default=f"MODEL_PATH, else {DEFAULT_MODEL_PATH}", help="Model file to serve.")
@click.option("--debug", is_flag=True, help="Log more; Flask's own server also reloads changed code.")
def serve(host: str, port: int | None, server: str, workers: int | None, threads: int | None, model_path: Path | None,
          debug: bool) -> None:
    """Serve a model over HTTP.

    Runs until SIGTERM or SIGINT. An option overrides its environment variable, and that overrides the default; the
    other settings are environment variables only, such as MAX_CONTENT_LENGTH (bytes of a request, default 16777216)
    and MAX_ROWS (rows of a request, default 1000000).

    Writes log lines as JSON. The exit code is 2 if a setting is invalid and 1 if the server cannot start.

    \b
    Example:
      linear-regressor serve --port 8080 --model-path models/new.joblib
    """
    gc.disable()  # until the server has started: imports create no garbage
    try:
        settings = Settings.from_env(os.environ, port=port, workers=workers, threads=threads,
                                     model_path=None if model_path is None else str(model_path))
        # After the settings are checked: gunicorn reads WEB_CONCURRENCY on import, and fails with a traceback.
        from linear_regressor.serving.server import serve as run

        run(settings, os.environ, host=host, server=server, debug=debug)
    finally:
        gc.enable()
