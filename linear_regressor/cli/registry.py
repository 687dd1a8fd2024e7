"""``linear-regressor registry``: models in the registry of MLflow."""

from __future__ import annotations

from pathlib import Path

import click

from linear_regressor.artefact.file import save
from linear_regressor.cli import options
from linear_regressor.cli.models import models_option
from linear_regressor.output_file import is_stdout


@click.group(invoke_without_command=True)
@click.pass_context
def registry(context: click.Context) -> None:
    """Fetch models from the registry of MLflow.

    The registry is that of the server in MLFLOW_TRACKING_URI, or else mlflow.db beside the folder of models. Its
    aliases champion and challenger follow 'models promote', 'models rollback' and 'retrain' with --track.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@registry.command()
@click.argument("source", metavar="models:/NAME@ALIAS")
@click.argument("path", type=options.LocalFile())
@models_option
def fetch(source: str, path: Path, location: str) -> None:
    """Copy a registered model to a model file on this machine, with its card.

    The digest of the model is checked. Run it before a server, which never imports MLflow.

    The exit code is 1 if there is no such model or it is damaged.

    \b
    Example:
      linear-regressor registry fetch models:/linear-regressor@champion model.joblib
    """
    from linear_regressor.tracking.mlflow_store import MlflowStore  # an extra of its own, and slow to import

    artefact, facts = MlflowStore.beside(location).fetch(source)
    save(artefact, path, facts)
    click.echo(f"{path}: {source}, version {facts['registry']['version']}, sha256 {artefact.digest}",
               err=is_stdout(path))
