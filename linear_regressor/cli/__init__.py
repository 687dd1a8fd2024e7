"""The command line: each command turns its options into objects and calls one function with them.

A command is imported when it is used: the list of commands is quick, and ``serve`` runs without the extra 'training'.
"""

import click

from linear_regressor.cli.command_line import CommandLine

# The short help of each command: the first sentence of its docstring, which is not imported to list it.
COMMANDS = {
    "ingest": "Copy a data set, unchanged, into a folder.",
    "verify": "Check a data set before anything is trained on it.",
    "train": "Train a model and save it.",
    "evaluate": "Evaluate a model on test rows.",
    "predict": "Predict the target of each row of a data set.",
    "serve": "Serve a model over HTTP.",
    "keys": "Manage the API keys of a server.",
    "moments": "Build, show, merge and subtract moments files.",
    "cross-validate": "Compare settings of a training by cross-validation.",
    "unlearn": "Remove rows from a trained model.",
    "compare": "Compare two models without data.",
    "check": "Test whether a model behaves as its schema requires.",
    "models": "List, promote, roll back and fetch the versions of a model.",
    "registry": "Fetch models from the registry of MLflow.",
    "lineage": "Trace a model to its data, code and decisions.",
    "retrain": "Train the model in use again with new feedback.",
    "monitor": "Find changes in the inputs and in the errors of a model.",
    "store": "Manage the feedback store of a server.",
    "data": "Show the version of a data set, or the difference of two.",
}


@click.group(cls=CommandLine, name="linear-regressor", invoke_without_command=True, on_demand=COMMANDS,
             context_settings={"max_content_width": 100})
@click.version_option(package_name="linear-regressor")
@click.pass_context
def main(context: click.Context) -> None:
    """Train, evaluate, apply and serve linear regression models.

    An error is one line on standard error. The exit code is 2 for misuse, 1 for other failures, 129, 130 or 143 after
    SIGHUP, SIGINT or SIGTERM, and 0 otherwise. Some commands have further codes: 'monitor' 3 for drift, 'retrain' 4 if
    the model stays in use, 'verify', 'train' and 'retrain' 5 for unusable data, 'check' 5 for a model that fails a
    behaviour test, and 'data diff' 6 for data sets that differ.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
