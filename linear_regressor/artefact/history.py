"""``ModelHistory``: all versions of a model, and the promotions that say which one is in use.

::

    models/linear-regressor/                    a folder, or gs://bucket/path or s3://bucket/path
        526641b126b9/model.joblib               a version: the first 12 digits of the model's digest
        526641b126b9/model.card.json
        promotions/000001.json                  a decision: when, who, from, to, why

Nothing is ever changed: a version or a promotion is created with its whole content, and only if it is absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import CARD, MODEL, card_of, content_of, facts_of, parse_card, parse_version
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.model_location import BucketUrl
from linear_regressor.artefact.promotion import FOLDER, VERSION, Promotion, Promotions, name_of, number_of
from linear_regressor.artefact.storage import Storage, open_storage
from linear_regressor.errors import ArtefactError, ConflictError


class ModelHistory:
    """The versions and promotions of one model."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @classmethod
    def of(cls, location: str | BucketUrl) -> ModelHistory:
        """Open a local folder, ``gs://bucket/path`` or ``s3://bucket/path``, which need not exist yet."""
        return cls(open_storage(location))

    @property
    def name(self) -> str:
        """Its path or URL, for messages."""
        return self._storage.name

    def versions(self) -> list[str]:
        """Names of all versions, sorted."""
        return [name for name in self._storage.list() if VERSION.fullmatch(name)]

    def add(self, artefact: Artefact, facts: Mapping[str, Any]) -> str:
        """Add a model as a version, with further facts in its card, and return its name."""
        version, content = artefact.digest[:12], content_of(artefact)
        if not self._storage.create_folder(version, {CARD: card_of(artefact, facts), MODEL: content}):
            if self.load(version).digest != artefact.digest:
                raise ArtefactError(f"{self._path(version)} is another model whose digest begins alike")
        return version

    def load(self, version: str) -> Artefact:
        """Read and check a version."""
        return parse_version(self._path(f"{version}/{MODEL}"), version, self._read_model(version))

    def content(self, version: str) -> bytes:
        """Read the content of the model file of a version, and check it."""
        content = self._read_model(version)
        parse_version(self._path(f"{version}/{MODEL}"), version, content)
        return content

    def _read_model(self, version: str) -> bytes:
        """Read the model file of a version."""
        try:
            return self._storage.read(f"{version}/{MODEL}")
        except ArtefactError:
            if version in self.versions():
                raise
            raise ArtefactError(f"{self.name} has no version {version}; 'linear-regressor models list' prints "
                                "them") from None

    def promotions(self) -> Promotions:
        """Read all decisions, in order."""
        names = self._storage.list(FOLDER)
        numbers = sorted(number for name in names if (number := number_of(name)) is not None)
        for expected, number in enumerate(numbers, 1):
            if number != expected:
                missing = self._path(f"{FOLDER}/{name_of(expected)}")
                raise ArtefactError(f"{missing} is missing, but later ones exist; restore it from a copy")
        return Promotions(map(self._promotion, numbers))

    def promote(self, promotion: Promotion) -> Promotion:
        """Record a decision that follows those it was made from; a ConflictError if another one came first."""
        path = f"{FOLDER}/{name_of(promotion.number)}"
        if not self._storage.create(path, promotion.to_json()):
            raise ConflictError(f"{self._path(path)} exists: somebody else promoted a model or rolled back meanwhile, "
                                f"so nothing was changed; run the command again to decide anew")
        return promotion

    def champion(self) -> str | None:
        """The version in use; None for none."""
        return self.promotions().champion

    def challenger(self) -> str | None:
        """The version that was judged last and not taken; None if that was before the last change."""
        return self.promotions().challenger

    def lineage(self, promotions: Promotions, artefact: Artefact) -> Lineage:
        """Lineage of the champion since its promotion, which may have looked at more feedback than it learned from."""
        own = Lineage.of(artefact)
        if not promotions:
            return own
        last = promotions[-1]
        return replace(own, store=last.store, cut=last.cut, generation=max(last.generation, 1))

    def facts(self, version: str) -> dict[str, Any]:
        """What was added to the card of a version."""
        path = f"{version}/{CARD}"
        artefact, content = self.load(version), self._storage.read(path)
        try:
            return facts_of(artefact, json.loads(content))
        except (ValueError, AttributeError):
            raise ArtefactError(f"cannot use {self._path(path)}: it is not a JSON object") from None

    def card(self, version: str, digest: str) -> dict[str, Any]:
        """Read the card of a version, which is that of the model with this digest; empty for none."""
        if CARD not in self._storage.list(version):
            return {}
        path = f"{version}/{CARD}"
        return parse_card(self._path(path), self._storage.read(path), digest)

    def file_of(self, version: str) -> str:
        """Path or URL of the model file of a version."""
        return self._path(f"{version}/{MODEL}")

    def _promotion(self, number: int) -> Promotion:
        """Read a decision."""
        path = f"{FOLDER}/{name_of(number)}"
        content = self._storage.read(path)
        try:
            promotion = Promotion.from_json(content)
            if promotion.number != number:
                raise ArtefactError(f"it has the number {promotion.number}")
        except ArtefactError as error:
            raise ArtefactError(f"cannot use {self._path(path)}: {error}; restore it from a copy") from None
        return promotion

    def _path(self, path: str) -> str:
        """Path or URL of an object, for messages."""
        return f"{self.name.rstrip('/')}/{path}"
