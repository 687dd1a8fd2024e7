"""The feedback store: every row once, in the order of its commit, in blocks that never change."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.block import intervals, since_cut
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback, Rows
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.training.config import quantile_table
from tests.applications import artefact_of

Open = Callable[[StoreLocation], FeedbackStore]

FEATURES, TARGET = ("x0", "x1"), "y"
LENGTH = 50  # rows of an interval
OLD, NOW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def location(tmp_path: Path) -> StoreLocation:
    """An empty store, which another module runs these tests on in PostgreSQL."""
    location = StoreLocation.parse(f"sqlite:///{tmp_path}/feedback.db")
    migrate(location)
    return location


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open stores, which are closed after the test."""
    with ExitStack() as stores:
        yield lambda location: stores.enter_context(closing(open_store(location)))


@pytest.fixture
def store(location: StoreLocation, opened: Open) -> FeedbackStore:
    """A store for rows of two features."""
    store = opened(location)
    store.require_columns(FEATURES, TARGET)
    return store


@pytest.fixture
def send(store: FeedbackStore, random: np.random.Generator) -> Callable[..., Feedback]:
    """Add random rows under a new key."""
    keys = iter(range(1_000_000))

    def add(rows: int, principal: str | None = None, model: str = "m1", received: datetime = NOW) -> Feedback:
        X = random.normal(size=(rows, 2))
        feedback = Feedback(X, X @ [2.0, 3.0] + 0.5 + random.normal(size=rows), f"key {next(keys)}", principal, model,
                            received.timestamp())
        assert "stored" == store.add(feedback)
        return feedback

    return add


def all_rows(store: FeedbackStore) -> Rows:
    """Read the whole store, in one piece."""
    pieces = list(store.rows())
    names = ("serials", "X", "y", "principals", "models", "received")
    return Rows(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))


def test_rows_come_back_exactly_and_in_order(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """With caller, model and time; the digits of float64 stay."""
    sent = [send(3, "ann"), send(1, None, "m2", OLD), send(20, "bob")]

    rows = all_rows(store)

    assert np.array_equal(np.concatenate([feedback.X for feedback in sent]), rows.X)
    assert np.array_equal(np.concatenate([feedback.y for feedback in sent]), rows.y)
    assert ["ann"] * 3 + [None] + ["bob"] * 20 == rows.principals.tolist()
    assert ["m1"] * 3 + ["m2"] + ["m1"] * 20 == rows.models.tolist()
    assert {3: OLD.timestamp()} == {row: time for row, time in enumerate(rows.received) if time != NOW.timestamp()}
    assert (np.diff(rows.serials) > 0).all() and rows.serials[-1] == store.last_serial()
    part = next(iter(store.rows(int(rows.serials[1]), int(rows.serials[4]))))
    assert rows.serials[2:5].tolist() == part.serials.tolist()


def test_a_request_that_is_sent_again_is_stored_once(store: FeedbackStore) -> None:
    """The key belongs to its caller; other rows under it are a conflict and change nothing."""
    X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])
    first = Feedback(X, y, "k", "ann", "m1")

    assert ["stored", "repeated"] == [store.add(first), store.add(first)]
    assert "repeated" == store.add(Feedback(X, y, "k", "ann", "m2")), "a retry after a promotion"
    for other in (Feedback(X + 1, y, "k", "ann", "m1"), Feedback(X, y + 1, "k", "ann", "m1"),
                  Feedback(X[:1], y[:1], "k", "ann", "m1"),
                  Feedback(np.vstack([X, X]), np.concatenate([y, y]), "k", "ann", "m1")):
        assert "conflict" == store.add(other)
    assert ["stored", "stored"] == [store.add(Feedback(X, y, "k", who, "m1")) for who in ("bob", None)]
    assert 6 == store.summary().rows


def test_equal_requests_at_the_same_time_are_stored_once(location: StoreLocation, opened: Open,
                                                         store: FeedbackStore) -> None:
    """In threads of one process, and in two that do not share a group."""
    stores, outcomes = [store, opened(location)], list[str]()
    stores[1].require_columns(FEATURES, TARGET)
    start = threading.Barrier(8)

    def send(store: FeedbackStore) -> None:
        for key in range(10):
            start.wait()
            outcomes.append(store.add(Feedback(np.full((3, 2), float(key)), np.zeros(3), f"{key}", "ann", "m1")))

    threads = [threading.Thread(target=send, args=(stores[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(stored=10, repeated=70) == Counter(outcomes)
    assert 30 == store.summary().rows


def test_blocks_divide_the_rows_by_interval_caller_and_model(store: FeedbackStore,
                                                             send: Callable[..., Feedback]) -> None:
    """The intervals are the same for all; their moments are those of the rows."""
    for _ in range(30):
        send(3, "ann"), send(2, "bob"), send(2, "ann", "m2"), send(1)
    rows = all_rows(store)

    cut = store.cut_blocks()

    blocks = [stored.block for stored in store.blocks()]
    assert 240 // LENGTH * 4 == len(blocks)
    assert rows.serials[199] == cut == blocks[-1].rows.last
    assert [1, *(int(rows.serials[end]) + 1 for end in (49, 99, 149))] == [one.first for one in intervals(blocks)]
    for block in blocks:
        chosen = rows.chosen((rows.serials >= block.rows.first) & (rows.serials <= block.rows.last)
                             & (rows.principals == block.principal) & (rows.models == block.model))
        assert Moments.from_arrays(chosen.X, chosen.y) == block.rows.moments
    total = reduce(Moments.__add__, [block.rows.moments for block in blocks])
    assert 200 == total.n
    np.testing.assert_allclose(total.C, Moments.from_arrays(rows.X[:200], rows.y[:200]).C, rtol=1e-12)


def test_closed_blocks_never_change(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """Late rows go into the open interval; the whole tail can be closed; nothing closes twice."""
    send(60)
    store.cut_blocks()
    before = [stored.digest for stored in store.blocks()]
    send(10, received=OLD)

    assert store.cut_blocks() == store.blocks()[-1].block.rows.last
    assert before == [stored.digest for stored in store.blocks()]
    cut = store.cut_blocks(whole=True)
    assert store.last_serial() == cut
    assert [LENGTH, 20] == [stored.block.rows.moments.n for stored in store.blocks()]
    assert before == [stored.digest for stored in store.blocks()][:1]
    send(LENGTH)
    store.cut_blocks(whole=True)
    assert cut + 1 == store.blocks(cut)[0].block.rows.first
    assert [1] == [len(since_cut([stored.block for stored in store.blocks()], cut))]


def test_jobs_that_cut_at_the_same_time_agree(location: StoreLocation, opened: Open, store: FeedbackStore,
                                              send: Callable[..., Feedback]) -> None:
    """Each block is closed once."""
    for _ in range(40):
        send(10)
    threads = [threading.Thread(target=opened(location).cut_blocks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [LENGTH] * 8 == [stored.block.rows.moments.n for stored in store.blocks()]


def test_an_interval_has_more_rows_than_the_model_has_weights(location: StoreLocation, opened: Open,
                                                              random: np.random.Generator) -> None:
    """With 60 features, 61 rows."""
    store = opened(location)
    store.require_columns(tuple(f"x{number}" for number in range(60)), TARGET)
    X = random.normal(size=(130, 60))
    store.add(Feedback(X, X.sum(axis=1), "k", None, "m1"))

    store.cut_blocks()

    assert [61, 61] == [stored.block.rows.moments.n for stored in store.blocks()]


@pytest.mark.parametrize("seed", range(4))
def test_an_exact_line_does_not_miss_by_rounding_errors(store: FeedbackStore, seed: int) -> None:
    """A conversion of units has no errors, so its intervals have no width; other rows are outside all the same."""
    random = np.random.default_rng(seed)
    W, b = np.array([1.8, 2.54]), 32.0
    X, new = random.normal(3.0, 100.0, size=(100, 2)), random.normal(3.0, 100.0, size=(100, 2))
    moments = Moments.from_arrays(X, X @ W + b)
    model = replace(artefact_of(2), moments=moments, W=moments.solve()[0], b=moments.solve()[1],
                    quantiles=quantile_table(100, 2))
    store.add(Feedback(new, new @ W + b, "exact", None, "m"))
    store.add(Feedback(new, new @ W + b + random.normal(size=100), "not", None, "m"))
    store.cut_blocks()
    assert [0, 0, LENGTH, LENGTH] == [count for _, count in sorted(store.outside(model).items())]


def test_rows_outside_are_those_of_the_monitored_model(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """Its own 90 % interval at each row, whichever model answered."""
    model = artefact_of(2)
    send(70, "ann"), send(60, "bob", "m2")
    store.cut_blocks()
    rows = all_rows(store)
    t = model.quantiles["t"][model.quantiles["levels"].index(0.9)]
    low, high = FitStatistics(model.moments, model.W, model.b).at(rows.X).interval(t)
    out = (rows.y < low) | (rows.y > high)

    counts = store.outside(model)

    blocks = [stored.block for stored in store.blocks()]
    assert {(block.rows.first, block.principal, block.model) for block in blocks} == set(counts)
    for block in blocks:
        mask = ((rows.serials >= block.rows.first) & (rows.serials <= block.rows.last)
                & (rows.principals == block.principal))
        assert out[mask].sum() == counts[block.rows.first, block.principal, block.model]
    assert 0 < sum(counts.values()) < 100
    assert counts != store.outside(replace(model, b=model.b + 3.0))
    later = blocks[-1].rows.first
    assert {key for key in counts if key[0] >= later} == set(store.outside(model, later - 1))


def test_counts_continue_where_some_are_kept(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """Old and new blocks, and blocks between counted ones."""
    model = artefact_of(2)
    for _ in range(3):
        send(50)
    store.cut_blocks()
    after = store.blocks()[0].block.rows.last
    later = store.outside(model, after)

    counts = store.outside(model)

    assert 3 == len(counts) and later == {key: count for key, count in counts.items() if key[0] > after}
    fresh = artefact_of(2, seed=1)
    assert store.outside(fresh) == store.outside(fresh)


def test_pruning_keeps_moments_and_counts(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """Only rows of closed blocks that ended before the time are deleted."""
    model = artefact_of(2)
    first = send(60, "ann", received=OLD)
    send(30, "bob", received=OLD), send(20, "bob", received=NOW), send(100, received=NOW)

    assert 50 == store.prune(NOW, model)

    blocks, counts = [stored.digest for stored in store.blocks()], store.outside(model)
    assert 160 == len(all_rows(store)) == store.summary().rows
    assert 50 == all_rows(store).serials[0] - 1
    assert "repeated" == store.add(first), "ten rows of the request are still there"
    assert 150 == store.prune(NOW + timedelta(days=1), model)
    assert (blocks, counts) == ([stored.digest for stored in store.blocks()], store.outside(model))
    assert 10 == store.summary().rows and len(blocks) == len(counts)
    assert {} == store.outside(artefact_of(2, seed=1)), "these rows can no longer be counted"
    assert 0 == store.prune(NOW + timedelta(days=1), model)


def test_serial_numbers_are_never_used_again(store: FeedbackStore, send: Callable[..., Feedback]) -> None:
    """Not even when every row was pruned."""
    send(30, received=OLD)
    last = store.cut_blocks(whole=True)
    assert 30 == store.prune(NOW, artefact_of(2)) and 0 == store.summary().rows

    assert last == store.last_serial()
    send(1)
    assert store.last_serial() > last


def test_numbering_continues_after_rows_that_a_backup_lacks(store: FeedbackStore,
                                                            send: Callable[..., Feedback]) -> None:
    """Also in an empty store; numbers never become smaller."""
    assert 0 == store.numbered()
    store.continue_after(100)
    assert 100 == store.numbered() and 0 == store.last_serial()
    send(60)
    store.continue_after(120)

    assert 160 == store.numbered() and (101, 160) == store.summary()[5:7]
    store.continue_after(200)
    send(40)
    assert list(range(101, 161)) + list(range(201, 241)) == all_rows(store).serials.tolist()
    assert 240 == store.cut_blocks(whole=True)
    rows = [stored.block.rows for stored in store.blocks()]
    assert [(101, 150), (151, 160), (201, 240)] == [(interval.first, interval.last) for interval in rows]
    store.prune(NOW + timedelta(days=1), artefact_of(2))
    assert 240 == store.numbered()


def test_equal_rows_under_other_keys_are_reported(store: FeedbackStore) -> None:
    """Not equal rows of one request; those of pruned rows stay counted."""
    X, y = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]]), np.array([1.0, 1.0, 4.0])
    old = OLD.timestamp()
    store.add(Feedback(X, y, "a", "ann", "m1", old))
    assert 0 == store.repeated()

    store.add(Feedback(X[[0, 2]], y[[0, 2]], "b", "ann", "m1", old))
    store.add(Feedback(X[:2] * -1 * [0.0, -1.0], y[:2], "c", "bob", "m1", old))  # the 0 is a negative one
    assert 4 == store.repeated()
    store.cut_blocks(whole=True)
    assert [2, 2] == [stored.repeated for stored in store.blocks()]
    assert 4 == store.repeated()
    store.prune(NOW, artefact_of(2))
    assert 4 == store.repeated()


def test_a_store_belongs_to_its_columns(location: StoreLocation, opened: Open, store: FeedbackStore) -> None:
    """Whoever opens it later."""
    again = opened(location)
    again.require_columns(FEATURES, TARGET)

    for features, target in ((FEATURES[::-1], TARGET), (FEATURES[:1], TARGET), (FEATURES, "z")):
        for one in (store, again, opened(location)):
            with pytest.raises(StoreError, match="has rows of x0, x1 with y, not of .*: use another store"):
                one.require_columns(features, target)
    assert (FEATURES, TARGET) == (opened(location).features, opened(location).target)
    assert 32 == len(store.identity) and store.identity == opened(location).identity


def test_block_digests_differ_between_stores(location: StoreLocation, opened: Open, tmp_path: Path,
                                             random: np.random.Generator) -> None:
    """The same rows in another store are other blocks, and an empty store has none."""
    other = StoreLocation.parse(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    X, digests = random.normal(size=(50, 2)), []
    for one in (location, other):
        store = opened(one)
        assert ([], 0, 0) == (store.blocks(), store.cut_blocks(True), store.last_serial())
        store.require_columns(FEATURES, TARGET)
        store.add(Feedback(X, X.sum(axis=1), "k", None, "m1"))
        store.cut_blocks()
        digests += [stored.digest for stored in store.blocks()]

    assert 2 == len(digests) == len(set(digests))


def test_rows_never_go_to_a_deleted_file(tmp_path: Path) -> None:
    """Rows in a file without a name are lost; the file that follows it must have the columns first."""
    url = f"sqlite:///{tmp_path}/replaced.db"
    location, feedback = StoreLocation.parse(url), Feedback(np.ones((3, 2)), np.ones(3), "k", None, "m1")
    migrate(location)
    with closing(open_store(location)) as store:
        store.require_columns(FEATURES, TARGET)
        assert "stored" == store.add(feedback)
        for path in tmp_path.glob("replaced.db*"):
            path.unlink()
        with pytest.raises(StoreError, match="does not exist"):
            store.add(feedback)

    with closing(open_store(location)) as store:
        migrate(location)
        store.require_columns(FEATURES, TARGET)
        assert "stored" == store.add(feedback)
        migrate(StoreLocation.parse(f"sqlite:///{tmp_path}/other.db"))
        for path in tmp_path.glob("replaced.db*"):
            path.unlink()
        (tmp_path / "other.db").rename(tmp_path / "replaced.db")
        with pytest.raises(StoreUnavailable, match="has been replaced by another one"):
            store.add(feedback)
    assert open_store(location).features is None


def test_rows_of_a_group_are_stored_in_order(store: FeedbackStore, random: np.random.Generator) -> None:
    """Requests of any size, in one transaction, among them repeated and conflicting ones; to the bit."""
    def request(key: str, rows: int) -> Feedback:
        return Feedback(random.normal(size=(rows, 2)), random.normal(size=rows), key, None, "m")

    new = [request(str(rows), rows) for rows in (1, 127, 128, 3, 300, 2)]
    group = [new[0], new[0], *new[1:3], request("127", 1), *new[3:]]

    assert ["stored", "repeated", "stored", "stored", "conflict", *["stored"] * 3] == store._insert(group)
    found = list(store.rows())
    for name in ("X", "y"):
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in new]),
                                      np.concatenate([getattr(piece, name) for piece in found]))
    with store._database.reading() as session:
        places = [row[0] for row in session.all("SELECT place FROM feedback_row ORDER BY serial")]
    assert [place for one in new for place in range(len(one.y))] == places
