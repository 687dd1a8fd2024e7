"""``linear-regressor keys``: the API keys of clients."""

from __future__ import annotations

from pathlib import Path

import click

from linear_regressor.cli.options import LocalFile
from linear_regressor.output_file import is_stdout, is_stream, locked, make_folder_of
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, read_keys, write_keys
from linear_regressor.serving.auth.scopes import SCOPES

DEFAULT_FILE = "keys.json"

name_option = click.option("--name", required=True, help="Name of the client, which the audit log shows.")
file_option = click.option("--file", "path", type=LocalFile(), default=DEFAULT_FILE, envvar="API_KEYS_FILE",
                           show_default=f"API_KEYS_FILE, else {DEFAULT_FILE}", help="File of the keys' digests.")


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Manage the API keys of a server.

    Keys are kept in a JSON file, as digests. A server that runs with AUTH=api-key applies changes of its file within a
    second.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@keys.command()
@name_option
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, default=("predict",), show_default=True,
              help="What the client may do; may be repeated.")
@file_option
def generate(name: str, scopes: tuple[str, ...], path: Path) -> None:
    """Generate a key and print it, this once.

    The file keeps only the SHA-256 digest of the key, which cannot be turned back into the key. The exit code is 2 if
    the name is invalid or has a key already.

    \b
    Example:
      linear-regressor keys generate --name batch-job --scope predict
    """
    key = generate_key()
    try:
        stored = StoredKey(name, key_digest(key).hex(), tuple(dict.fromkeys(scopes)))
    except ValueError as error:
        raise click.BadParameter(f"{name!r} cannot be used: {error}.", param_hint="--name") from None
    make_folder_of(path)
    with locked(path):
        known = read_keys(path) if path.exists() and not is_stream(path) else []
        if name in (other.name for other in known):
            raise click.BadParameter(f"{name!r} has a key already; revoke it first.", param_hint="--name")
        write_keys(path, [*known, stored])
    click.echo(key, err=is_stdout(path))
    click.echo(f"stored its digest in {path}; the key itself is not shown again", err=True)


@keys.command("list")
@file_option
def list_keys(path: Path) -> None:
    """Print name, scopes and the start of the digest of each key.

    One key a line, separated by tabs. The exit code is 2 if the file cannot be used.

    \b
    Example:
      linear-regressor keys list --file keys.json
    """
    for key in read_keys(path):
        click.echo(f"{key.name}\t{','.join(key.scopes)}\t{key.sha256[:12]}")


@keys.command()
@name_option
@file_option
def revoke(name: str, path: Path) -> None:
    """Remove the key of a client from the file.

    The exit code is 2 if there is no key of that name.

    \b
    Example:
      linear-regressor keys revoke --name batch-job
    """
    if is_stream(path):
        raise click.BadParameter(f"'{path}' is a device or pipe, which keeps no keys.", param_hint="--file")
    with locked(path):
        known = read_keys(path)
        others = [key for key in known if key.name != name]
        if len(others) == len(known):
            raise click.BadParameter(f"{name!r} has no key in {path}.", param_hint="--name")
        write_keys(path, others)
