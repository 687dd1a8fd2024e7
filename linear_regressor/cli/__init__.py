"""The command line: each command turns its options into parts and calls one function with them.

Rule of the room: click lives here; what is heavy is imported inside a command, so that help is quick, and so that
``serve`` runs where the training extra is not installed.
"""

import click

from linear_regressor.cli.command_line import CommandLine

NAMES = ("train", "evaluate", "predict", "serve", "keys", "moments", "cross-validate", "unlearn", "compare")


@click.group(cls=CommandLine, name="linear-regressor", invoke_without_command=True,
             names=NAMES, context_settings={"max_content_width": 100})
@click.version_option(package_name="linear-regressor")
@click.pass_context
def main(context: click.Context) -> None:
    """Train a linear regression, judge it, predict with it, and serve it.

    Errors are one line on standard error; the exit code is 2 for misuse and 1 for failure.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
