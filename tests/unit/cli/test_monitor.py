"""``linear-regressor monitor``, on a model file, an SQLite store and a traffic file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from tests.command_line import run
from tests.monitored import NOON, model, new_store, report_back, rows, traffic_of

SEED = 7  # numbers in the output are compared with thresholds, which a new seed may pass by chance


@pytest.fixture
def random() -> np.random.Generator:
    """Rows that are the same in each run."""
    return np.random.default_rng(SEED)


@pytest.fixture
def artefact(tmp_path: Path, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Artefact:
    """A model file in the current folder, and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORE", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # so that the command's own value does not outlive the test
    found = model(random)
    save(found, "model.joblib", {})
    return found


@pytest.fixture
def store(tmp_path: Path, artefact: Artefact, random: np.random.Generator) -> FeedbackStore:
    """A store with 1,000 rows like those of training."""
    made = new_store(tmp_path / "feedback.db")
    report_back(made, artefact, *rows(random, 1000))
    return made


MONITOR = ("monitor", "--model-path", "model.joblib", "--store", "sqlite:///feedback.db")


def test_without_drift_the_exit_code_is_0(store: FeedbackStore) -> None:
    """The table has both tests of the feedback."""
    done = run(*MONITOR)

    assert 0 == done.exit_code, done.output
    assert "feedback  1000 rows after row 0" in done.output and "no alarms in 2 tests" in done.output
    assert ["ok", "ok"] == [line.split()[0] for line in done.output.splitlines() if " of sales " in line]


def test_drift_is_exit_code_3_with_row_time_size_and_remedy(store: FeedbackStore, artefact: Artefact,
                                                            random: np.random.Generator) -> None:
    """After row 1000 the target rises by one standard deviation of its errors."""
    later = NOON + timedelta(hours=5)
    report_back(store, artefact, *rows(random, 1000, shift=1.0), start=later)
    done = run(*MONITOR)
    lines = done.output.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("ALARM  line of sales"))

    assert 3 == done.exit_code, done.output
    assert 0.7 < float(lines[place].split()[4]) < 1.3 and lines[place].endswith(" 40")
    assert lines[place + 1].strip().startswith(f"since row 1001 ({later:%Y-%m-%d %H:%M} UTC)")
    assert "retrain --since 1001" in lines[place + 2]
    assert 0 == run(*MONITOR, "--since", "1001", "--model", "model.joblib", "--alpha", "1e-300").exit_code


def test_since_takes_a_serial_number_or_a_time(store: FeedbackStore, artefact: Artefact,
                                               random: np.random.Generator) -> None:
    """Earlier feedback and, with a time, earlier traffic is left out."""
    report_back(store, artefact, *rows(random, 500), start=NOON + timedelta(hours=5))
    traffic_of(artefact, *random.normal(size=(20, 100, 2))).save(Path("traffic.json"))
    for since, feedback, traffic in (("1001", 500, 2000), ("2026-11-01T12:10", 1000, 1000),
                                     ("2026-11-01T13:10+01:00", 1000, 1000), ("2099-01-01", 0, 0)):
        done = run(*MONITOR, "--traffic", "traffic.json", "--since", since)
        assert f"feedback  {feedback} rows" in done.output, since
        assert f"traffic   {traffic} rows answered" in done.output, since
    refused = run(*MONITOR, "--since", "yesterday")
    assert 2 == refused.exit_code and "'yesterday' must be a serial number or a time" in refused.output


def test_traffic_since_a_time_is_compared_with_the_first_traffic(artefact: Artefact,
                                                                 random: np.random.Generator) -> None:
    """A change before that time shows, with the row of the record; shares of the whole record are left out."""
    parts = [random.normal(size=(100, 2)) + 9 * (minute >= 20) for minute in range(40)]
    replace(traffic_of(artefact, *parts), outside=2000, refused={"not_finite": 3}).save(Path("traffic.json"))
    command = ("monitor", "--model-path", "model.joblib", "--traffic", "traffic.json", "--json", "report.json")

    assert 3 == run(*command).exit_code
    before = json.loads(Path("report.json").read_text())
    assert 3 == run(*command, "--since", (NOON + timedelta(minutes=30)).isoformat()).exit_code
    after = json.loads(Path("report.json").read_text())

    names = ("answered", "out_of_range", "refused")
    assert [4000, 0.5, {"not_finite": 3}] == [before["traffic"][name] for name in names]
    assert [1000, None, {}] == [after["traffic"][name] for name in names]
    found = [(report["findings"][0]["since"], report["findings"][0]["since_time"][11:16]) for report in (before, after)]
    assert [(2001, "12:20"), (3001, "12:30")] == found


def test_without_a_store_only_the_inputs_are_tested(artefact: Artefact, random: np.random.Generator) -> None:
    """Which is said in one sentence."""
    parts = [random.normal(size=(100, 2)) + (minute >= 20) for minute in range(40)]
    traffic_of(artefact, *parts).save(Path("traffic.json"))
    done = run("monitor", "--model-path", "model.joblib", "--traffic", "traffic.json")

    assert 3 == done.exit_code
    assert "note: there is no store of feedback, so only the inputs are tested" in done.output
    assert "since row 2001 (2026-11-01 12:20 UTC)" in done.output and "line of" not in done.output


def test_without_store_and_traffic_nothing_is_tested(artefact: Artefact) -> None:
    """Which the last line says; "no alarms" would sound as if there had been a test."""
    done = run("monitor", "--model-path", "model.joblib")

    assert 0 == done.exit_code and done.output.endswith("nothing was tested\n")
    assert "only the inputs are tested" not in done.output


def test_evidence_over_the_range_of_numbers_is_said_in_words(store: FeedbackStore, artefact: Artefact,
                                                             random: np.random.Generator) -> None:
    """As on the page; "inf" is no number to compare with a threshold."""
    for batch in range(3):
        report_back(store, artefact, *rows(random, 1000, shift=20.0), start=NOON + timedelta(hours=5 + batch))
    done = run(*MONITOR)

    assert 3 == done.exit_code and "  over 1e+308  " in done.output and " inf " not in done.output


def test_the_report_is_written_as_json(store: FeedbackStore, artefact: Artefact) -> None:
    """Into a file beside the table, or instead of it."""
    done = run(*MONITOR, "--json", "report.json")
    written = json.loads(Path("report.json").read_text())
    printed = json.loads(run(*MONITOR, "--json", "-").output)

    assert 0 == done.exit_code and "no alarms" in done.output
    assert written["model"] == artefact.digest and not written["drift"]
    assert {**written, "made": ""} == {**printed, "made": ""}
    assert datetime.fromisoformat(written["made"]).tzinfo is not None


def test_the_champion_of_a_folder_is_monitored(store: FeedbackStore, artefact: Artefact,
                                               random: np.random.Generator) -> None:
    """With the cut of its promotion; another version or file can be chosen."""
    history, other = ModelHistory.of("models"), model(random)
    for one in (artefact, other):
        history.add(one, {})
    promotions = history.promotions()
    refused = run("monitor", "--model-path", "models")
    history.promote(promotions.next("promote", artefact, by="test", reasons=["first"], cut=500,
                                    at=datetime(2026, 11, 1, tzinfo=UTC)))
    monitor = ("monitor", "--model-path", "models", "--store", "sqlite:///feedback.db")

    assert 2 == refused.exit_code and "no model in use" in refused.output
    assert f"model     {artefact.digest[:12]}" in run(*monitor).output
    assert "feedback  500 rows after row 500" in run(*monitor).output
    chosen = run(*monitor, "--model", other.digest[:12]).output
    assert f"model     {other.digest[:12]}" in chosen and "feedback  1000 rows after row 0" in chosen
    assert f"model     {artefact.digest[:12]}" in run(*monitor, "--model", "model.joblib").output


@pytest.mark.parametrize(("arguments", "what"), [
    (("--json", "traffic.json"), "--json traffic.json is the record of traffic"),
    (("--html", "./feedback.db"), "--html feedback.db is the store"),
    (("--html", "model.joblib"), "--html model.joblib is the model"),
    (("--json", "models/VERSION/model.joblib"), "is the model"),
    (("--json", "report", "--html", "report"), "--html report is the file of --json")])
def test_a_report_replaces_no_file_that_is_read(store: FeedbackStore, artefact: Artefact, random: np.random.Generator,
                                                arguments: tuple[str, ...], what: str) -> None:
    """Nor the other report."""
    traffic_of(artefact, *random.normal(size=(2, 100, 2))).save(Path("traffic.json"))
    history = ModelHistory.of("models")
    history.add(artefact, {})
    history.promote(history.promotions().next("promote", artefact, by="test", reasons=["first"]))
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    options = [argument.replace("VERSION", artefact.digest[:12]) for argument in arguments]
    folder = ("--model-path", "models") if "models" in options[1] else ()
    done = run(*MONITOR, *folder, "--traffic", "traffic.json", *options)
    assert (2, 1) == (done.exit_code, done.output.count("\n")) and what in done.output
    assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize(("arguments", "code", "reason"), [
    (("--store", "sqlite:///missing.db"), 1, "missing.db"),
    (("--store", "mysql://host/database"), 2, "sqlite:///"),
    (("--traffic", "missing.json"), 1, "cannot use the traffic file missing.json"),
    (("--model-path", "missing.joblib"), 1, "missing.joblib"),
    (("--alpha", "1"), 2, "--alpha"),
])
def test_failures_and_misuse(artefact: Artefact, arguments: tuple[str, ...], code: int, reason: str) -> None:
    """Exit codes 1 and 2, with one line that says what is wrong."""
    done = run("monitor", "--model-path", "model.joblib", *arguments)
    assert code == done.exit_code and reason in done.output
    assert 1 == len(done.output.strip().splitlines()), done.output


def test_the_store_must_be_that_of_the_model(store: FeedbackStore, random: np.random.Generator) -> None:
    """Feedback on other features cannot be compared."""
    save(replace(model(random), features=("bmi", "age")), "other.joblib", {})
    done = run("monitor", "--model-path", "other.joblib", "--store", "sqlite:///feedback.db")
    assert 1 == done.exit_code and "sales from price, age, but the model predicts sales from bmi, age" in done.output
