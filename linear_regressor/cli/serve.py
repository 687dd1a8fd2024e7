"""``linear-regressor serve``."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import click

from linear_regressor.serving.settings import DEFAULT_MODEL_PATH


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen on; 0.0.0.0 takes requests from other machines.")
@click.option("--port", type=int, default=None, show_default="PORT, else 5000", help="TCP port, 1 to 65535.")
@click.option("--server", type=click.Choice(["gunicorn", "flask"]), default="gunicorn", show_default=True,
              help="gunicorn for production; Flask's own server, one process, for development.")
@click.option("--workers", type=int, default=None, show_default="WEB_CONCURRENCY, else the CPUs this process may use",
              help="Worker processes of gunicorn, 1 to 512.")
@click.option("--threads", type=int, default=None, show_default="THREADS, else 4",
              help="Threads of each gunicorn worker, 1 to 512.")
@click.option("--model-path", type=click.Path(path_type=Path), default=None,
              show_default=f"MODEL_PATH, else {DEFAULT_MODEL_PATH}", help="Model file to serve.")
@click.option("--debug", is_flag=True, help="Log more; Flask's own server also starts again when the code changes.")
def serve(host: str, port: int | None, server: str, workers: int | None, threads: int | None, model_path: Path | None,
          debug: bool) -> None:
    """Serve a model over HTTP until told to stop.

    An option goes before its environment variable, and that before the default. MAX_CONTENT_LENGTH (bytes, default
    16777216) and MAX_ROWS (default 1000000) limit a request.
    """
    from linear_regressor.serving.settings import Settings

    gc.disable()  # until the server is made: there is no garbage in what is imported
    try:
        settings = Settings.from_env(os.environ, port=port, workers=workers, threads=threads,
                                     model_path=None if model_path is None else str(model_path))
        # Only now: gunicorn reads WEB_CONCURRENCY too, when it is imported, and without a message of ours.
        from linear_regressor.serving.server import serve as run

        run(settings, os.environ, host=host, server=server, debug=debug)
    finally:
        gc.enable()
