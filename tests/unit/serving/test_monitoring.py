"""``/v1/monitoring``, the page, and the metrics of the latest report."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.monitoring.report import MonitoringReport
from linear_regressor.serving.app import create_app
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.latest_report import SECONDS_BETWEEN_SCRAPES, SECONDS_FRESH, LatestReport, _age
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.settings import Settings
from linear_regressor.verification.verified import Verified
from tests.applications import MakeApp
from tests.command_line import run
from tests.monitored import drifted, model
from tests.unit.serving.test_page import Elements

ROUTE, PAGE = "/v1/monitoring", "/monitoring"
Gauges = dict[tuple[str, str, str], float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, feedback of three callers and traffic that have changed."""
    made = tmp_path_factory.mktemp("monitored")
    drifted(made, np.random.default_rng(1), ("ann", "bob", "eve"))
    return made


def settings_of(folder: Path, **environ: str) -> Settings:
    """Settings of a server that has all of it."""
    return Settings.from_env({"MODEL_PATH": str(folder / "model.joblib"), "TRAFFIC_FOLDER": str(folder / "traffic"),
                              "STORE": f"sqlite:///{folder / 'feedback.db'}", **environ})


@pytest.fixture
def monitored(folder: Path) -> Iterator[FlaskClient]:
    """A client of that server."""
    app = create_app(settings_of(folder))
    yield app.test_client()
    assert app.service.store is not None
    app.service.store.close()


def fetched(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """Get a page or a report once it is made, which on a busy machine takes longer than the server lets it wait."""
    deadline = time.monotonic() + 30
    while (response := client.get(path, headers=headers)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    return response


def report_of(client: FlaskClient) -> dict[str, Any]:
    """The report as JSON."""
    report: dict[str, Any] = json.loads(fetched(client, ROUTE).text)
    return report


def gauges_of(client: FlaskClient) -> Gauges:
    """The metrics of the latest report, by name, subject and name of the test."""
    return {(sample.name, sample.labels.get("subject", ""), sample.labels.get("name", "")): sample.value
            for family in text_string_to_metric_families(client.get("/metrics").text)
            for sample in family.samples if sample.name.startswith("monitoring_")}


def test_the_report_is_that_of_the_command(monitored: FlaskClient, folder: Path) -> None:
    """Line, intervals, inputs and callers, with since when and what to do."""
    response = fetched(monitored, ROUTE)
    report = json.loads(response.text)
    line = report["findings"][0]

    assert 200 == response.status_code and report["drift"] is True
    assert response.headers["X-Model-Version"] == report["model"][:12]
    assert {"line", "coverage", "means", "correlation", "shape", "caller"} == {
        finding["subject"] for finding in report["findings"]}
    assert "alarm" == line["state"] and 3001 == line["since"] and "retrain --since 3001" in line["advice"]
    assert 6000 == report["feedback"]["rows"] and 4000 == report["traffic"]["recorded"]
    assert any("this report is of one instance" in remark for remark in report["remarks"])


def test_gauges_equal_the_report(monitored: FlaskClient) -> None:
    """To three digits; callers have no names; a scrape before the first report has none."""
    before = gauges_of(monitored)
    report = report_of(monitored)
    gauges, expected = gauges_of(monitored), {}
    for finding in report["findings"]:
        key = finding["subject"], {"means": "all", "caller": "any"}.get(finding["subject"], finding["name"])
        if finding["subject"] != "caller":
            expected[("monitoring_alarm", *key)] = float(finding["state"] == "alarm")
            expected[("monitoring_log_e_value", *key)] = finding["log_e"]
            expected[("monitoring_log_threshold", *key)] = finding["log_threshold"]
            expected[("monitoring_size_ratio", *key)] = finding["size"] / finding["effect"]
    callers = [finding for finding in report["findings"] if finding["subject"] == "caller"]

    assert {} == before and len(expected) == 4 * (2 + 1 + 2 + 2)
    for name, value in expected.items():
        assert gauges[name] == pytest.approx(value, rel=5.1e-3), name
    assert 3 == len(callers)
    assert gauges["monitoring_log_e_value", "caller", "any"] in [
        pytest.approx(finding["log_e"], rel=5.1e-3) for finding in callers]
    assert not {"ann", "bob", "eve"} & {name for _, _, name in gauges}
    assert gauges["monitoring_feedback_rows", "", ""] == 6000 and gauges["monitoring_repeated_rows", "", ""] == 0
    assert gauges["monitoring_report_timestamp_seconds", "", ""] == pytest.approx(time.time(), abs=120)


@pytest.mark.parametrize("path", [ROUTE, PAGE])
def test_only_admins_see_it(folder: Path, path: str) -> None:
    """401 without a key, 403 with one for predictions."""
    keys = {scope: generate_key() for scope in ("predict", "feedback", "admin")}
    write_keys(folder / "keys.json", [StoredKey(scope, key_digest(key).hex(), (scope,)) for scope, key in keys.items()])
    app = create_app(settings_of(folder, AUTH="api-key", API_KEYS_FILE=str(folder / "keys.json")))
    client = app.test_client()
    codes = {scope: fetched(client, path, **{"X-API-Key": key}).status_code for scope, key in keys.items()}

    assert 401 == client.get(path).status_code
    assert {"predict": 403, "feedback": 403, "admin": 200} == codes
    assert 'href="monitoring"' not in client.get("/").text


def test_the_page_obeys_the_strictest_policy(monitored: FlaskClient) -> None:
    """No inline style or script; unique ids, and references that lead somewhere."""
    response = fetched(monitored, PAGE)
    elements = Elements(response.text).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    pointed = [name for _, attributes in elements for key in ("aria-labelledby", "aria-describedby")
               for name in (attributes.get(key) or "").split()]

    assert 200 == response.status_code and "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "no-store" == response.headers["Cache-Control"]
    assert not [tag for tag, attributes in elements if tag in ("style", "script") or "style" in attributes]
    assert len(ids) == len(set(ids)) and pointed and set(pointed) <= set(ids)
    assert 6 == sum(tag == "svg" for tag, _ in elements)
    assert 'href="monitoring" aria-current="page"' in response.text


@pytest.mark.parametrize("served", ["the folder", "the version's file"])
def test_the_page_shows_the_last_promotions(folder: Path, tmp_path: Path, served: str) -> None:
    """Of a folder of models, whose last promotion also says what the model has seen."""
    artefact = drifted(tmp_path, np.random.default_rng(2))
    history = ModelHistory.of(str(tmp_path / "models"))
    history.add(artefact, {})
    first = history.promotions().next("promote", artefact, by="ann", reasons=["<first> of all"], cut=1000)
    history.promote(first)
    path = Path(history.file_of(artefact.digest[:12])) if served == "the version's file" else tmp_path / "models"
    client = create_app(settings_of(tmp_path, MODEL_PATH=str(path))).test_client()
    report, page = report_of(client), client.get(PAGE).text

    assert 1000 == report["cut"] == report["feedback"]["rows"]
    assert ("promote", "ann", ["<first> of all"]) == tuple(report["promotions"][0][key]
                                                           for key in ("action", "by", "reasons"))
    assert "&lt;first&gt; of all" in page and artefact.digest[:12] in page


def test_the_page_shows_the_lineage_of_the_model_in_use(tmp_path: Path) -> None:
    """The facts of 'linear-regressor lineage --json': data, commit, decisions and ancestors, escaped."""
    first, second = model(np.random.default_rng(1)), model(np.random.default_rng(2))
    verified = Verified(600, "sha256:<of the schema>", True, 0, 2, ("mean-shift", "extreme"))
    second = replace(second, card={**second.card, "verification": verified.to_card()})
    history = ModelHistory.of(str(tmp_path / "models"))
    for number, made in enumerate((first, second)):
        history.add(made, {"code_commit": f"{number}" * 40, "data_location": f"rows<{number}>.csv",
                           "pipeline_run": f"nightly <{number}>"})
        history.promote(history.promotions().next("promote", made, by="ann", reasons=[f"better & {number}"]))
    client = create_app(Settings.from_env({"MODEL_PATH": str(tmp_path / "models")})).test_client()
    report, page = report_of(client), fetched(client, PAGE).text
    section = page.partition('id="lineage-title"')[2].partition("</section>")[0]
    told = run("lineage", tmp_path / "models", "--json", "--answer-digest", second.digest)

    assert json.loads(told.stdout) == report["lineage"]
    for words in (f"sha256:{second.digest}", history.file_of(second.digest[:12]), "1" * 40, "rows&lt;1&gt;.csv",
                  "pipeline run", "nightly &lt;1&gt;", "Verification of the data", "sha256:&lt;of the schema&gt;",
                  "<dt>passed</dt><dd>yes</dd>", "<dt>warnings</dt><dd>2</dd>", "mean-shift, extreme",
                  "better &amp; 1", f"<td>{first.digest[:12]}</td><td>{second.digest[:12]}</td>",
                  f'<th scope="row">{first.digest[:12]}</th>', "rows&lt;0&gt;.csv", "0" * 40):
        assert words in section, words


def test_a_damaged_card_hides_the_lineage_and_nothing_else(tmp_path: Path) -> None:
    """A remark says which card; the tests go on."""
    drifted(tmp_path, np.random.default_rng(2))
    card = tmp_path / "model.card.json"
    card.write_text("[]")
    client = create_app(settings_of(tmp_path)).test_client()
    report, page = report_of(client), fetched(client, PAGE).text

    assert report["lineage"] is None and report["drift"] and 'id="lineage-title"' not in page
    assert f"the lineage cannot be shown: cannot use the card {card}" in " ".join(report["remarks"])


def test_without_feedback_and_traffic_the_page_says_so(make_app: MakeApp, line: Artefact) -> None:
    """A new server has nothing to test."""
    client = make_app(line).test_client()
    page, report = fetched(client, PAGE), report_of(client)

    assert 200 == page.status_code and [] == report["findings"] and not report["drift"]
    for words in ("No test yet", "There is no store of feedback", "There are no rows with actual values to show",
                  "There is no record of traffic in bins", "The model is a single file"):
        assert words in page.text


def test_a_store_that_is_down_is_503_and_stops_no_prediction(tmp_path: Path) -> None:
    """With Retry-After and no reason for clients; scrapes and predictions go on."""
    artefact = drifted(tmp_path, np.random.default_rng(3))
    client = create_app(settings_of(tmp_path)).test_client()
    (tmp_path / "feedback.db").rename(tmp_path / "missing.db")
    response, page = client.get(ROUTE), client.get(PAGE)

    assert 503 == response.status_code and "2" == response.headers["Retry-After"]
    assert "feedback.db" not in response.text and 503 == page.status_code and "not made yet" in page.text
    assert 200 == client.get("/metrics").status_code and {} == gauges_of(client)
    assert 200 == client.post("/stream", json={"instance": [0.0] * len(artefact.features)}).status_code


class SlowReport(LatestReport):
    """A report that takes as long as the test wants, and counts how often it is made."""

    made = 0

    def __init__(self, folder: Path, released: threading.Event) -> None:
        service = create_app(Settings(model_path=str(folder / "model.joblib"))).service
        self.predictor: Predictor = service.reloader.current()
        super().__init__(service.settings.model_path, service.traffic, None, str(folder))
        self._released = released

    def _observed(self, predictor: Predictor) -> MonitoringReport:
        self._released.wait(20)
        report = super()._observed(predictor)
        SlowReport.made += 1
        return report


def test_requests_of_all_workers_share_one_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request waits, for a short time; the others and scrapes are answered at once; one worker makes it."""
    drifted(tmp_path, np.random.default_rng(4))
    monkeypatch.setattr(SlowReport, "made", 0)
    released = threading.Event()
    workers = [SlowReport(tmp_path, released) for _ in range(2)]
    started = time.monotonic()
    waiting = [threading.Thread(target=worker.fresh, args=(worker.predictor,)) for worker in workers for _ in range(4)]
    for thread in waiting:
        thread.start()
    assert workers[0].for_scrape(workers[0].predictor) is None
    for thread in waiting:
        thread.join()
    assert time.monotonic() - started < 10 and SlowReport.made == 0
    released.set()
    reports = [wait_for(worker) for worker in workers]

    assert reports[0] == reports[1] and SlowReport.made == 1
    assert json.loads((tmp_path / "monitoring.json").read_text()) == reports[0]


def test_an_old_report_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After seconds for a request, after a minute for a scrape; that of another model is not shown."""
    drifted(tmp_path, np.random.default_rng(5))
    released = threading.Event()
    released.set()
    worker = SlowReport(tmp_path, released)
    monkeypatch.setattr(SlowReport, "made", 0)
    first, now = wait_for(worker), time.time()
    assert worker.fresh(worker.predictor) == first and SlowReport.made == 1
    monkeypatch.setattr(time, "time", lambda: now + SECONDS_FRESH + 1)
    assert worker.for_scrape(worker.predictor) == first and SlowReport.made == 1
    worker.fresh(worker.predictor)
    until_made(worker, 2)
    monkeypatch.setattr(time, "time", lambda: now + 2 * SECONDS_BETWEEN_SCRAPES)
    assert worker.for_scrape(worker.predictor) is not None
    until_made(worker, 3)
    other = Predictor(model(np.random.default_rng(6)), 10)
    assert worker.last(other) is None


def until_made(worker: SlowReport, count: int) -> None:
    """Wait until so many reports were made and published, and no more."""
    assert worker._maker is not None
    worker._maker.join(20)
    assert SlowReport.made == count


def wait_for(worker: SlowReport) -> dict[str, object]:
    """Wait for the first report."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        report = worker.fresh(worker.predictor)
        if report is not None:
            return report
    raise AssertionError("no report in 20 s")


def test_numbers_on_the_page_are_those_of_the_report(monitored: FlaskClient) -> None:
    """The last points of the figures, and the thresholds."""
    report, page = report_of(monitored), monitored.get(PAGE).text
    errors = report["feedback"]["errors"][-1]

    assert f"{errors['mean']:.4g}</td><td>{errors['rmse']:.4g}</td>" in page
    assert f"{1 - errors['outside']:.1%}</td>" in page
    assert re.search(rf"The line has changed at row {report['findings'][0]['since']}", page)


def test_a_report_of_the_future_is_old() -> None:
    """Else a clock that was wrong for a moment would keep a report for as long."""
    made = [datetime.now(UTC) + timedelta(days=days) for days in (-1, 1)]
    assert [86400, float("inf")] == [pytest.approx(_age({"made": time.isoformat()}), abs=60) for time in made]
