"""``ServedTraffic``: the traffic of all workers, and the recorder of each model in this one."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from functools import reduce
from operator import add
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import WorkerFiles, load_folder
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.row_events import RowEvents
from linear_regressor.serving.predictor.traffic_recorder import TrafficRecorder
from linear_regressor.serving.settings import TrafficSettings

# A model that was replaced answers no request that began longer ago.
SECONDS_UNTIL_RELEASED = 60.0

logger = logging.getLogger(__name__)


class ServedTraffic:
    """Gives each model its recorder, and writes what they record to a folder, if there is one.

    A thread that a request starts writes and ends; while a file system does not answer, there is one such thread.
    """

    def __init__(self, settings: TrafficSettings, shared_folder: str | None) -> None:
        folder = settings.folder or shared_folder
        self._settings, self._folder = settings, Path(folder) if folder else None
        # the newest model last
        self._recorders: dict[str, TrafficRecorder] = {}
        self._saving, self._choosing = threading.Lock(), threading.Lock()
        self._is_reported = False

    def recorder(self, artefact: Artefact) -> TrafficRecorder:
        """Return the recorder of a model, which is served from now on."""
        with self._choosing:
            recorder = self._recorders.pop(artefact.digest, None) or self._make_recorder(artefact)
            self._recorders[artefact.digest] = recorder
        return recorder

    def merged(self, predictor: Predictor) -> TrafficFile:
        """Add up the traffic of a model over all workers; that of others is at most a second old."""
        recorder = self.recorder(predictor.artefact) if predictor.traffic is None else predictor.traffic
        state = recorder.settle()
        own = state.closed + state.current
        if self._folder is None:
            return own
        try:
            others = load_folder(self._folder, own.model, besides=[recorder.file_name])
        except ArtefactError:  # nothing was written yet
            others = []
        return reduce(add, others, own)

    def save(self) -> None:
        """Write what this worker has recorded, now."""
        if self._folder is None:
            return
        with self._saving:
            for digest, recorder in list(self._recorders.items()):
                recorder.settle()
                self._save_one(digest, recorder)
                if self._is_given_up(digest, recorder):
                    recorder.release()

    def _make_recorder(self, artefact: Artefact) -> TrafficRecorder:
        share, features = self._settings.events_sample, self._settings.events_features == "on"
        events = (RowEvents(share, artefact.features if features else None, artefact.digest[:12])
                  if share and self._folder is not None else None)
        return TrafficRecorder(artefact, events, self._save_soon)

    def _is_given_up(self, digest: str, recorder: TrafficRecorder) -> bool:
        """Give up the recorder of a model that was replaced long ago; return whether that was done."""
        with self._choosing:  # the model may be coming back right now
            is_over = digest != next(reversed(self._recorders)) and recorder.seconds_idle > SECONDS_UNTIL_RELEASED
            if is_over:
                del self._recorders[digest]
        return is_over

    def _save_one(self, digest: str, recorder: TrafficRecorder) -> None:
        folder = self._folder
        if folder is None or not recorder.has_news:
            return
        try:
            recorder.save(lambda: WorkerFiles(folder, digest))
        except OSError as error:
            if not self._is_reported:
                self._is_reported = True
                logger.error("traffic is kept in memory until it can be written to %s: %s", folder, error.strerror)
        except Exception:  # of any kind: this thread serves monitoring only
            if not self._is_reported:
                self._is_reported = True
                logger.exception("writing traffic failed; further failures of this kind are not logged")

    def _save_soon(self) -> None:
        """Save in a thread, so that no request waits for a file system; skipped while an earlier one is at it."""
        if self._folder is not None and not self._saving.locked():
            with suppress(RuntimeError):  # no more threads: the next second tries again
                threading.Thread(target=self.save, daemon=True).start()
