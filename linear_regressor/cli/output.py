"""What a command writes takes the place of nothing that it reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from linear_regressor.errors import SettingError

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact
    from linear_regressor.data.source import Source
    from linear_regressor.model.evaluate import Certificate, Evaluation


def require_no_data(source: Source, outputs: Mapping[str, Path]) -> None:
    """Refuse an output that is a file of the data set."""
    local = [Path(file.path) for file in source.files if file.filesystem.type_name == "local"]
    require_different(outputs, {path: "a file of the data set" for path in local})


def require_different(outputs: Mapping[str, Path], others: Mapping[Path, str]) -> None:
    """Refuse an output that is another file of the same command."""
    known = {os.path.realpath(path): what for path, what in others.items()}
    for option, path in outputs.items():
        if (what := known.get(os.path.realpath(path))) is not None:
            raise SettingError(f"{option} {path} is {what}: name another file")


@contextmanager
def rows_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where that is a terminal."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread that looks after bars: every block is reported, and with miniters=1 looked at
    with tqdm(total=total, unit=" rows", unit_scale=True, miniters=1, dynamic_ncols=True, disable=None) as bar:
        def report(rows: int) -> None:
            bar.total = max(bar.total or 0, bar.n + rows)  # of files of text the total is a guess
            bar.update(rows)

        yield report
        bar.total = bar.n  # now it is known
        bar.refresh()


# From here on six decimals are digits that float64 does not hold.
MOST_FIXED = 1e15

DEPENDENT = ("dependent    features depend on each other to rounding: what a slope along that could gain is not in the "
             "certificate")


def summary(artefact: Artefact, evaluation: Evaluation, certificate: Certificate, share: str) -> str:
    """Write weights, errors and the optimality certificate, one a line."""
    slopes = zip(artefact.features, artefact.W.tolist(), strict=True)
    return "\n".join([
        *(f"slope        {slope:<14.10g} {name}" for name, slope in slopes),
        f"intercept    {artefact.b:.10g}",
        f"MSE          {_fixed(evaluation.mean_squared_error):<14} on {share} {evaluation.rows:.0f} rows",
        f"R2           {evaluation.r2:<14.4f} on {share} {evaluation.rows:.0f} rows",
        f"certificate  on its {artefact.moments.n:.0f} training rows the loss is {_fixed(certificate.loss)}; "
        f"no line gets more than {certificate.gap:.3g} below it",
        *([DEPENDENT] if artefact.moments.has_dependent_features else []),
    ])


def _fixed(value: float) -> str:
    """Write six decimals, as long as a number has no more digits before them than float64 holds."""
    return f"{value:.6f}" if abs(value) < MOST_FIXED else f"{value:.10g}"
