"""Load and save the model file, with a card for people beside it; load the champion of a folder of models."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from linear_regressor.artefact import plain_pickle
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError
from linear_regressor.output_file import is_stream, remove_file, write_file

# An artefact of p features has about 9 (p + 1)^2 bytes: enough for 1,300 features.
LARGEST_FILE = 16 * 1024 * 1024

# names of the files of a version
MODEL, CARD = "model.joblib", "model.card.json"

REMEDY = "train one with 'linear-regressor train --model-save-path {path}' or name another file"


def load(path: str | Path) -> Artefact:
    """Read and check a model file, or the champion of a folder of models."""
    return parse_file(path, read(path))


def read(path: str | Path) -> bytes:
    """Read a model file, or a little more than the largest that is valid; of a folder its champion, checked."""
    if os.path.isdir(path):
        return _read_champion(Path(path))
    try:
        return _read(path)
    except OSError as error:
        remedy = REMEDY.format(path=path)
        raise ArtefactError(f"cannot read the model file {path}: {error.strerror}; {remedy}") from None


def located(path: Path) -> Path:
    """Where a model is: the file itself, or that of the champion of a folder of models."""
    return path / _champion_of(path) / MODEL if path.is_dir() else path


def parse_file(path: str | Path, content: bytes) -> Artefact:
    """Check the content of a model file; an error names the file."""
    try:
        return parse(content)
    except ArtefactError as error:
        raise ArtefactError(f"cannot use the model file {path}: {error}; name another file, or train "
                            "one with 'linear-regressor train --model-save-path PATH'") from None


def parse_version(name: str, version: str, content: bytes) -> Artefact:
    """Check the content of the model file of a version; an error has its name."""
    try:
        artefact = parse(content)
        if not artefact.digest.startswith(version):
            raise ArtefactError(f"it is the model {artefact.digest[:12]}")
    except ArtefactError as error:
        raise ArtefactError(f"cannot use the model file {name}: {error}; copy it there again, roll back or promote "
                            f"another version") from None
    return artefact


def parse(content: bytes) -> Artefact:
    """Build an artefact from the content of a model file."""
    if len(content) > LARGEST_FILE:
        raise ArtefactError(f"it is larger than {LARGEST_FILE} bytes")
    return Artefact.from_plain(plain_pickle.read(content))


def save(artefact: Artefact, path: str | Path, facts: Mapping[str, Any]) -> Path | None:
    """Write the model file and its card, and return the path of the card; on an error both stay unchanged.

    The card is beside the name that is given, even if that is a link. A model in a device or pipe has no card.
    """
    path = Path(path)
    content, card = content_of(artefact), card_of(artefact, facts)
    try:
        parse(content)
        if is_stream(path):
            write_file(path, lambda file: file.write(content))
            return None
        card_path = path.with_suffix(".card.json")
        _replace_both(path, content, card_path, card)
    except (OSError, ValueError, ArtefactError) as error:  # ValueError: a path without a name, such as "."
        reason = getattr(error, "strerror", None) or error
        raise ArtefactError(f"cannot write the model file {path}: {reason}") from None
    return card_path


def content_of(artefact: Artefact) -> bytes:
    """Return the content of the model file: through JSON and back, so that equal values give equal bytes."""
    return plain_pickle.write(json.loads(json.dumps(artefact.to_plain(), sort_keys=True, allow_nan=False)))


def card_of(artefact: Artefact, facts: Mapping[str, Any]) -> bytes:
    """Return the content of the card, for people."""
    card = {**artefact.card, "features": list(artefact.features), "target": artefact.target,
            "sha256": artefact.digest, **facts}
    return json.dumps(card, indent=2).encode() + b"\n"


def card_beside(path: str | Path, digest: str) -> dict[str, Any]:
    """Read the card beside a model file, which is that of the model with this digest; empty for none."""
    card = Path(path).with_suffix(".card.json")
    try:
        return parse_card(str(card), _read(card), digest)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArtefactError(f"cannot read the card {card}: {error.strerror}; restore it from a copy, or move it away "
                            "to do without") from None


def parse_card(name: str, content: bytes, digest: str) -> dict[str, Any]:
    """Check that the content of a card is that of a model; an error names the card."""
    try:
        card = json.loads(content)
    except (ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        reason = "it is not a JSON object"
    elif card.get("sha256") != digest:
        reason = f"it is that of another model than {digest[:12]}"
    else:
        return card
    raise ArtefactError(f"cannot use the card {name}: {reason}; restore it from a copy, or move it away to do without")


def facts_of(artefact: Artefact, card: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of a card that are not in its model file."""
    known = {*artefact.card, "features", "target", "sha256"}
    return {name: value for name, value in card.items() if name not in known}


def _read(path: str | Path) -> bytes:
    """Read a file."""
    with open(path, "rb") as file:
        return file.read(LARGEST_FILE + 1)


def _champion_of(folder: Path) -> str:
    """Version in use of a folder of models."""
    from linear_regressor.artefact.promotion import champion_of  # most servers have a model file, and start sooner

    return champion_of(folder)


def _read_champion(folder: Path) -> bytes:
    """Read and check the model file of a folder's champion."""
    version = _champion_of(folder)
    path = folder / version / MODEL
    try:
        content = _read(path)
    except OSError as error:
        raise ArtefactError(f"cannot read the model file {path}: {error.strerror}; copy it there, roll back or promote "
                            f"another version") from None
    parse_version(str(path), version, content)
    return content


def _replace_both(path: Path, content: bytes, card_path: Path, card: bytes) -> None:
    """Replace the card once the new model is synced to disk; renaming the model is the last step."""
    old = card_path.read_bytes() if card_path.is_file() else None
    written = False

    def write(file: BinaryIO) -> None:
        nonlocal written
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        _write_card(card_path, card)
        written = True

    try:
        write_file(path, write)
    except OSError:
        # The last step failed: the file is a mount point, for example. The sync after it leaves the new model in place.
        if written and not (path.is_file() and path.read_bytes() == content):
            _restore(card_path, old)
        raise


def _write_card(path: Path, content: bytes) -> None:
    """Write the card; an error names it."""
    try:
        write_file(path, lambda file: file.write(content))
    except OSError as error:
        raise ArtefactError(f"its card {path} cannot be written: {error.strerror or error}") from None


def _restore(card_path: Path, old: bytes | None) -> None:
    """Put the old card back, or remove the new one."""
    if old is not None:
        _write_card(card_path, old)
    else:
        remove_file(card_path)
