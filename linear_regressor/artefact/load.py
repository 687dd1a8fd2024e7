"""Read a model file without trusting it."""

from __future__ import annotations

from pathlib import Path

from linear_regressor.artefact import plain_pickle
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError

# An artefact of p features is about 9 (p + 1)^2 bytes; this leaves room for 1,300 of them.
LARGEST_FILE = 16 * 1024 * 1024

REMEDY = "train one with 'linear-regressor train --model-save-path {path}' or name another file"


def load(path: str | Path) -> Artefact:
    """Read and check a model file.

    Parameters
    ----------
    path : str or Path
        The file that ``save`` wrote.

    Returns
    -------
    Artefact

    Raises
    ------
    ArtefactError
        If the file is missing, cannot be read, is too large, damaged, of another format, or asks to run anything; the
        message names the file and the remedy.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror
        raise ArtefactError(f"cannot read the model file {path}: {reason}; {REMEDY.format(path=path)}") from None
    try:
        return parse(content)
    except ArtefactError as error:
        raise ArtefactError(f"cannot use the model file {path}: {error}; {REMEDY.format(path=path)}") from None


def parse(content: bytes) -> Artefact:
    """Check the content of a model file and make it an artefact.

    Parameters
    ----------
    content : bytes
        What ``save`` wrote.

    Returns
    -------
    Artefact

    Raises
    ------
    ArtefactError
        If it is too large, damaged, of another format, or asks to run anything.
    """
    if len(content) > LARGEST_FILE:
        raise ArtefactError(f"it is larger than {LARGEST_FILE} bytes")
    return Artefact.from_plain(plain_pickle.read(content))
