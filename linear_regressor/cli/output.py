"""What commands write: progress, a summary of a model, and checks that outputs overwrite no input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.data.source import Partition, Source
from linear_regressor.errors import SettingError
from linear_regressor.model.evaluate import Certificate, Evaluation

# From here on, six decimals are digits that float64 does not have.
MOST_FIXED = 1e15

tqdm.monitor_interval = 0  # no monitor thread: each block is reported, and miniters=1 looks at each report


@contextmanager
def progress_bar(partitions: Sequence[Partition], passes: int = 1) -> Iterator[Callable[[int], None]]:
    """Show the rows that are reported as a bar on standard error, if that is a terminal."""
    total = passes * sum(partition.rows for partition in partitions)
    disable = sys.stderr is None or None  # None: unless it is a terminal
    with tqdm(total=total, unit=" rows", unit_scale=True, miniters=1, dynamic_ncols=True, disable=disable) as bar:
        def report(rows: int) -> None:
            bar.total = max(bar.total or 0, bar.n + rows)  # the row count of a text file is an estimate
            bar.update(rows)

        yield report
        bar.total = bar.n
        bar.refresh()


def require_not_data(source: Source, outputs: Mapping[str, Path]) -> None:
    """Reject an output that is a file of the data set."""
    local = [Path(file.path) for file in source.files if file.filesystem.type_name == "local"]
    require_different(outputs, {path: "a file of the data set" for path in local})


def require_different(outputs: Mapping[str, Path], others: Mapping[Path, str]) -> None:
    """Reject an output, by its option, that is another file of the same command."""
    known = {os.path.realpath(path): what for path, what in others.items()}
    for option, path in outputs.items():
        if (what := known.get(os.path.realpath(path))) is not None:
            raise SettingError(f"{option} {path} is {what}: name another file")


def summary(artefact: Artefact, evaluation: Evaluation, certificate: Certificate, share: str) -> str:
    """Weights, errors and the optimality certificate, one a line; ``share`` is 'the' or 'the last' rows."""
    dependent = ("dependent    features depend on each other to rounding: what a slope along that could gain is not in "
                 "the certificate")
    return "\n".join([
        *(f"slope        {slope:<14.10g} {name}"
          for name, slope in zip(artefact.features, artefact.W.tolist(), strict=True)),
        f"intercept    {artefact.b:.10g}",
        f"MSE          {_fixed(evaluation.mean_squared_error):<14} on {share} {evaluation.rows:.0f} rows",
        f"R2           {evaluation.r2:<14.4f} on {share} {evaluation.rows:.0f} rows",
        f"certificate  on its {artefact.moments.n:.0f} training rows the loss is {_fixed(certificate.loss)}; "
        f"no line gets more than {certificate.gap:.3g} below it",
        *([dependent] if artefact.moments.has_dependent_features else []),
    ])


def _fixed(value: float) -> str:
    """A number with six decimals, or in scientific notation if float64 does not have them."""
    return f"{value:.6f}" if abs(value) < MOST_FIXED else f"{value:.10g}"
