"""Write a model file so that a crash or a full disk leaves the old one whole."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import joblib

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.load import parse
from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import ArtefactError


def save(artefact: Artefact, path: str | Path, facts: dict[str, Any]) -> Path:
    """Write the model file and, after it, a card for people beside it.

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
        If a file cannot be written, or could not be read again because it is too large; an older model file is left
        whole.
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
        replace_file(path, lambda file: file.write(content.getvalue()))
        replace_file(card_path, lambda file: file.write(json.dumps(card, indent=2).encode() + b"\n"))
    except (OSError, ValueError, ArtefactError) as error:  # ValueError: a path without a name, such as "."
        reason = getattr(error, "strerror", None) or error
        raise ArtefactError(f"cannot write the model file {path}: {reason}") from None
    return card_path
