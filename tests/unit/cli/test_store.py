"""``linear-regressor store``: what each command prints, writes and refuses."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from tests.command_line import run

NOW = datetime.now(UTC)
SECRET = "hunter2"  # pragma: allowlist secret  # must not be shown


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with the tables only."""
    url = f"sqlite:///{tmp_path}/feedback.db"
    done = run("store", "migrate", "--store", url)
    assert (0, "", f"{url} has version 1\n") == (done.exit_code, done.stdout, done.stderr)
    return url


@pytest.fixture
def filled(url: str, line: Artefact, random: np.random.Generator) -> str:
    """A store with 60 old and 20 new rows."""
    with closing(open_store(url)) as store:
        store.require_columns(line.features, line.target)
        for key, (rows, age, who) in enumerate(((60, 100, "ann"), (20, 1, None))):
            X = random.normal(size=(rows, 1))
            store.add(Feedback(X, X[:, 0], f"{key}", who, line.digest, (NOW - timedelta(days=age)).timestamp()))
    return url


def test_check_of_an_empty_store(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL may come from the environment."""
    monkeypatch.setenv("STORE", url)
    done = run("store", "check")

    assert 0 == done.exit_code
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert {"store": url, "version": "1", "features": "not recorded yet", "target": "not recorded yet", "rows": "0",
            "blocks": "0", "repeated": "0 rows equal an older row under another key"} == {
                name: value for name, value in lines.items() if name != "identity"}
    assert open_store(url).identity == lines["identity"]


def test_prune_deletes_old_rows(filled: str, line: Artefact, tmp_path: Path) -> None:
    """After it has closed their blocks and counted them for the model in use."""
    model = tmp_path / "model.joblib"
    save(line, model, {})
    done = run("store", "prune", "--store", filled, "--older-than", "90d", "--model-path", model)

    assert (0, "deleted 50 rows\n") == (done.exit_code, done.stderr)
    assert 1 == len(open_store(filled).outside(line))
    shown = run("store", "check", "--store", filled).stdout
    assert "rows         30, serial numbers 51 to 80" in shown
    assert "blocks       1, up to serial number 50" in shown


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_export_writes_every_row(filled: str, line: Artefact, tmp_path: Path, ending: str) -> None:
    """Exactly, with columns that training reads."""
    path = tmp_path / f"rows{ending}"
    done = run("store", "export", "--store", filled, "--output", path)

    assert (0, f"wrote 80 rows to {path}\n") == (done.exit_code, done.stderr)
    if ending == ".csv":
        with path.open(newline="") as file:
            table = list(csv.DictReader(file))
    else:
        table = pq.read_table(path).to_pylist()
    rows = next(iter(open_store(filled).rows()))
    assert rows.X[:, 0].tolist() == [float(row["x0"]) for row in table]
    assert rows.y.tolist() == [float(row["y"]) for row in table]
    assert list(range(1, 81)) == [int(row["feedback_serial"]) for row in table]
    assert ["ann"] * 60 + [""] * 20 == [row["feedback_principal"] or "" for row in table]
    assert {line.digest} == {row["feedback_model"] for row in table}
    times = [datetime.fromisoformat(str(row["feedback_received"])).timestamp() for row in table]
    np.testing.assert_allclose(rows.received, times, atol=1e-5)
    trained = run("train", "--data", path, "--features", "x0", "--target", "y", "--model-save-path",
                  tmp_path / "new.joblib")
    assert 0 == trained.exit_code, trained.output


def test_misuse_is_one_line(url: str, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 for what the user typed, 1 for the state of the store; never a password."""
    monkeypatch.delenv("STORE", raising=False)
    missing = f"sqlite:///{tmp_path}/none.db"
    for arguments, code, words in (
            (("check",), 2, "Missing option '--store'"),
            (("check", "--store", f"mysql://ann:{SECRET}@db/x"), 2, "'--store' (env var: 'STORE'): must be sqlite:///"),
            (("check", "--store", missing), 1, "does not exist: run 'linear-regressor store migrate'"),
            (("check", "--store", f"postgresql://ann:{SECRET}@127.0.0.1:1/x"), 1, "127.0.0.1:1/x is unavailable"),
            (("migrate", "--store", f"postgresql://ann:{SECRET}@127.0.0.1:1/x"), 1, "cannot be migrated"),
            (("migrate", "--store", f"sqlite:///{tmp_path}"), 1, "cannot be migrated"),
            (("prune", "--store", url, "--older-than", "90"), 2, "such as 90d"),
            (("continue", "--store", url, "--after", "0"), 2, "0 is not in the range"),
            (("continue", "--store", missing, "--after", "9"), 1, "does not exist"),
            (("prune", "--store", url, "--older-than", "90d", "--model-path", tmp_path / "none"), 1, "none"),
            (("export", "--store", filled, "--output", tmp_path / "rows.xlsx"), 2, "rows.xlsx"),
            (("export", "--store", missing, "--output", tmp_path / "rows.csv"), 1, "does not exist")):
        done = run("store", *arguments)
        assert code == done.exit_code, (arguments, done.output)
        assert words in done.stderr and 1 == done.stderr.count("\n") and done.stderr.startswith("Error: "), done.stderr
        assert SECRET not in done.output
    assert {"feedback.db", "feedback.db.lock", "none.db.lock"} >= {path.name for path in tmp_path.iterdir()
                                                                   if not path.name.endswith(("-shm", "-wal"))}


def test_names_that_the_export_needs_are_refused(url: str, tmp_path: Path) -> None:
    """Rather than written twice."""
    open_store(url).require_columns(("feedback_model",), "y")
    done = run("store", "export", "--store", url, "--output", tmp_path / "rows.csv")

    assert 1 == done.exit_code and "has the name 'feedback_model', which the export uses itself" in done.stderr


def test_an_empty_store_has_nothing_to_export(url: str, tmp_path: Path) -> None:
    """No file is written."""
    done = run("store", "export", "--store", url, "--output", tmp_path / "rows.csv")

    assert 1 == done.exit_code and done.stderr.endswith("has no rows yet\n")
    assert not (tmp_path / "rows.csv").exists()


def test_a_damaged_store_is_named(filled: str, tmp_path: Path) -> None:
    """By its file."""
    with closing(sqlite3.connect(tmp_path / "feedback.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "feedback.db"
    path.write_bytes(b"x" * path.stat().st_size)

    done = run("store", "check", "--store", filled)

    assert 1 == done.exit_code and "feedback.db is unavailable: file is not a database" in done.stderr
