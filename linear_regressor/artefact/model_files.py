"""Load and save model files on this machine and in buckets, with the card beside each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from linear_regressor.artefact import file
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.model_location import BucketUrl, location_of
from linear_regressor.artefact.promotion import FOLDER
from linear_regressor.artefact.storage import open_bucket
from linear_regressor.errors import ArtefactError, ConflictError

SUFFIX = ".card.json"


def load(path: str | Path | BucketUrl) -> Artefact:
    """Read and check a model file, or the champion of a folder of models."""
    location = _location(path)
    return file.parse_file(str(location), _read(location)) if isinstance(location, BucketUrl) else file.load(location)


def save(artefact: Artefact, location: Path | BucketUrl, facts: Mapping[str, Any], replaces: str | None = None) -> None:
    """Write a model file and its card; see ``file.save``.

    In a bucket, where nothing can be locked, ``replaces`` is the digest of the only model that may be replaced.
    """
    if not isinstance(location, BucketUrl):
        file.save(artefact, location, facts)
        return
    content = file.content_of(artefact)
    file.parse(content)
    _put(content, file.card_of(artefact, facts), location, replaces)


def card_beside(path: str | Path | BucketUrl, digest: str) -> dict[str, Any]:
    """Read the card beside a model file, which is that of the model with this digest; empty for none."""
    location = _location(path)
    return _card(location, digest) if isinstance(location, BucketUrl) else file.card_beside(location, digest)


def is_model_file(path: str) -> bool:
    """Whether a path or URL is that of a model file; a folder of models has a history.

    A path that does not exist counts as a model file, a URL as a folder.
    """
    location = location_of(path)
    if not isinstance(location, BucketUrl):
        return not location.is_dir()
    return bool(location.name) and open_bucket(location.folder).find(location.name) is not None


def history_of(path: str, artefact: Artefact) -> ModelHistory | None:
    """The history that a model on this machine belongs to: of its folder of models, or of its version's file in one."""
    folder = Path(path)
    if not folder.is_dir():
        version = folder.absolute().parent
        folder = version.parent
        if version.name != artefact.digest[:12] or not (folder / FOLDER).is_dir():
            return None
    return ModelHistory.of(str(folder))


def require_bucket(url: BucketUrl) -> None:
    """Fail before any work if the bucket of a model to be written cannot be used."""
    open_bucket(url.folder).list()


def _read(url: BucketUrl) -> bytes:
    """Read a model file, or of a folder of models its champion, checked."""
    found = open_bucket(url.folder).find(url.name) if url.name else None
    if found is not None:
        return found.content
    history = ModelHistory.of(url)
    version = history.champion()
    if version is None:
        raise ArtefactError(f"cannot read the model file {url}: there is no such object, nor a folder of models with "
                            "a model in use; train one with 'linear-regressor train --model-save-path URL'")
    return history.content(version)


def _card(url: BucketUrl, digest: str) -> dict[str, Any]:
    """Read the card beside a model file, which is that of the model with this digest; empty for none."""
    place = url.with_suffix(SUFFIX)
    found = open_bucket(place.folder).find(place.name)
    return {} if found is None else file.parse_card(str(place), found.content, digest)


def _put(content: bytes, card_content: bytes, url: BucketUrl, replaces: str | None) -> None:
    """Put the card, then the model file; ``replaces`` is the digest of the only model that may be replaced.

    A reader of both compares the digest in the card, so it never takes the card of another model.
    """
    bucket, card_name, version = open_bucket(url.folder), url.with_suffix(SUFFIX).name, None
    if replaces is not None:
        old = bucket.find(url.name)
        if old is None or file.parse(old.content).digest != replaces:
            raise _conflict(url)
        version = old.version
    old_card = bucket.find(card_name)
    bucket.replace(card_name, card_content)
    try:
        if not bucket.replace(url.name, content, version):
            raise _conflict(url)
    except (ArtefactError, ConflictError):
        if old_card is not None:
            with suppress(ArtefactError):
                bucket.replace(card_name, old_card.content)
        raise


def _location(path: str | Path | BucketUrl) -> Path | BucketUrl:
    """Parse a text."""
    return location_of(path) if isinstance(path, str) else path


def _conflict(url: BucketUrl) -> ConflictError:
    """Another command was faster."""
    return ConflictError(f"{url} was replaced by another command meanwhile, so it was not changed; run the command "
                         "again")
