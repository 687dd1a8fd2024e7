"""Write a model file so that a crash or a full disk leaves the old one whole."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import joblib

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.load import parse
from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import ArtefactError


def save(artefact: Artefact, path: str | Path, facts: dict[str, Any]) -> Path:
    """Write the model file, and a card for people beside it; neither changes before both are known to fit.

    Parameters
    ----------
    artefact : Artefact
        What to write.
    path : str or Path
        Where; its folder is made where it is missing.
    facts : dict
        What the card says beyond the artefact's own card and digest, such as the time of training: plain values that
        would make two files of the same model differ.

    Returns
    -------
    Path
        Path of the card: the model file's, ending in ``.card.json``.

    Raises
    ------
    ArtefactError
        If either file cannot be written, or the model could not be read again because it is too large; an older model
        file is left whole.
    """
    path = Path(path)
    # Through JSON and back: values that are equal then give the same bytes, whatever objects they came from.
    plain = json.loads(json.dumps(artefact.to_plain(), sort_keys=True, allow_nan=False))
    content = io.BytesIO()
    joblib.dump(plain, content, protocol=5)
    card = {**artefact.card, "features": list(artefact.features), "target": artefact.target,
            "sha256": artefact.digest, **facts}
    try:
        parse(content.getvalue())
        card_path = path.with_suffix(".card.json")
        _replace_both(path, content.getvalue(), card_path, json.dumps(card, indent=2).encode() + b"\n")
    except (OSError, ValueError, ArtefactError) as error:  # ValueError: a path without a name, such as "."
        reason = getattr(error, "strerror", None) or error
        raise ArtefactError(f"cannot write the model file {path}: {reason}") from None
    return card_path


def _replace_both(path: Path, content: bytes, card_path: Path, card: bytes) -> None:
    """Put the card in its place while the model lies durable beside its own: the last step is the model's renaming."""
    _require_no_folder(path)

    def write(file: BinaryIO) -> None:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        _write_card(card_path, card)

    replace_file(path, write)


def _write_card(path: Path, content: bytes) -> None:
    """Write the card, or say that it was the card."""
    try:
        _require_no_folder(path)
        replace_file(path, lambda file: file.write(content))
    except OSError as error:
        raise ArtefactError(f"its card {path} cannot be written: {error.strerror or error}") from None


def _require_no_folder(path: Path) -> None:
    """Refuse a place that no renaming can take, as long as nothing is changed."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
