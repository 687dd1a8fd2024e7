"""``GroupCommit``: requests that arrive during a commit share the next one; there is no permanent thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TypeVar

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store.feedback import Feedback, Outcome

# How long a thread waits for the commit of others.
SECONDS_TO_WAIT = 5.0
# After a failure, others are rejected at once for this long, and then one of them tries again.
SECONDS_TO_PAUSE = 1.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


class _Entry:
    """A request that waits for its commit."""

    def __init__(self, feedback: Feedback) -> None:
        self.feedback = feedback
        self.outcome: Outcome | None = None
        self.error: StoreError | None = None

    @property
    def is_settled(self) -> bool:
        """Whether its commit has succeeded or failed."""
        return self.outcome is not None or self.error is not None


class GroupCommit:
    """Commits requests of many threads together, and spares threads a store that is down.

    The thread whose turn it is waits for the lock of all processes, and then commits all requests that have arrived
    meanwhile. While the store is down, at most one thread waits for it: the others are needed for predictions.
    """

    def __init__(self, name: object, commit: Callable[[Sequence[Feedback]], list[Outcome]],
                 locked: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._name, self._commit, self._locked = name, commit, locked
        self._waiting: deque[_Entry] = deque()
        self._using, self._noting = threading.Lock(), threading.Lock()
        self._failure, self._failed_at = "", 0.0

    def add(self, feedback: Feedback) -> Outcome:
        """Store the rows of a request; return after their commit."""
        entry = _Entry(feedback)
        self._waiting.append(entry)
        try:
            with self._turn():
                if not entry.is_settled:
                    with self._locked():
                        self._commit_all()
                if entry.error is not None:
                    raise type(entry.error)(str(entry.error))
        except BaseException:
            with suppress(ValueError):  # another thread may have taken it
                self._waiting.remove(entry)
            raise
        assert entry.outcome is not None  # nosec B101  # every entry of a group is settled
        return entry.outcome

    def run(self, work: Callable[[], T]) -> T:
        """Do other work with the store under the same rules."""
        with self._turn():
            result = work()
            self._note("")
        return result

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Use the store alone; raise at once while it is down."""
        if self._failure and time.monotonic() < self._failed_at + SECONDS_TO_PAUSE:
            raise StoreUnavailable(self._failure)
        if not self._using.acquire(timeout=0 if self._failure else SECONDS_TO_WAIT):
            error = StoreUnavailable(self._failure or f"{self._name} does not respond")
            self._note(str(error))
            raise error
        try:
            yield
        except StoreError as error:
            self._note(str(error))
            raise
        finally:
            self._using.release()

    def _commit_all(self) -> None:
        """Commit every request that waits now."""
        group = []
        while self._waiting:
            group.append(self._waiting.popleft())
        try:
            outcomes = self._commit([entry.feedback for entry in group])
        except BaseException as error:
            failure = error if isinstance(error, StoreError) else StoreError(f"{self._name} failed")
            for entry in group:
                entry.error = failure
            raise
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome
        self._note("")

    def _note(self, failure: str) -> None:
        """Remember whether the store works; a change is one line of the log."""
        with self._noting:
            before, self._failure, self._failed_at = self._failure, failure, time.monotonic()
        if failure and not before:
            logger.error("feedback is rejected: %s", failure)
        elif before and not failure:
            logger.warning("feedback is stored again: %s responds", self._name)
