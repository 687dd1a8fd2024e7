"""``ModelSlot``: the place of the model that is served now, which follows the model file."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.errors import ArtefactError
from linear_regressor.serving.predictor.predictor import Predictor

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0

FileSignature = tuple[int, int, int]


class ModelReloader:
    """Holds the served model and takes a new one when the file at its path has changed.

    It looks when a request asks for the model, at most once a second: no thread, no CPU while nobody calls. One request
    loads the new file while others go on with the old model; a file that cannot be used changes nothing.
    """

    def __init__(self, path: str | Path, make: Callable[[Artefact], Predictor],
                 on_reload: Callable[[Predictor, bool], None] = lambda predictor, taken: None) -> None:
        self.path, self._make, self._on_reload = Path(path), make, on_reload
        self._seen = self._signature()
        self._predictor = make(load(path))
        self._look_again = time.monotonic() + SECONDS_BETWEEN_LOOKS
        self._looking = threading.Lock()

    def current(self) -> Predictor:
        """Give the model to answer one request with."""
        if time.monotonic() >= self._look_again and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._look_again = time.monotonic() + SECONDS_BETWEEN_LOOKS
                self._looking.release()
        return self._predictor

    def _look(self) -> None:
        """Take the file if it is another one than last seen."""
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            new = self._make(load(self.path))
        except ArtefactError as error:
            logger.error("kept model %s: %s", self._predictor.version, error)
            self._on_reload(self._predictor, False)
            return
        logger.info("model %s takes the place of %s", new.version, self._predictor.version)
        self._predictor = new
        self._on_reload(new, True)

    def _signature(self) -> FileSignature | None:
        """What tells one file from another without reading it; None where there is none."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
