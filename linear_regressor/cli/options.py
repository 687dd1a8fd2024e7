"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import csv
import functools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from linear_regressor.artefact.model_location import ANY_URL, BucketUrl, location_of
from linear_regressor.errors import SettingError
from linear_regressor.files.reading import Reading
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH
from linear_regressor.training.engine import Engine, LocalEngine

if TYPE_CHECKING:
    from linear_regressor.files.locations import Locations

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# The loss of every iteration is kept in memory.
MOST_ITERATIONS = 100_000_000


class Rate(click.FloatRange):
    """A learning rate: 'auto' or a finite number greater than 0."""

    name = "learning rate"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        return "auto" if str(value).strip() == "auto" else finite(ctx, param, super().convert(value, param, ctx))


class Count(click.IntRange):
    """A number of iterations: 'auto' or an integer of at least 1."""

    name = "integer"

    def __init__(self) -> None:
        super().__init__(1, MOST_ITERATIONS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        return "auto" if str(value).strip() == "auto" else super().convert(value, param, ctx)


class Serial(click.IntRange):
    """Serial number of a row of feedback."""

    name = "serial number, such as 12001"

    def __init__(self) -> None:
        super().__init__(min=1)


class LocalPath(click.Path):
    """A path on this machine; a URL is rejected, since it would become a folder of that name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        if ANY_URL.match(str(value)):
            self.fail(f"'{value}' is a URL; this must be a path on this machine.", param, ctx)
        path = super().convert(value, param, ctx)
        if not self.file_okay and os.path.exists(path) and not os.path.isdir(path):  # click rejects only regular files
            self.fail(f"'{value}' is not a folder.", param, ctx)
        return path


class LocalFile(LocalPath):
    """The path of a file on this machine, which need not exist."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        path = super().convert(value, param, ctx)
        if not path.name:
            self.fail(f"'{path}' does not name a file.", param, ctx)
        return path


class ModelFile(LocalFile):
    """A model file to write: a path on this machine, or the URL of an object in a bucket."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        location = _location(self, value, param, ctx)
        if not isinstance(location, BucketUrl):
            return super().convert(location if value else value, param, ctx)
        if not location.name or str(value).partition("?")[0].endswith("/"):
            self.fail(f"'{location}' does not name an object.", param, ctx)
        return location


class Model(click.Path):
    """A model to read: a file or a folder of models, on this machine or in a bucket."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option or argument."""
        location = _location(self, value, param, ctx)
        return location if isinstance(location, BucketUrl) else super().convert(location, param, ctx)


def _location(kind: click.ParamType[Any], value: Any, param: click.Parameter | None,
              ctx: click.Context | None) -> Path | BucketUrl:
    """Parse a path or URL; the text of an option may be converted already."""
    if isinstance(value, Path | BucketUrl):
        return value
    try:
        return location_of(str(value))
    except SettingError as error:
        kind.fail(f"{error}.", param, ctx)


def finite(context: click.Context | None, option: click.Parameter | None, value: float | None) -> float | None:
    """Reject NaN and infinity, which ``click.FloatRange`` accepts."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"'{value}' is not a finite number.", context, option)
    return value


def split_names(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Split names at commas; a name with a comma, a line break, or a blank at its edge, is in double quotes."""
    try:
        return tuple(name for row in csv.reader(values, skipinitialspace=True) for name in row or [""])
    except csv.Error:
        raise click.BadParameter("a name with a line break must be in double quotes.", context, option) from None


def split_values(kind: Any) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[Any, ...]]:
    """Make a callback that splits values at commas, converts each, and drops duplicates."""
    def convert(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
        texts = split_names(context, option, values)
        return tuple(dict.fromkeys(kind.convert(text, option, context) for text in texts))

    return convert


def _missing_values(context: click.Context, option: click.Parameter,
                    values: tuple[str, ...]) -> tuple[str, ...] | None:
    """Split the texts at commas; None for the default."""
    return split_names(context, option, values) if values else None


model_path = click.option("--model-path", metavar="PATH|URL", type=Model(), default=DEFAULT_MODEL_PATH,
                          show_default=True, help="Model file to read, or a folder of models, whose champion is read: "
                                                  "a path, gs://bucket/path or s3://bucket/path.")


def model_save_path(default: str | None, show_default: str | bool, text: str) -> Decorator:
    """Make the option that names the model file to write."""
    return click.option("--model-save-path", metavar="PATH|URL", type=ModelFile(), default=default,
                        show_default=show_default,
                        help=f"{text} It may be an object in a bucket, gs://bucket/path or s3://bucket/path.")


features = click.option("--features", metavar="NAME[,NAME...]", multiple=True, required=True, callback=split_names,
                        help="Columns to predict from, separated by commas or by repeating the option.")
where = click.option("--where", metavar="FILTER", show_default="all",
                     help="Rows of the data set to use, such as \"age > 30 and sex = 'f'\".")
engine = click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True,
                      help="Read the data set in this process or on Dask workers, those of a local cluster unless "
                           "--scheduler is given. The result is the same.")
scheduler = click.option("--scheduler", metavar="ADDRESS", show_default="a local cluster",
                         help="Scheduler of the Dask cluster to use, such as tcp://10.0.0.5:8786.")
random_state = click.option("--random-state", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
                            help="Seed of the start weights and of the order of the rows.")


# Options of ``Reading`` by the name of the field.
READING = ("input_format", "delimiter", "decimal", "thousands", "encoding", "quote", "missing_values")
input_format = click.option("--input-format", type=click.Choice(["csv", "parquet", "feather", "ndjson", "json"]),
                            show_default="the ending of a file's name",
                            help="Format of the files; csv is any delimited text.")
READING_OPTIONS = (
    input_format,
    click.option("--delimiter", metavar="CHARACTER", show_default="what the header has most of , ; tab |, else blanks",
                 help="What separates the values of a line of text: one character, 'tab' or 'blanks'."),
    click.option("--decimal", type=click.Choice([".", ","]), show_default=".",
                 help="What separates the decimals of a number in text."),
    click.option("--thousands", metavar="CHARACTER", show_default="nothing",
                 help="What separates groups of three digits of a number in text, such as , in 12,426."),
    click.option("--encoding", metavar="NAME", show_default="utf-8",
                 help="Encoding of text files, such as cp1252 or utf-16: a codec of Python."),
    click.option("--quote", metavar="CHARACTER", show_default='"',
                 help="What surrounds a value that has delimiters or line breaks; '' for nothing."),
    click.option("--missing-values", metavar="TEXT[,TEXT...]", multiple=True, callback=_missing_values,
                 show_default="nothing, NA, N/A, NaN, NULL and the like",
                 help="Text that stands for a missing value, instead of the default list; separated by commas."),
    click.option("--hide-values", is_flag=True, envvar="HIDE_VALUES", show_envvar=True,
                 help="Show no value of the data in messages."),
)


missing_rows = click.option("--missing", type=click.Choice(["error", "drop"]), default="error", show_default=True,
                            help="What to do with rows that lack a needed value: report an error, or drop them and "
                                 "print how many.")
allow_duplicates = click.option("--allow-duplicates", is_flag=True,
                                help="Use files that hold the same rows; without, they are an error.")


def schema(use: str) -> Decorator:
    """Make the option that names a schema."""
    return click.option("--schema", metavar="FILE", type=LocalFile(), show_default="none",
                        help=f"Schema of the rows, a YAML file that 'verify --learn' writes: {use}")


def standardize(default: bool | None = True, show_default: str | bool = True) -> Decorator:
    """Make the option that chooses the coordinates of the descent."""
    return click.option("--standardize/--no-standardize", default=default, show_default=show_default,
                        help="Descend in coordinates in which every feature has mean 0 and standard deviation 1; "
                             "weights are still in the units of the data.")


def data_texts(required: bool = False) -> Decorator:
    """Make the option that names a data set."""
    return click.option("--data", metavar="PATH|GLOB|URL", required=required,
                        show_default=not required and "none", multiple=True,
                        help="Data set: a file, a folder, a glob such as 'rows/{a,b}.csv', gs://bucket/path, "
                             "s3://bucket/path, or - for standard input, of CSV, Parquet, Feather or JSON, any number "
                             "of files; may be repeated. Folders such as day=1 add a column.")


def locations(texts: tuple[str, ...], reading: Reading, scheduler: str | None = None) -> Locations:
    """Return what a command reads; the workers of another machine's scheduler cannot read standard input."""
    from linear_regressor.files.locations import Locations  # PyArrow takes long to import

    found = Locations(texts, reading)
    if scheduler is not None and found.read_once:
        raise click.UsageError(f"--scheduler: its workers cannot read {found.read_once[0]}, standard input or a pipe "
                               "of this machine: save the data to a file that they can read.")
    return found


def data(required: bool = False) -> Decorator:
    """Make the options that name a data set and say how to read it; the value of ``data`` is a ``Locations``."""
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(*arguments: Any, data: tuple[str, ...], reading: Reading, **values: Any) -> Any:
            found = locations(data, reading, values.get("scheduler")) if data else None
            return command(*arguments, data=found, **values)

        return data_texts(required)(reading(call))

    return decorate


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how files are read; the command gets a ``Reading``."""
    @functools.wraps(command)
    def call(*arguments: Any, **values: Any) -> Any:
        given = {name: values.pop(name) for name in (*READING, "hide_values")}
        chosen = Reading(**{name: value for name, value in given.items() if value is not None})
        return command(*arguments, reading=chosen, **values)

    for option in reversed(READING_OPTIONS):
        call = option(call)
    return call


def target(required: bool = False) -> Decorator:
    """Make the option that names the target of a data set."""
    return click.option("--target", metavar="NAME", required=required, show_default=not required and "none",
                        help="Column of the data set to predict.")


def key(use: str) -> Decorator:
    """Make the option that names the key column of a data set."""
    return click.option("--key", metavar="NAME", show_default="the values of the row",
                        help=f"Column of integers or text whose hash decides {use}.")


def store(required: bool = False) -> Decorator:
    """Make the option that names a feedback store; its value is a ``StoreLocation``."""
    return click.option("--store", metavar="URL", required=required, callback=_parse_store, envvar="STORE",
                        show_envvar=True, show_default=not required and "none",
                        help="Feedback store: sqlite:///relative.db, sqlite:////absolute.db or "
                             "postgresql://user@host/database. Put a URL with a password into STORE: other users can "
                             "see options.")


def _parse_store(context: click.Context, option: click.Parameter, text: str | None) -> StoreLocation | None:
    """Parse the URL, which no message repeats: it may have a password."""
    try:
        return StoreLocation.parse(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"must be {error}.") from None


def require_data(context: click.Context, data: Locations | None, names: Sequence[str]) -> None:
    """Reject options that need a data set if none is given."""
    given = [name for name in (*names, *READING) if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if data is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --data.", context)


def require_dask(scheduler: str | None, engine: str) -> None:
    """Reject the address of a scheduler without Dask, or an empty one."""
    if scheduler is not None and engine == "local":
        raise click.UsageError("--scheduler needs --engine dask.")
    if scheduler is not None and not scheduler.strip():
        raise click.UsageError("--scheduler must be an address, such as tcp://10.0.0.5:8786, not empty.")


@contextmanager
def open_engine(name: str, scheduler: str | None) -> Iterator[Engine]:
    """Start the engine of this name, and stop it at the end."""
    require_dask(scheduler, name)
    if name == "local":
        yield LocalEngine()
        return
    from linear_regressor.training.dask_engine import DaskEngine  # an extra of its own, and slow to import

    with DaskEngine(scheduler) as engine:
        yield engine
