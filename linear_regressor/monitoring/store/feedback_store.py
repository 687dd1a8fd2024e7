"""``FeedbackStore``: feedback rows in the order of their commits, and the blocks made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.cleaning.steps import Step, same_steps, steps_to_plain
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.monitoring.store.block_cutting import cut, interval_length
from linear_regressor.monitoring.store.database import VERSION, Database, Session
from linear_regressor.monitoring.store.feedback import Feedback, Outcome, Rows, StoredBlock
from linear_regressor.monitoring.store.group_commit import GroupCommit
from linear_regressor.monitoring.store.interval_misses import BlockKey, Intervals, key_of

# Rows that are read or deleted at a time.
PIECE_ROWS = 10_000

# The same key as an older row of equal values is not repetition: a request may have equal rows.
REPEATED = """
SELECT serial FROM (
    SELECT serial, request, FIRST_VALUE(request) OVER (PARTITION BY x, y ORDER BY serial) AS original
    FROM feedback_row) AS compared
WHERE request <> original AND serial > ?
"""
# Beside the features, where the store records them: programs that know no cleaning refuse such a store.
CLEANING = "cleaning"
INSERT_BLOCK = "INSERT INTO feedback_block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class StoreSummary(NamedTuple):
    """What ``store check`` shows."""

    version: str
    identity: str
    features: tuple[str, ...] | None
    target: str | None
    # rows that are not pruned, and the smallest and largest of their serial numbers; None without rows
    rows: int
    first: int | None
    last: int | None
    blocks: int
    # largest serial number of a closed block, 0 if there is none
    closed: int
    repeated: int


class _Recorded(NamedTuple):
    """What a store says about itself."""

    identity: str
    features: tuple[str, ...] | None
    target: str | None
    cleaning: tuple[Step, ...] = ()


class FeedbackStore:
    """Feedback in one database, used by many threads and processes.

    Errors are ``StoreError``, and ``StoreUnavailable`` while the database is down.
    """

    def __init__(self, database: Database) -> None:
        self.location = database.location
        self._database = database
        self._group = GroupCommit(f"the feedback store {self.location}", self._insert, self._database.inserting)
        # kept once the columns are recorded: from then on it never changes, until the store is replaced
        self._known: _Recorded | None = None
        # identity of the store whose columns were checked
        self._checked: str | None = None

    @property
    def identity(self) -> str:
        """Random id that ``store migrate`` gave the store."""
        return self._recorded().identity

    @property
    def features(self) -> tuple[str, ...] | None:
        """Names of the features, in order; None until they are recorded."""
        return self._recorded().features

    @property
    def target(self) -> str | None:
        """Name of the target; None until it is recorded."""
        return self._recorded().target

    @property
    def cleaning(self) -> tuple[Step, ...]:
        """Steps that the rows have passed."""
        return self._recorded().cleaning

    def require_columns(self, features: tuple[str, ...], target: str, cleaning: Sequence[Step] = ()) -> None:
        """Record what the rows consist of, once, and refuse other features, target or cleaning from then on."""
        if self._known is None:
            self._group.run(lambda: self._record(features, target, cleaning))
        known = self._known or self._recorded()  # a failure in another thread may have forgotten it
        if (known.features, known.target) == (features, target) and not same_steps(known.cleaning, cleaning):
            raise StoreError(f"the feedback store {self.location} has rows that were cleaned by other steps than those "
                             "of the model: use another store for this model")
        if (known.features, known.target) != (features, target):
            raise StoreError(f"the feedback store {self.location} has rows of {', '.join(known.features or ())} with "
                             f"{known.target}, not of {', '.join(features)} with {target}: use another store for "
                             "another model")
        self._checked = known.identity

    def add(self, feedback: Feedback) -> Outcome:
        """Store the rows of a request; return after the commit, which threads share."""
        _ = feedback.digest, feedback.row_bytes  # now, since all processes wait while a group is committed
        return self._group.add(feedback)

    def _insert(self, group: Sequence[Feedback]) -> list[Outcome]:
        """Commit requests whose columns were checked; after a failure they are checked anew."""
        if self._checked is None:  # another thread has failed since the columns were checked
            raise StoreUnavailable(f"the feedback store {self.location} must be checked again")
        try:
            return self._database.insert(group, self._checked)
        except StoreError:
            self._known = self._checked = None
            raise

    def close(self) -> None:
        """Close the connection of ``add``, which opens another if it is called again."""
        self._database.close()

    def last_serial(self) -> int:
        """Serial number of the newest row, 0 if there was none; no later commit has a smaller one."""
        newest = self._database.newest()
        with self._database.reading() as session:
            return max(newest, _closed(session))

    def numbered(self) -> int:
        """Largest serial number that was ever given, also to rows that are pruned; 0 if there is none."""
        return self._database.numbered()

    def continue_after(self, serial: int) -> None:
        """Close the blocks of all rows, and give new rows larger serial numbers than this one."""
        self.cut_blocks(whole=True)
        self._database.continue_after(serial)

    def cut_blocks(self, whole: bool = False) -> int:
        """Close blocks of the complete intervals of new rows; ``whole`` closes the remaining rows, too.

        Returns the last serial number of any closed block, which is the cut of a model that is made of them all.
        """
        recorded = self._recorded()
        if recorded.features is None:  # no row can have been stored
            return 0
        length, until = interval_length(len(recorded.features)), self._database.newest()
        with self._database.reading() as session:
            closed = _closed(session)
            repeated = {row[0] for row in session.all(REPEATED, closed)} if closed < until else set()
            pieces = _read(session, len(recorded.features), closed, until)
            for blocks in _in_portions(cut(pieces, length, whole, repeated, recorded.identity)):
                with self._database.changing() as job:
                    is_first = _closed(job) == closed  # else another job has closed these rows meanwhile
                    if is_first:
                        job.many(INSERT_BLOCK, map(_block_row, blocks))
                if not is_first:
                    return self.cut_blocks(whole)
                closed = blocks[-1].block.rows.last
        return closed

    def blocks(self, after: int = 0) -> list[StoredBlock]:
        """Return the closed blocks whose rows all come after a serial number, in order."""
        with self._database.reading() as session:
            return [_stored_block(row) for row in session.all(
                "SELECT * FROM feedback_block WHERE first > ? ORDER BY first, principal, model", after)]

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Rows]:
        """Yield the rows after a serial number up to another one, in pieces; pruned rows are missing."""
        until = self._database.newest() if until is None else until
        features = self._recorded().features
        if features is not None:
            with self._database.reading() as session:
                yield from _read(session, len(features), after, until)

    def outside(self, model: Artefact, after: int = 0) -> dict[BlockKey, int]:
        """Count the rows of each closed block that lie outside the model's own 90 % interval, and keep the counts.

        A block is missing if its rows were pruned before they were counted, or if the model has no such interval.
        """
        known, intervals = self._outside(model, after), Intervals.of(model)
        blocks = [stored.block for stored in self.blocks(after)]
        missing = [block.rows for block in blocks if key_of(block) not in known]
        if not missing or intervals is None:
            return known
        rows = self.rows(min(row.first for row in missing) - 1, max(row.last for row in missing))
        counted = {key: count for key, count in intervals.misses(rows, blocks).items() if key not in known}
        with self._database.changing() as session:
            session.many("INSERT INTO feedback_outside VALUES (?, ?, ?, ?, ?) "
                         "ON CONFLICT (monitored, first, principal, model) DO NOTHING",
                         [(model.digest, first, principal or "", answered, count)
                          for (first, principal, answered), count in counted.items()])
        return known | counted

    def repeated(self) -> int:
        """Number of rows that are equal to an older row under another key; of pruned rows if their block says so."""
        with self._database.reading() as session:
            return _repeated(session)

    def prune(self, before: datetime, model: Artefact) -> int:
        """Delete the rows of blocks that ended before a time, and return their number.

        The rows outside the intervals of the model in use are counted first.
        """
        self.cut_blocks()
        self.outside(model)
        time, deleted = before.timestamp(), 0
        with self._database.reading() as session:
            limit = session.all("SELECT COALESCE((SELECT MIN(first) - 1 FROM feedback_block WHERE until >= ?), "
                                "(SELECT MAX(last) FROM feedback_block), 0)", time)[0][0]
        while True:
            with self._database.changing() as session:
                chosen = session.all("SELECT serial, request FROM feedback_row WHERE serial <= ? "
                                     "ORDER BY serial LIMIT ?", limit, PIECE_ROWS)
                if not chosen:
                    break
                deleted += session.do("DELETE FROM feedback_row WHERE serial BETWEEN ? AND ?", chosen[0][0],
                                      chosen[-1][0])
                session.do("DELETE FROM feedback_request WHERE id BETWEEN ? AND ? AND NOT EXISTS "
                           "(SELECT 1 FROM feedback_row WHERE request = feedback_request.id)",
                           min(row[1] for row in chosen), max(row[1] for row in chosen))
        self._database.deleted()
        return deleted

    def summary(self) -> StoreSummary:
        """Summarise the store."""
        recorded = self._recorded()
        with self._database.reading() as session:
            rows, first, last = session.all("SELECT COUNT(*), MIN(serial), MAX(serial) FROM feedback_row")[0]
            blocks = session.all("SELECT COUNT(*) FROM feedback_block")[0][0]
            return StoreSummary(VERSION, *recorded[:3], rows, first, last, blocks, _closed(session), _repeated(session))

    def _recorded(self) -> _Recorded:
        """Read what the store says about itself."""
        if self._known is not None:
            return self._known
        with self._database.reading() as session:
            identity, features, target = session.all("SELECT identity, features, target FROM feedback_store")[0]
        columns = None if features is None else json.loads(features)
        steps = steps_from_plain(columns.pop(CLEANING)) if isinstance(columns, dict) else ()
        names = columns["features"] if isinstance(columns, dict) else columns
        recorded = _Recorded(identity, None if names is None else tuple(names), target, steps)
        if features is not None:
            self._known = recorded
        return recorded

    def _record(self, features: tuple[str, ...], target: str, cleaning: Sequence[Step]) -> None:
        """Record the columns unless they are recorded."""
        if self._recorded().features is None:
            with self._database.changing() as session:
                session.do("UPDATE feedback_store SET features = ?, target = ? WHERE features IS NULL",
                           json.dumps({"features": features, CLEANING: steps_to_plain(cleaning)} if cleaning else
                                      features), target)
            self._recorded()

    def _outside(self, model: Artefact, after: int) -> dict[BlockKey, int]:
        """Read the counts that are kept."""
        with self._database.reading() as session:
            return {(first, principal or None, answered): count for first, principal, answered, count in session.all(
                "SELECT first, principal, model, count FROM feedback_outside WHERE monitored = ? AND first > ?",
                model.digest, after)}


def _closed(session: Session) -> int:
    """Largest serial number of a closed block, 0 if there is none."""
    return int(session.all("SELECT COALESCE(MAX(last), 0) FROM feedback_block")[0][0])


def _repeated(session: Session) -> int:
    """Rows that repeat older ones: those of blocks as counted when they were closed, and those of later rows."""
    closed = session.all("SELECT COALESCE(SUM(repeated), 0) FROM feedback_block")[0][0]
    return int(closed) + len(session.all(REPEATED, _closed(session)))


def _read(session: Session, width: int, after: int, until: int) -> Iterator[Rows]:
    """Read rows in pieces, each by a statement of its own: a long one would keep the database from cleaning up."""
    while found := session.all(
            "SELECT serial, x, y, principal, model, received FROM feedback_row "
            "JOIN feedback_request ON feedback_request.id = feedback_row.request "
            "WHERE serial > ? AND serial <= ? ORDER BY serial LIMIT ?", after, until, PIECE_ROWS):
        serials, x, y, principals, models, received = zip(*found, strict=True)
        yield Rows(np.array(serials), np.frombuffer(b"".join(x), "<f8").reshape(-1, width).astype(np.float64),
                   np.array(y), np.array([name or None for name in principals], dtype=object),
                   np.array(models, dtype=object), np.array(received))
        after = serials[-1]


def _in_portions(intervals: Iterator[list[StoredBlock]]) -> Iterator[list[StoredBlock]]:
    """Put the blocks of many intervals together, which are then stored in one transaction."""
    portion: list[StoredBlock] = []
    for blocks in intervals:
        portion += blocks
        if len(portion) >= PIECE_ROWS:
            yield portion
            portion = []
    if portion:
        yield portion


def _block_row(stored: StoredBlock) -> tuple[Any, ...]:
    """Values of a block, in the order of the table."""
    rows, moments = stored.block.rows, stored.block.rows.moments
    numbers = np.concatenate([[moments.n], moments.m, moments.C.ravel()]).astype("<f8").tobytes()
    return (rows.first, rows.last, stored.block.principal or "", stored.block.model, numbers, stored.since.timestamp(),
            stored.until.timestamp(), stored.repeated, stored.digest)


def _stored_block(row: Sequence[Any]) -> StoredBlock:
    """Read a block."""
    first, last, principal, model, content, since, until, repeated, digest = row
    numbers = np.frombuffer(content, "<f8")
    size = int(np.sqrt(len(numbers)))  # 1 + k + k^2 numbers for k columns, which lies between k^2 and (k + 1)^2
    moments = Moments(numbers[0], numbers[1:size + 1], numbers[size + 1:].reshape(size, size))
    return StoredBlock(Block(Interval(first, last, moments, None), principal or None, model), digest,
                       datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC), repeated)
