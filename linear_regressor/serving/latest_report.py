"""``LatestReport``: the monitoring report of the served model, made in a thread and shared by all workers."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linear_regressor.errors import LinearRegressorError
from linear_regressor.output_file import write_file
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.served_traffic import ServedTraffic
from linear_regressor.serving.schema.encode import Json

if TYPE_CHECKING:
    from linear_regressor.monitoring.report import MonitoringReport
    from linear_regressor.monitoring.store.feedback_store import FeedbackStore

# Age up to which a report is not made again, for a request that asks for it and for a scrape.
SECONDS_FRESH, SECONDS_BETWEEN_SCRAPES = 5.0, 60.0
# How long a request waits for a report. One request of a worker waits at a time, so that the others can predict.
SECONDS_TO_WAIT = 2.0
# Of a report that cannot be made, until the next attempt.
SECONDS_AFTER_FAILURE = 5.0
FILE, LOCK = "monitoring.json", "monitoring.lock"

ONE_INSTANCE = ("this report is of one instance: its own traffic, and feedback that was sent to it; with STORE in "
                "PostgreSQL it has the feedback of all instances")
SHARED_STORE = "the feedback is that of all instances, the traffic that of this one"

logger = logging.getLogger(__name__)


class LatestReport:
    """Makes reports on request. Workers share the newest by a file in their folder, and make one at a time."""

    def __init__(self, model_path: str, traffic: ServedTraffic, store: FeedbackStore | None,
                 folder: str | None) -> None:
        self._model_path, self._traffic, self._store = model_path, traffic, store
        self._folder = Path(folder) if folder else None
        self._known: Json | None = None
        self._signature: tuple[int, int] | None = None
        self._maker: threading.Thread | None = None
        self._starting, self._waiting = threading.Lock(), threading.Lock()
        self._failed_at, self._failure = -SECONDS_AFTER_FAILURE, ""

    def last(self, predictor: Predictor) -> Json | None:
        """The newest report on a model by any worker; waits for no database."""
        self._read()
        known = self._known
        return known if known is not None and known["model"] == predictor.artefact.digest else None

    def for_scrape(self, predictor: Predictor) -> Json | None:
        """The newest report; a new one is begun if it is older than a minute."""
        known = self.last(predictor)
        if _age(known) > SECONDS_BETWEEN_SCRAPES:
            self._begin(predictor)
        return known

    def fresh(self, predictor: Predictor) -> Json | None:
        """A report that is a few seconds old at most; an older one, or None, if it takes too long or fails."""
        known = self.last(predictor)
        if _age(known) > SECONDS_FRESH and self._waiting.acquire(blocking=False):
            try:
                maker = self._begin(predictor)
                if maker is not None:
                    maker.join(SECONDS_TO_WAIT)
            finally:
                self._waiting.release()
        return self.last(predictor)

    def _begin(self, predictor: Predictor) -> threading.Thread | None:
        """Start the thread that makes the report, unless it runs or has just failed."""
        with self._starting:
            if self._maker is not None and self._maker.is_alive():
                return self._maker
            if time.monotonic() - self._failed_at < SECONDS_AFTER_FAILURE:
                return None
            maker = threading.Thread(target=self._make, args=(predictor,), daemon=True)
            with suppress(RuntimeError):  # no more threads: the next request tries again
                maker.start()
                self._maker = maker
            return self._maker

    def _make(self, predictor: Predictor) -> None:
        """Make the report, unless another worker does; a failure is logged once."""
        try:
            with self._alone():
                if _age(self.last(predictor)) > SECONDS_FRESH:
                    self._publish(self._observed(predictor).to_plain())
            self._failure = ""
        except (LinearRegressorError, OSError) as error:
            self._fail(str(error), None)
        except Exception as error:  # of any kind: this thread serves monitoring only
            self._fail(repr(error), error)

    def _observed(self, predictor: Predictor) -> MonitoringReport:
        """Read store, traffic and promotions."""
        # Not at the top: a server starts sooner without them.
        from linear_regressor.artefact.lineage import Lineage
        from linear_regressor.artefact.model_files import history_of
        from linear_regressor.artefact.promotion import Promotions
        from linear_regressor.artefact.provenance import Provenance
        from linear_regressor.monitoring.observe import observe
        from linear_regressor.monitoring.report import LAST_ANCESTORS

        artefact = predictor.artefact
        lineage, promotions = Lineage.of(artefact), Promotions()
        history = history_of(self._model_path, artefact)
        if history is not None:
            promotions = history.promotions()
            if promotions.champion == predictor.version:
                lineage = history.lineage(promotions, artefact)
        shared = self._store is not None and self._store.location.kind == "postgresql"
        report = observe(artefact, lineage, self._store, self._traffic.merged(predictor), promotions=promotions,
                         notes=(SHARED_STORE if shared else ONE_INSTANCE,))
        return report.traced(
            lambda: Provenance.in_use(self._model_path, artefact, history, promotions, LAST_ANCESTORS))

    def _publish(self, report: Json) -> None:
        """Keep a report, and write it for the other workers."""
        if self._folder is None:
            self._known = report
        else:
            content = json.dumps(report, allow_nan=False).encode()
            write_file(self._folder / FILE, lambda file: file.write(content))

    def _read(self) -> None:
        """Read what another worker has written since the last time."""
        if self._folder is None:
            return
        with suppress(OSError):  # nothing was written yet, or the server ends
            status = os.stat(self._folder / FILE)
            signature = status.st_ino, status.st_mtime_ns
            if signature != self._signature:
                self._known = json.loads((self._folder / FILE).read_bytes())
                self._signature = signature

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of all workers."""
        if self._folder is None:
            yield
            return
        handle = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _fail(self, failure: str, error: Exception | None) -> None:
        """Log a new reason, and wait before the next attempt."""
        self._failed_at = time.monotonic()
        if failure != self._failure:
            self._failure = failure
            logger.error("the monitoring report cannot be made: %s", failure, exc_info=error)


def _age(report: dict[str, Any] | None) -> float:
    """Seconds since a report was made; infinite for none, and for one of the future, whose clock was wrong."""
    age = -1.0 if report is None else time.time() - datetime.fromisoformat(report["made"]).timestamp()
    return age if age >= 0.0 else float("inf")
