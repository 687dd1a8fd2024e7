"""Requests share commits, and a store that is down costs at most one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store import group_commit
from linear_regressor.monitoring.store.feedback import Feedback, Outcome
from linear_regressor.monitoring.store.group_commit import GroupCommit

PATIENCE, PAUSE = 0.5, 0.2
LONG = 5.0  # a pause that does not end within a test


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a shorter time."""
    monkeypatch.setattr(group_commit, "SECONDS_TO_WAIT", PATIENCE)
    monkeypatch.setattr(group_commit, "SECONDS_TO_PAUSE", PAUSE)


def feedback(key: str) -> Feedback:
    """One row."""
    return Feedback(np.ones((1, 1)), np.ones(1), key, None, "m")


class Commits:
    """Commits that wait for a permission and fail on request."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.permission = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.failure: Exception | None = None

    def __call__(self, group: Sequence[Feedback]) -> list[Outcome]:
        """Commit a group."""
        self.begun.release()
        assert self.permission.acquire(timeout=20)
        if self.failure is not None:
            raise self.failure
        self.groups.append([one.key for one in group])
        return ["conflict" if one.key == "old" else "stored" for one in group]


class World:
    """A group, and the threads that use it."""

    def __init__(self) -> None:
        self.commits = Commits()
        self.group = GroupCommit("the store", self.commits)
        self.results: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []

    def add(self, key: str) -> None:
        """Add a request in a thread of its own."""
        def run() -> None:
            try:
                self.results[key] = self.group.add(feedback(key))
            except Exception as error:
                self.results[key] = error

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def waiting(self, number: int) -> None:
        """Wait until a number of requests wait for a commit."""
        poll(lambda: len(self.group._waiting) == number)

    def join(self) -> None:
        """Wait for all requests."""
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


def poll(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def world() -> Iterator[World]:
    """A group whose threads have ended after the test."""
    world = World()
    yield world
    world.commits.permission.release(100)
    world.join()


def test_requests_that_arrive_during_a_commit_share_the_next(world: World) -> None:
    """Each gets its own outcome, after its commit."""
    world.add("first")
    world.commits.begun.acquire()
    for key in ("a", "old", "b"):
        world.add(key)
    world.waiting(3)
    assert {} == world.results
    world.commits.permission.release(2)
    world.join()

    assert [["first"], ["a", "b", "old"]] == [sorted(group) for group in world.commits.groups]
    assert {"first": "stored", "a": "stored", "old": "conflict", "b": "stored"} == world.results


def test_a_failed_commit_fails_for_all_of_its_requests(world: World, caplog: pytest.LogCaptureFixture,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """And is logged once; later ones are rejected at once, until the store responds again."""
    monkeypatch.setattr(group_commit, "SECONDS_TO_PAUSE", LONG)
    world.commits.failure = StoreUnavailable("the disk is full")
    with caplog.at_level(logging.WARNING):
        for key in ("a", "b", "c"):
            world.add(key)
        world.commits.permission.release(10)
        world.join()
        assert {"the disk is full"} == set(map(str, world.results.values()))
        assert {StoreUnavailable} == set(map(type, world.results.values()))
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            world.group.add(feedback("d"))
        assert time.monotonic() - begun < PATIENCE
        assert not world.commits.groups and not world.group._waiting
        world.commits.failure = None
        monkeypatch.setattr(group_commit, "SECONDS_TO_PAUSE", 0.0)

        def works() -> bool:
            try:
                return world.group.add(feedback("e")) == "stored"
            except StoreUnavailable:
                return False

        poll(works)

    assert [["e"]] == world.commits.groups
    assert ["feedback is rejected: the disk is full", "feedback is stored again: the store responds"] == caplog.messages


def test_a_store_that_does_not_respond_holds_one_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others give up after a while, and the next ones at once."""
    monkeypatch.setattr(group_commit, "SECONDS_TO_PAUSE", LONG)
    world.add("stuck")
    world.commits.begun.acquire()
    world.add("patient")
    poll(lambda: "patient" in world.results)
    assert "the store does not respond" == str(world.results["patient"])
    for key in range(5):
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not respond"):
            world.group.add(feedback(str(key)))
        assert time.monotonic() - begun < PATIENCE / 2
    world.commits.permission.release()
    world.join()

    assert "stored" == world.results["stuck"]
    assert [["stuck"]] == world.commits.groups, "who was told to come again is not stored"


def test_an_unexpected_error_is_not_hidden(world: World) -> None:
    """Its own thread raises it; others of the group get one without its text."""
    world.add("first")
    world.commits.begun.acquire()
    for key in ("a", "b"):
        world.add(key)
    world.waiting(2)
    world.commits.failure = TypeError("a bug")
    world.commits.permission.release(3)
    world.join()

    kinds = [type(world.results[key]) for key in ("a", "b")]
    assert isinstance(world.results["first"], TypeError) and {TypeError, StoreError} == set(kinds)


def test_other_work_takes_turns(world: World) -> None:
    """It never runs beside a commit."""
    world.add("first")
    world.commits.begun.acquire()
    seen: list[int] = []
    thread = threading.Thread(target=lambda: world.group.run(lambda: seen.append(len(world.commits.groups))))
    thread.start()
    world.commits.permission.release()
    thread.join(20)

    assert [1] == seen
