"""Traffic files, and the folder in which workers write them: whole, counted once, and taken over."""

from __future__ import annotations

import json
import logging
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.monitoring import traffic_folder
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import WorkerFiles, decode, encode, load_folder
from linear_regressor.monitoring.traffic_series import TrafficSeries

MODEL, OTHER = "a" * 64, "b" * 64
CENTRE, EDGES = np.array([0.1, 1e6]), (np.array([-1.0, 0.0, 1 / 3]), np.empty(0))


def traffic(rows: int, time: float = 1.7e9, model: str = MODEL, seed: int = 0) -> TrafficFile:
    """Record rows of two features."""
    X = np.random.default_rng(seed).normal(size=(rows, 2))
    return TrafficFile(model, ("x", "y"), CENTRE, EDGES,
                       TrafficSeries.at(time, TrafficSummary.of(X, CENTRE, EDGES, 3 * rows)), rows // 2, {"bad": 1})


def test_a_file_keeps_every_bit(tmp_path: Path) -> None:
    """As JSON, and in the form of workers."""
    file = traffic(5) + traffic(7, 1.7e9 + 600)
    file.save(tmp_path / "traffic.json")
    assert TrafficFile.load(tmp_path / "traffic.json").to_plain() == file.to_plain()
    again, generation = decode(encode(file, 9))
    assert again.to_plain() == file.to_plain() and generation == 9
    none = TrafficFile.empty(MODEL, (), np.empty(0), (), None)
    for again in (decode(encode(none, 0))[0], TrafficFile.from_plain(none.to_plain())):
        assert again.to_plain() == none.to_plain()


def test_files_of_one_model_add_up() -> None:
    """Rows, faults and rows out of range; a model that cannot tell the latter makes them unknown."""
    both = traffic(5) + traffic(7, seed=1)
    assert (both.summary.n, both.summary.answered, both.outside, both.refused) == (12, 36, 5, {"bad": 2})
    unknown = traffic(5) + TrafficFile.empty(MODEL, ("x", "y"), CENTRE, EDGES, None)
    assert unknown.outside is None
    with pytest.raises(MomentsError, match="different models"):
        traffic(1) + traffic(1, model=OTHER)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "not JSON"), (b"[]", "not a traffic file"), (b'{"format": 1}', "digest"), (b"{" * 10 ** 5, "not JSON")])
def test_other_content_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    """It names the file and the remedy."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ArtefactError, match=f"traffic file {tmp_path}/file: .*{words}.*TRAFFIC_FOLDER"):
        TrafficFile.load(tmp_path / "file")
    with pytest.raises(ArtefactError, match="No such file"):
        TrafficFile.load(tmp_path / "none")
    with pytest.raises(ArtefactError, match="cannot read the traffic folder"):
        load_folder(tmp_path / "none")


def test_living_and_ended_workers_are_merged_by_model(tmp_path: Path) -> None:
    """The model with the latest traffic comes last."""
    living, ended, other = (WorkerFiles(tmp_path, model) for model in (MODEL, MODEL, OTHER))
    living.write("current", traffic(5), 0)
    ended.write("closed", traffic(7, seed=1), 1)
    ended.write("current", traffic(8, 1.7e9 + 60, seed=2), 1)
    ended.close()
    other.write("current", traffic(1, 1.6e9, OTHER), 0)
    assert [(file.model, file.summary.n) for file in load_folder(tmp_path)] == [(OTHER, 1), (MODEL, 20)]
    (own,) = load_folder(tmp_path, MODEL, besides=[living.name])
    assert own.summary.n == 15


def test_rows_that_were_just_closed_count_once(tmp_path: Path) -> None:
    """A worker that is killed between its two writes leaves the present part in both files."""
    files = WorkerFiles(tmp_path, MODEL)
    files.write("closed", traffic(7), 1)
    files.write("current", traffic(8), 1)
    files.write("closed", traffic(7) + traffic(8), 2)
    assert load_folder(tmp_path)[0].summary.n == 15
    files.write("current", traffic(2), 2)
    assert load_folder(tmp_path)[0].summary.n == 17


def test_a_worker_takes_over_the_files_of_one_that_has_ended(tmp_path: Path) -> None:
    """The number of files is that of the workers that lived at once."""
    first, second = WorkerFiles(tmp_path, MODEL), WorkerFiles(tmp_path, MODEL)
    first.write("current", traffic(5), 3)
    assert (first.name, second.name) == (f"{MODEL}-0", f"{MODEL}-1")
    first.close()
    third = WorkerFiles(tmp_path, MODEL)
    found, generation = third.read()
    assert third.name == f"{MODEL}-0" and found is not None and (found.summary.n, generation) == (5, 3)


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: b"", lambda content: content + b"\0",
                                    lambda content: content.replace(b'"x"', b'"z"'), lambda content: bytes(500)])
def test_a_file_that_a_power_cut_has_damaged_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture,
                                                        damage: Callable[[bytes], bytes]) -> None:
    """One line names it, and the others are counted."""
    files, whole = WorkerFiles(tmp_path, MODEL), WorkerFiles(tmp_path, MODEL)
    files.write("current", traffic(5), 0)
    whole.write("current", traffic(6), 0)
    path = tmp_path / f"{files.name}.current"
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING, traffic_folder.__name__):
        assert [load_folder(tmp_path)[0].summary.n for _ in range(3)] == [6] * 3
    assert len(caplog.records) == 1 and str(path) in caplog.text


def test_a_file_of_another_version_is_skipped(tmp_path: Path) -> None:
    """Its checksum is right, but its header is another one."""
    body = json.dumps({"generation": 1}).encode() + b"\n"
    with pytest.raises(ArtefactError, match="another version"):
        decode(b"%08x\n" % zlib.crc32(body) + body)


def test_a_pipe_or_a_huge_file_is_skipped(tmp_path: Path) -> None:
    """One would block every scrape, and the other take all memory."""
    WorkerFiles(tmp_path, MODEL).write("current", traffic(6), 0)
    os.mkfifo(tmp_path / f"{MODEL}-7.current")
    with open(tmp_path / f"{MODEL}-8.current", "wb") as file:
        file.truncate(1 << 40)
    found: list[int] = []
    reading = threading.Thread(target=lambda: found.append(load_folder(tmp_path)[0].summary.n), daemon=True)
    reading.start()
    reading.join(10)
    assert [6] == found
