"""``ModelReloader``: the served model, replaced when the model file changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import located, parse_file, read
from linear_regressor.errors import LinearRegressorError
from linear_regressor.serving.followed_file import FollowedFile
from linear_regressor.serving.predictor.predictor import Predictor

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKS = 1.0


class ModelReloader(FollowedFile[Predictor]):
    """Follows the model file, or a folder's champion; ``on_reload`` is told whether a changed model was taken."""

    def __init__(self, path: str | Path, make: Callable[[Artefact], Predictor],
                 on_reload: Callable[[bool], None]) -> None:
        super().__init__(path, read, lambda content: make(parse_file(path, content)), SECONDS_BETWEEN_CHECKS)
        self._on_reload = on_reload

    def located(self) -> Path:
        """Find the champion of a folder anew: the next one has another file."""
        return located(self.path)

    def replaced(self, previous: Predictor, value: Predictor) -> None:
        """Log and count the new model."""
        logger.info("replaced model %s by %s", previous.version, value.version)
        self._on_reload(True)

    def rejected(self, error: LinearRegressorError) -> None:
        """Log and count a model file that cannot be used."""
        logger.error("kept model %s: %s", self.current().version, error)
        self._on_reload(False)
