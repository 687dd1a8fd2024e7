"""Recorded traffic: every contract once, the histograms of what was sent, and never a failed request."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.artefact.profile import Profile
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.traffic import MOST_ROWS
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import load_folder
from linear_regressor.serving.app import Application, create_app
from linear_regressor.serving.predictor import row_events, served_traffic, traffic_recorder
from linear_regressor.serving.predictor.row_buffer import Requests
from linear_regressor.serving.predictor.row_events import RowEvents
from linear_regressor.serving.predictor.traffic_recorder import FOLDED_ROWS, MOST_FEATURES, TrafficRecorder
from linear_regressor.serving.settings import Settings, TrafficSettings
from tests.applications import artefact_of
from tests.scraping import Scraped

Array = NDArray[np.float64]

EDGES = (np.array([-1.0, -0.25, 0.5]), np.array([0.0]), np.array([-2.0, 2.0]))


@pytest.fixture
def model() -> Artefact:
    """Make a model of three features with bins."""
    counts = tuple(np.full(len(each) + 1, 5) for each in EDGES)
    return replace(artefact_of(3), profile=Profile(EDGES, counts, 0.2))


@pytest.fixture
def app(model: Artefact, tmp_path: Path) -> Application:
    """Serve it, with a folder for traffic."""
    return serve(model, tmp_path)


def serve(model: Artefact, tmp_path: Path, **environ: str) -> Application:
    """Make an application."""
    save(model, tmp_path / "model.joblib", {})
    return create_app(Settings.from_env({"MODEL_PATH": str(tmp_path / "model.joblib"), "ACCESS_LOG": "off",
                                         "TRAFFIC_FOLDER": str(tmp_path / "traffic"), **environ}))


def traffic_of(client: FlaskClient) -> TrafficFile:
    """Ask the server."""
    answer = client.get("/v1/monitoring/traffic")
    assert answer.status_code == 200
    return TrafficFile.from_plain(answer.get_json())


def tensor(rows: list[list[float]]) -> dict[str, Any]:
    """Make a request of KServe V2."""
    return {"inputs": [{"name": "rows", "shape": [len(rows), 3], "datatype": "FP64", "data": sum(rows, [])}]}


ROWS = [[0.5, -1.0, 3.0], [-2.0, 0.25, 1.0]]
NAMED = [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in ROWS]
PREDICTIONS = {
    "fast stream": ("/stream", {"instance": ROWS[0]}, 1), "fast batch": ("/batch", {"instances": ROWS}, 2),
    "stream": ("/stream", {"instance": ROWS[0], "parameters": {"interval": 0.9}}, 1),
    "batch": ("/batch", {"instances": ROWS, "parameters": {"explain": True, "range": True}}, 2),
    "KServe V1": ("/v1/models/linear-regressor:predict", {"instances": NAMED}, 2),
    "KServe V2": ("/v2/models/linear-regressor/infer", tensor(ROWS), 2),
    "MLflow": ("/invocations", {"inputs": ROWS}, 2),
    "MLflow records": ("/invocations", {"dataframe_records": NAMED}, 2),
    "Vertex AI": ("/vertex", {"instances": ROWS}, 2)}


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("policy", ["allow", "flag"])
def test_each_contract_is_recorded_exactly_once(model: Artefact, tmp_path: Path, name: str, policy: str) -> None:
    """On the fast path and through Flask, with and without statistics."""
    client = serve(model, tmp_path, OUT_OF_RANGE=policy, AIP_PREDICT_ROUTE="/vertex",
                   AIP_HEALTH_ROUTE="/vertex-health").test_client()
    path, body, rows = PREDICTIONS[name]
    for _ in range(3):
        assert client.post(path, json=body).status_code == 200
    traffic = traffic_of(client)
    X = np.array(ROWS[:rows] * 3)
    assert (traffic.summary.answered, traffic.summary.n) == (3 * rows, 3 * rows)
    assert traffic.summary.sums == pytest.approx((X - model.moments.x_mean).sum(axis=0), rel=1e-12)


def test_what_is_no_prediction_is_not_recorded(app: Application) -> None:
    """Pages, probes, descriptions and metrics predict for themselves."""
    client = app.test_client()
    for path in ("/", "/docs", "/openapi.json", "/v1/model", "/ping", "/health/ready", "/metrics"):
        assert client.get(path).status_code == 200
    assert traffic_of(client).summary.answered == 0


def test_sums_and_histograms_are_those_of_what_was_sent(app: Application, model: Artefact,
                                                        random: np.random.Generator) -> None:
    """However many requests and folds; values on an edge belong to the bin above it."""
    client, sent = app.test_client(), []
    for rows in random.integers(1, MOST_ROWS + 1, size=200).tolist():
        X = random.choice(np.concatenate([*EDGES, random.normal(size=40)]), size=(rows, 3))
        assert client.post("/batch", json={"instances": X.tolist()}).status_code == 200
        sent.append(X)
    X, summary = np.concatenate(sent), traffic_of(client).summary
    assert summary.answered == summary.n == len(X) > FOLDED_ROWS
    for column, edges, found in zip(X.T, EDGES, summary.histograms, strict=True):
        assert found.counts.tolist() == np.histogram(column, [-np.inf, *edges, np.inf])[0].tolist()
    d = X - model.moments.x_mean
    assert summary.sums == pytest.approx(d.sum(axis=0)) and summary.products == pytest.approx(d.T @ d)


def test_rows_out_of_range_are_counted_whatever_the_policy(model: Artefact, tmp_path: Path) -> None:
    """As the statistics of a row tell."""
    rows = [[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, 1e9, 0.0]]
    for policy in ("allow", "flag"):
        client = serve(model, tmp_path / policy, OUT_OF_RANGE=policy).test_client()
        answer = client.post("/batch", json={"instances": rows, "parameters": {"range": True}}).get_json()
        assert traffic_of(client).outside == sum(row["out_of_range"] for row in answer["predictions"]) == 2


def test_rejected_requests_are_counted_by_reason(model: Artefact, tmp_path: Path) -> None:
    """Of every contract; nothing of their rows is recorded."""
    client = serve(model, tmp_path, OUT_OF_RANGE="refuse").test_client()
    for body in ({"instances": [["a", 1, 2], [True, 1, 2]]}, {"instances": [[1, 2]]}, {"instances": [[1e9, 0, 0]]},
                 {"instances": [[1e9, 0, 0]] * 30}):
        assert client.post("/batch", json=body).status_code == 422
    assert client.post("/invocations", data=b"{", content_type="application/json").status_code == 400
    assert client.post("/stream", json={"instance": [1e308, 1e308, 1e308]}).status_code == 422
    traffic = traffic_of(client)
    assert traffic.refused == {"not_a_number": 2, "wrong_width": 1, "out_of_range": 21, "not_json": 1,
                               "prediction_not_finite": 1}
    assert traffic.summary.answered == 0


def test_large_requests_are_sampled_and_counted(app: Application) -> None:
    """128 rows at even distances; the number of answered rows is that of all."""
    client = app.test_client()
    client.post("/batch", json={"instances": [[float(row), 0.0, 0.0] for row in range(1000)]})
    summary = traffic_of(client).summary
    assert (summary.answered, summary.n) == (1000, MOST_ROWS)
    assert summary.moments.m[0] == pytest.approx(499.5, abs=5)


def test_huge_values_do_not_break_the_sums(app: Application) -> None:
    """Their squares exceed float64, but the recorded ones stay finite, and later rows are recorded."""
    client = app.test_client()
    assert client.post("/batch", json={"instances": [[1e300, -1e300, 0.0], [1.0, 1.0, 1.0]]}).status_code == 200
    summary = traffic_of(client).summary
    assert summary.n == 2 and np.isfinite(summary.products).all() and summary.histograms[0].counts.tolist()[-1] == 2


def test_a_model_without_bins_or_statistics_is_recorded(tmp_path: Path) -> None:
    """A file of format 1 has one bin for each feature; without statistics the rows out of range are unknown."""
    plain = artefact_of(3)
    client = serve(replace(plain, quantiles={"levels": [], "t": [], "f": []}), tmp_path).test_client()
    client.post("/batch", json={"instances": ROWS})
    traffic = traffic_of(client)
    assert [part.counts.tolist() for part in traffic.summary.histograms] == [[2]] * 3 and traffic.outside is None


def test_wide_models_are_counted_only(tmp_path: Path) -> None:
    """More than 100 features: products would take too much."""
    wide = MOST_FEATURES + 1
    random = np.random.default_rng(0)
    X = random.normal(size=(3 * wide, wide))
    model = Artefact(tuple(f"x{place}" for place in range(wide)), "y", np.ones(wide), 0.0,
                     Moments.from_arrays(X, X.sum(axis=1)), None, None, {"levels": [], "t": [], "f": []}, {})
    client = serve(model, tmp_path).test_client()
    client.post("/batch", json={"instances": [[0.0] * wide] * 5})
    traffic = traffic_of(client)
    assert (traffic.features, traffic.summary.answered, traffic.summary.n) == ((), 5, 0)


def test_threads_lose_and_repeat_nothing(app: Application) -> None:
    """Eight of them, across many folds and writes."""
    def predict() -> None:
        client = app.test_client()
        for _ in range(600):
            client.post("/batch", json={"instances": ROWS})

    threads = [threading.Thread(target=predict) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = traffic_of(app.test_client()).summary
    assert summary.n == summary.answered == 8 * 600 * len(ROWS)
    assert summary.histograms[1].counts.tolist() == [4800, 4800]


def test_rows_belong_to_the_time_of_their_request(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to that of a later request, which adds them up; parts that have ended are merged with the present one."""
    client, clock = app.test_client(), [1.7e9]
    started = time.monotonic()
    monkeypatch.setattr(time, "time", lambda: clock[0])
    monkeypatch.setattr(time, "monotonic", lambda: started + clock[0] - 1.7e9)
    for minutes in (0, 1, 90):
        clock[0] = 1.7e9 + 60 * minutes
        client.post("/batch", json={"instances": ROWS})
    clock[0] += 6000
    parts = traffic_of(client).series.ordered()
    assert [(start, part.n) for start, part in parts] == [
        ((1.7e9 + 60 * minutes) // 60 * 60, 2) for minutes in (0, 1, 90)]


def test_what_was_written_is_continued_after_a_restart(model: Artefact, tmp_path: Path) -> None:
    """In the same files; the folder has the traffic of both lives."""
    for life in (1, 2, 3):
        app = serve(model, tmp_path)
        client = app.test_client()
        client.post("/batch", json={"instances": ROWS})
        app.service.traffic.save()
        assert traffic_of(client).summary.n == load_folder(tmp_path / "traffic")[0].summary.n == 2 * life
        for recorder in app.service.traffic._recorders.values():  # as the end of the process does
            recorder.release()
    assert len(list((tmp_path / "traffic").glob("*.lock"))) == 1


def test_a_folder_that_cannot_be_written_fails_no_request(model: Artefact, tmp_path: Path,
                                                          caplog: pytest.LogCaptureFixture) -> None:
    """What is in its place is a file; one line says so, and everything is kept until there is a folder."""
    (tmp_path / "traffic").write_text("in the way")
    app = serve(model, tmp_path)
    client = app.test_client()
    with caplog.at_level(logging.ERROR, served_traffic.__name__):
        for _ in range(5):
            assert client.post("/batch", json={"instances": ROWS}).status_code == 200
            app.service.traffic.save()
    assert [record.getMessage() for record in caplog.records] == [
        f"traffic is kept in memory until it can be written to {tmp_path / 'traffic'}: File exists"]
    assert traffic_of(client).summary.n == 10
    (tmp_path / "traffic").unlink()
    app.service.traffic.save()
    assert load_folder(tmp_path / "traffic")[0].summary.n == 10


def test_a_failure_of_recording_fails_no_request(app: Application, monkeypatch: pytest.MonkeyPatch,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    """Of any kind; it is logged once."""
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(traffic_recorder.Tally, "add", broken)
    client = app.test_client()
    for _ in range(80):
        assert client.post("/batch", json={"instances": ROWS * 60}).status_code == 200
    assert [record.levelname for record in caplog.records if "recording traffic failed" in record.getMessage()] == [
        "ERROR"]


def test_a_reloaded_model_has_a_file_of_its_own(app: Application, model: Artefact, tmp_path: Path) -> None:
    """The file of the model before it stays, and gets the rows that were answered last."""
    client = app.test_client()
    client.post("/batch", json={"instances": ROWS})
    new = replace(artefact_of(3, seed=5), profile=model.profile)
    save(new, tmp_path / "model.joblib", {})
    app.service.reloader.check()
    client.post("/batch", json={"instances": ROWS * 2})
    assert (traffic_of(client).model, traffic_of(client).summary.n) == (new.digest, 4)
    app.service.traffic.save()
    found = {file.model: file.summary.n for file in load_folder(tmp_path / "traffic")}
    assert found == {model.digest: 2, new.digest: 4}


def test_files_of_replaced_models_are_released(app: Application, model: Artefact, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """So that reloads leave no open files behind; a model that comes back continues its file."""
    monkeypatch.setattr(served_traffic, "SECONDS_UNTIL_RELEASED", -1.0)
    client, models = app.test_client(), [artefact_of(3, seed=seed) for seed in range(1, 4)]
    for each in (*models, *models, models[0]):
        save(each, tmp_path / "model.joblib", {})
        app.service.reloader.check()
        client.post("/batch", json={"instances": ROWS})
        app.service.traffic.save()
    assert len(app.service.traffic._recorders) == 1
    assert {file.model: file.summary.n for file in load_folder(tmp_path / "traffic")} == {
        each.digest: rows for each, rows in zip(models, (6, 4, 4), strict=True)}


def test_a_model_that_comes_back_while_traffic_is_written_keeps_its_recorder(monkeypatch: pytest.MonkeyPatch,
                                                                             tmp_path: Path) -> None:
    """What it records from then on would not be written any more."""
    monkeypatch.setattr(served_traffic, "SECONDS_UNTIL_RELEASED", -1.0)
    old, new = (artefact_of(3, seed=seed) for seed in (1, 2))

    class ComingBack(served_traffic.ServedTraffic):
        def _save_one(self, digest: str, recorder: TrafficRecorder) -> None:
            super()._save_one(digest, recorder)
            self.recorder(old)

    traffic = ComingBack(TrafficSettings(folder=str(tmp_path)), None)
    recorder = traffic.recorder(old)
    traffic.recorder(new)
    traffic.save()

    assert recorder is traffic.recorder(old)


def test_metrics_show_shares_and_no_values(app: Application, model: Artefact, random: np.random.Generator) -> None:
    """Buckets by the share of training rows; means only of enough rows, in standard deviations of training."""
    client = app.test_client()
    client.post("/batch", json={"instances": [[0.123456789, 7.25, -3.5]] * 99})
    few = Scraped(client.get("/metrics").text)
    assert "traffic_feature_shift" not in few.text and "0.123" not in few.text and "7.25" not in few.text
    X = random.normal(size=(101, 3)) + 2.0
    client.post("/batch", json={"instances": X.tolist()})
    many, summary = Scraped(client.get("/metrics").text), traffic_of(client).summary
    deviation = np.sqrt(model.moments.A.diagonal() / model.moments.n)
    shift = (summary.moments.m - model.moments.x_mean) / deviation
    for place, name in enumerate(("x0", "x1", "x2")):
        assert many.value("traffic_feature_shift", feature=name) == round(shift[place], 2)
    assert many.value("traffic_recorded_rows_total", model_version=model.digest[:12]) == 200
    assert many.value("traffic_out_of_range_rows_total") == traffic_of(client).outside
    assert [labels["le"] for labels in many.labels("traffic_feature_rank_bucket") if labels["feature"] == "x0"] == [
        "0.25", "0.5", "0.75", "+Inf"]
    assert many.value("traffic_feature_rank_bucket", feature="x0", le="+Inf") == 200
    assert many.value("traffic_prediction_spread") > 0


def test_row_events_have_no_feature_value_unless_asked_for(model: Artefact, tmp_path: Path) -> None:
    """Time, model, request and prediction; with EVENTS_FEATURES=on also the values."""
    for switch in ("off", "on"):
        app = serve(model, tmp_path / switch, EVENTS_SAMPLE="1", EVENTS_FEATURES=switch)
        answer = app.test_client().post("/batch", json={"instances": ROWS}, headers={"X-Request-Id": "abc"}).get_json()
        app.service.traffic.save()
        (path,) = (tmp_path / switch / "traffic").glob("*.events.jsonl")
        events = [json.loads(line) for line in path.read_text().splitlines()]
        assert path.stat().st_mode & 0o777 == 0o600
        assert [event["prediction"] for event in events] == answer["predictions"]
        assert [(event["request_id"], event["row"], event["model_version"]) for event in events] == [
            ("abc", row, model.digest[:12]) for row in range(2)]
        assert [event.get("features") for event in events] == (NAMED if switch == "on" else [None, None])


def test_row_events_are_a_share_of_the_recorded_rows() -> None:
    """By chance; the number of a row is that in its request."""
    events = RowEvents(0.25, None, "version")
    batch = events.choose(0.0, np.zeros((12800, 1)), Requests(np.zeros(12800), [1280] * 100, [""] * 100))
    lines = [json.loads(line) for line in events.lines(batch).splitlines()]
    assert len(lines) == pytest.approx(3200, abs=250)  # five standard deviations
    assert {line["row"] % 10 for line in lines} == {0} and max(line["row"] for line in lines) > 1200


@pytest.mark.parametrize("names", [None, ("x0", 'a, "b"]\n'), ("x0",)])
def test_lines_of_events_are_those_of_single_documents(names: tuple[str, ...] | None,
                                                       random: np.random.Generator) -> None:
    """To the byte, whatever the features are called: requests of one row, of many, and of more than are recorded."""
    sizes = [1, 3, 1, MOST_ROWS, 1000, 1]
    ids = [f"request-{place}" for place in range(len(sizes))]
    owners = [owner for owner, size in enumerate(sizes) for _ in range(min(size, MOST_ROWS))]
    numbers = [row * size // min(size, MOST_ROWS) for size in sizes for row in range(min(size, MOST_ROWS))]
    rows = random.normal(size=(len(owners), len(names or "?"))) * 10.0 ** random.integers(-20, 20, (len(owners), 1))
    predictions = np.where(random.random(len(owners)) < 0.2, 3.0, random.normal(size=len(owners)) * 1e17)
    events = RowEvents(1.0, names, "version")
    expected = [{"time": "2023-11-14T22:13:20+00:00", "model_version": "version", "request_id": ids[owner],
                 "row": number, "prediction": prediction,
                 **({"features": dict(zip(names, row, strict=True))} if names else {})}
                for owner, number, prediction, row in zip(owners, numbers, predictions.tolist(), rows.tolist(),
                                                          strict=True)]
    batch = events.choose(1.7e9, rows, Requests(predictions, sizes, ids))
    rows[:] = np.nan  # as adding up does
    assert events.lines(batch) == b"".join(orjson.dumps(one) + b"\n" for one in expected)


def test_files_of_events_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the one before it hold at most the limit, and what was written last."""
    monkeypatch.setattr(row_events, "MOST_BYTES", 1 << 20)
    events = RowEvents(1.0, None, "v")
    batch = events.choose(0.0, np.zeros((128, 1)), Requests(np.zeros(128), [128], ["x" * 128]))
    path, size = tmp_path / "model-0.events.jsonl", len(events.lines(batch))
    for number in range(3 * (1 << 20) // size):
        events.write(path, batch._replace(time=float(number)))
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["model-0.events.1.jsonl", "model-0.events.jsonl"]
    assert 1 << 18 < sum(file.stat().st_size for file in files) <= (1 << 20) + 2 * size
    assert datetime.fromisoformat(json.loads(files[-1].read_text().splitlines()[-1])["time"]).timestamp() == number
