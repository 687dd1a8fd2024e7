"""Read and write the model file."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from linear_regressor.artefact import plain_pickle
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import ArtefactError

# An artefact of p features is about 9 (p + 1)^2 bytes; this leaves room for 1,300 of them.
LARGEST_FILE = 16 * 1024 * 1024

REMEDY = "train one with 'linear-regressor train --model-save-path {path}' or name another file"


def load(path: str | Path) -> Artefact:
    """Read and check a model file."""
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
    """Check the content of a model file and make it an artefact."""
    if len(content) > LARGEST_FILE:
        raise ArtefactError(f"it is larger than {LARGEST_FILE} bytes")
    return Artefact.from_plain(plain_pickle.read(content))


def save(artefact: Artefact, path: str | Path, facts: dict[str, Any]) -> Path:
    """Write the model file, and a card for people beside it; neither changes before both are known to fit."""
    path = Path(path)
    import joblib  # here, because the server reads artefacts and has no joblib

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
