"""The option ``--track``, and what commands do with a run: a failure to track is a warning, the model is saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.cli.command_line import describe
from linear_regressor.errors import ArtefactError, SettingError, TrackingError
from linear_regressor.output_file import is_stream

if TYPE_CHECKING:
    from linear_regressor.artefact.history import ModelHistory
    from linear_regressor.tracking.mlflow_store import MlflowStore
    from linear_regressor.tracking.run import Run

track_option = click.option("--track/--no-track", envvar="TRACK", show_envvar=True, default=False, show_default=True,
                            help="Log to MLflow, too: to the server of MLFLOW_TRACKING_URI, or else to mlflow.db "
                                 "beside the models.")


def open_store(track: bool, location: str) -> MlflowStore | None:
    """Open MLflow before any work, so that a missing extra or address is an error before it; None without --track."""
    if not track:
        return None
    from linear_regressor.tracking.mlflow_store import MlflowStore  # an extra of its own, and slow to import

    return MlflowStore.beside(location)


def record_run(run: Run, beside: ModelLocation) -> None:
    """Append a run to the log beside a model file; a device, a pipe or a bucket has no log."""
    from linear_regressor.tracking.run import RUNS, record  # imports NumPy

    if isinstance(beside, BucketUrl):
        click.echo(f"{RUNS} is not written: {beside} is in a bucket, and --track logs runs there", err=True)
        return
    if is_stream(beside):
        return
    try:
        record(run, beside.parent)
    except OSError as error:
        click.echo(f"Warning: the run is not in {beside.parent / RUNS}: {error.strerror or error}", err=True)


def log_run(store: MlflowStore | None, run: Run, report: Sequence[Path]) -> None:
    """Log a run to MLflow."""
    if store is not None:
        try:
            store.log(run, report)
        except TrackingError as error:
            click.echo(f"Warning: the run is not in MLflow: {describe(error)}", err=True)


def follow(store: MlflowStore | None, history: ModelHistory, run: Run | None = None) -> None:
    """Let the aliases in MLflow follow the promotions of a history; ``run`` is the one that has just ended."""
    if store is None:
        return
    from linear_regressor.tracking.run import Run  # as above

    try:
        promotions = history.promotions()
        aliases: dict[str, Run | None] = {}
        for alias, version in (("champion", promotions.champion), ("challenger", promotions.challenger)):
            if version is None:
                aliases[alias] = None
            elif run is not None and run.artefact.digest.startswith(version):
                aliases[alias] = run
            else:
                aliases[alias] = Run("import", history.load(version), f"{history.name.rstrip('/')}/{version}",
                                     "unknown", datetime.now(UTC), 0.0)
        store.follow(os.fspath(history.name), aliases)
    except (ArtefactError, SettingError, TrackingError) as error:  # the promotion is recorded already
        click.echo(f"Warning: the aliases in MLflow do not follow: {describe(error)}; run the command again, or the "
                   f"next one with --track, to set them", err=True)
