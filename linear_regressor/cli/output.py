"""What commands write: progress, a summary of a model, and checks that outputs overwrite no input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import ROUND_CEILING, Context
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition, Source
from linear_regressor.errors import DataError, SettingError, counted
from linear_regressor.model.descent import MOST_STEPS, Descent
from linear_regressor.model.evaluate import Certificate, Evaluation, shortcomings
from linear_regressor.output_file import is_stdout
from linear_regressor.tables.table import Table

# Below, six decimals are fewer than six digits; from 1e15 on, they are digits that float64 does not have.
LEAST_FIXED, MOST_FIXED = 0.1, 1e15


@contextmanager
def progress_bar(partitions: Sequence[Partition], passes: int = 1) -> Iterator[Callable[[int], None]]:
    """Show the rows that are reported as a bar on standard error, if that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda rows: None
        return
    from tqdm import tqdm  # not at the top: a short training would wait for it as long as for its rows

    tqdm.monitor_interval = 0  # no monitor thread: each block is reported, and miniters=1 looks at each report
    total = passes * sum(partition.rows for partition in partitions)
    with tqdm(total=total, unit=" rows", unit_scale=True, miniters=1, dynamic_ncols=True) as bar:
        def report(rows: int) -> None:
            bar.total = max(bar.total or 0, bar.n + rows)  # the row count of a text file is an estimate
            bar.update(rows)

        yield report
        bar.total = bar.n
        bar.refresh()


def missing_lines(missing: MissingRows | None) -> list[str]:
    """How many rows were left out, on a line of its own; none if such rows are faults."""
    return [] if missing is None else [f"missing      {missing.left_out}"]


def split_lines(test: float, rows: float, fraction: float, key: str | None) -> list[str]:
    """How many rows are kept for the test, and a warning if these are not the share that was asked for."""
    return [f"test rows    {test:.0f} of {rows:.0f} ({100.0 * test / rows:.2f} %)",
            *_split_warning([test], rows, fraction, key, "test rows")]


def fold_lines(folds: Sequence[float], key: str | None) -> list[str]:
    """The rows of each fold, and a warning if these are not equal shares."""
    return [f"fold sizes   {', '.join(f'{fold:.0f}' for fold in folds)}",
            *_split_warning(folds, sum(folds), 1.0 / len(folds), key, "folds")]


def _split_warning(sizes: Sequence[float], rows: float, fraction: float, key: str | None, what: str) -> list[str]:
    """A warning if a size differs by more than a tenth, and by more than chance explains."""
    expected = fraction * rows
    most = max(expected / 10.0, 3.0 * (expected * (1.0 - fraction)) ** 0.5)
    farthest = max(sizes, key=lambda size: abs(size - expected))
    if abs(farthest - expected) <= most:
        return []
    cause = ("equal rows of several files stay together, which a --key that names each row prevents" if key is None else
             f"all rows of one {key} (--key) stay together, and it has few values or some with many rows")
    return [f"warning      {what}: {farthest:.0f} rows instead of about {expected:.0f}; {cause}"]


def require_not_data(source: Source | Table, outputs: Mapping[str, ModelLocation]) -> None:
    """Reject an output that is a file of the data set."""
    files: dict[ModelLocation, str] = {}
    for file in source.files:
        bucket, _, path = file.path.partition("/")
        kind = file.filesystem.type_name
        files[Path(file.path) if kind == "local" else BucketUrl("s3" if kind == "s3" else "gs", bucket, path)] = (
            "a file of the data set")
    require_different(outputs, files)


def require_different(outputs: Mapping[str, ModelLocation], others: Mapping[ModelLocation, str]) -> None:
    """Reject an output, by its option, that is another file of the same command."""
    known = {_identity(path): what for path, what in others.items()}
    for option, path in outputs.items():
        if (what := known.get(_identity(path))) is not None:
            raise SettingError(f"{option} {path} is {what}: name another file")


def _identity(location: ModelLocation) -> object:
    """The same value for every name of a file, also for a hard link."""
    if isinstance(location, BucketUrl):
        return str(location)
    try:
        status = os.stat(location)
    except OSError:  # it does not exist yet
        return os.path.realpath(location)
    return status.st_dev, status.st_ino


def require_writable(location: ModelLocation) -> None:
    """Fail before any work if the bucket of a model file cannot be used."""
    if isinstance(location, BucketUrl):
        from linear_regressor.artefact.model_files import require_bucket  # obstore is an extra of its own

        require_bucket(location)


def writes_to_stdout(location: ModelLocation) -> bool:
    """Whether a model goes to standard output, where nothing else may be written then."""
    return isinstance(location, Path) and is_stdout(location)


def summary(artefact: Artefact, evaluation: Evaluation, certificate: Certificate, share: str) -> str:
    """Weights, errors, certificate and shortcomings, one a line; ``share`` is 'the' or 'the last' rows."""
    loss, bound = artefact.moments.loss(artefact.W, artefact.b), certificate.loss
    rows = counted(round(evaluation.rows), "row")
    shown = _fixed(loss) if bound <= 1.001 * loss else f"at most {_rounded_up(bound)}"
    return "\n".join([
        *(f"slope        {slope:<14.10g} {name}"
          for name, slope in zip(artefact.features, artefact.W.tolist(), strict=True)),
        f"intercept    {artefact.b:.10g}",
        f"MSE          {_fixed(evaluation.mean_squared_error):<14} on {share} {rows}",
        f"R2           {_share(evaluation.r2):<14} on {share} {rows}",
        f"certificate  on its {counted(round(artefact.moments.n), 'training row')} the loss is {shown}; "
        f"no line gets more than {_rounded_up(certificate.gap)} below it",
        *warning_lines(artefact),
    ])


def warning_lines(artefact: Artefact) -> list[str]:
    """What the training rows do not determine, and whether descent has not converged, one a line."""
    settings, moments = artefact.card.get("settings", {}), artefact.moments
    standardize, slow = settings.get("standardize", False), 0
    known = {"lr_used", "iterations", "random_state"} <= settings.keys() and settings["iterations"] != "auto"
    if known and settings.get("batch_size") is None:
        spectrum = Descent.seeded(moments, settings["random_state"], standardize).spectrum
        slow = spectrum.slow_directions(settings["lr_used"], settings["iterations"] + 1)
    remedy = f"{'' if standardize else '--standardize, '}more --iterations or a higher --lr"
    found = shortcomings(moments, artefact.W, artefact.b, artefact.features, slow, remedy)
    return labelled(found)


def labelled(sentences: Mapping[str, str]) -> list[str]:
    """Sentences as lines of a summary."""
    return [f"{name:<12} {sentence}" for name, sentence in sentences.items()]


def _rounded_up(bound: float) -> str:
    """Three digits of a bound, which still holds."""
    return f"{float(Context(prec=3, rounding=ROUND_CEILING).create_decimal(repr(bound))):.3g}"


def descent_line(artefact: Artefact, steps: int) -> str:
    """How many steps descent took to converge, and how many it would take in the units of the data, if it can."""
    reached = "stopped after" if steps == MOST_STEPS else "converged in"
    took = f"descent      {reached} {_rounded_count(steps)} {'step' if steps == 1 else 'steps'}"
    try:
        plain = Descent.seeded(artefact.moments, artefact.card["settings"]["random_state"], standardize=False)
        count = plain.steps_to_optimum(plain.spectrum.safe_rate)
    except DataError:  # the squares of unscaled columns may leave the range of float64
        return took
    needed = f"more than {MOST_STEPS:.0e}" if count == MOST_STEPS else _rounded_count(count)
    return f"{took}; at the safe rate and without --standardize it takes {needed}"


def _rounded_count(count: int) -> str:
    """A count with all digits, or with two if it has more than six."""
    return f"{count}" if count < 1_000_000 else f"{count:.2g}"


def _share(value: float) -> str:
    """R2 with four decimals, or with four digits if these would hide it or be too many."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 10.0 or value == 0 else f"{value:.4g}"


def _fixed(value: float) -> str:
    """A number with six decimals, or with ten digits if these would be too few or too many."""
    return f"{value:.6f}" if LEAST_FIXED <= abs(value) < MOST_FIXED else f"{value:.10g}"
