"""``linear-regressor keys``: the API keys of callers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.atomic_file import locked
from linear_regressor.cli.options import as_file
from linear_regressor.serving.auth.scopes import SCOPES

if TYPE_CHECKING:
    from linear_regressor.serving.auth.api_keys import StoredKey

DEFAULT_FILE = "keys.json"


def file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that names the keys file."""
    return click.option("--file", "path", type=click.Path(path_type=Path), default=DEFAULT_FILE, callback=as_file,
                        envvar="API_KEYS_FILE", show_default=f"API_KEYS_FILE, else {DEFAULT_FILE}",
                        help="File of the keys' digests.")(command)


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Make, list and revoke API keys; a server takes changes of its file within a second."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@keys.command()
@click.option("--name", required=True, help="Whose key it is; stands in the audit log.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, default=("predict",), show_default=True,
              help="What it may do; may be given more than once.")
@file_option
def generate(name: str, scopes: tuple[str, ...], path: Path) -> None:
    """Make a key and print it, this once; the file keeps its SHA-256."""
    from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys

    key = generate_key()
    try:
        stored = StoredKey(name, key_digest(key).hex(), tuple(dict.fromkeys(scopes)))
    except ValueError as error:
        raise click.BadParameter(f"{name!r} cannot be used: {error}.", param_hint="--name") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        known = _known(path)
        if name in (key.name for key in known):
            raise click.BadParameter(f"{name!r} has a key already; revoke it first.", param_hint="--name")
        write_keys(path, [*known, stored])
    click.echo(key)
    click.echo(f"kept its digest in {path}; the key itself is shown nowhere again", err=True)


@keys.command("list")
@file_option
def list_keys(path: Path) -> None:
    """Show names, scopes and the beginning of each digest."""
    from linear_regressor.serving.auth.api_keys import read_keys

    for key in read_keys(path):
        click.echo(f"{key.name}\t{','.join(key.scopes)}\t{key.sha256[:12]}")


@keys.command()
@click.argument("name")
@file_option
def revoke(name: str, path: Path) -> None:
    """Take the key of NAME out of the file."""
    from linear_regressor.serving.auth.api_keys import read_keys, write_keys

    with locked(path):
        known = read_keys(path)
        kept = [key for key in known if key.name != name]
        if len(kept) == len(known):
            raise click.BadParameter(f"{name!r} has no key in {path}.", param_hint="NAME")
        write_keys(path, kept)


def _known(path: Path) -> list[StoredKey]:
    """Read the keys there are; none where there is no file yet."""
    from linear_regressor.serving.auth.api_keys import read_keys

    return read_keys(path) if path.exists() else []
