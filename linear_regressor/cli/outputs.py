"""What a command writes takes the place of nothing that it reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from linear_regressor.errors import SettingError

if TYPE_CHECKING:
    from linear_regressor.data.source import Source


def require_no_data(source: Source, outputs: Mapping[str, Path]) -> None:
    """Refuse an output that is a file of the data set.

    Parameters
    ----------
    source : Source
        The data set.
    outputs : mapping of str to Path
        The files to write, each under the option that named it.

    Raises
    ------
    SettingError
        If one of them is a file of the data set.
    """
    local = [Path(file.path) for file in source.files if file.filesystem.type_name == "local"]
    require_different(outputs, {path: "a file of the data set" for path in local})


def require_different(outputs: Mapping[str, Path], others: Mapping[Path, str]) -> None:
    """Refuse an output that is another file of the same command.

    Parameters
    ----------
    outputs : mapping of str to Path
        The files to write, each under the option that named it.
    others : mapping of Path to str
        The other files, each with what it is.

    Raises
    ------
    SettingError
        If an output is one of the others, also under another path.

    Examples
    --------
    >>> require_different({"--output": Path("rows/../rows.csv")}, {Path("rows.csv"): "the data"})
    Traceback (most recent call last):
        ...
    linear_regressor.errors.SettingError: --output rows/../rows.csv is the data: name another file
    """
    known = {os.path.realpath(path): what for path, what in others.items()}
    for option, path in outputs.items():
        if (what := known.get(os.path.realpath(path))) is not None:
            raise SettingError(f"{option} {path} is {what}: name another file")
