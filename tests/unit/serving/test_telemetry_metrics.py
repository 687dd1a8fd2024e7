"""``/metrics`` of one process: names, labels, formats and counts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.serving.app import create_app
from linear_regressor.serving.observability.metrics import SECONDS
from linear_regressor.serving.settings import Settings
from tests.applications import MakeApp, artefact_of
from tests.scraping import Scraped


def scraped(client: FlaskClient) -> Scraped:
    """Scrape an application."""
    return Scraped(client.get("/metrics").text)


def test_a_request_is_counted_and_timed_by_route_method_and_status(client: FlaskClient) -> None:
    """On the fast path and through Flask; the route is a template."""
    client.post("/stream", json={"instance": 1})
    client.post("/stream", data=b'{"instance": 1}', content_type="application/json; charset=utf-8")
    client.post("/batch", json={"instances": []})
    client.get("/no/such/route")
    metrics = scraped(client)

    assert 2 == metrics.value("http_requests_total", route="/stream", method="POST", code="200")
    assert 1 == metrics.value("http_requests_total", route="/batch", method="POST", code="422")
    assert 1 == metrics.value("http_requests_total", route="unmatched", method="GET", code="404")
    assert 2 == metrics.value("http_request_duration_seconds_count", route="/stream", method="POST")
    assert 0 < metrics.value("http_request_duration_seconds_sum", route="/stream", method="POST") < 60


def test_unknown_methods_are_one_series(client: FlaskClient) -> None:
    """Clients cannot create series."""
    for number in range(5):
        client.open("/stream", method=f"INVENTED{number}")
    methods = {labels["method"] for labels in scraped(client).labels("http_requests_total")}

    assert {"other"} == methods


def test_rows_faults_and_the_model_are_exposed(client: FlaskClient, line: Artefact) -> None:
    """Predictions by version, each fault of a body by its code, and facts about the artefact."""
    client.post("/batch", json={"instances": [[1], [2], [3]]})
    client.post("/batch", json={"instances": [["a"], [True], [1, 2]]})
    client.post("/stream", data=b"{", content_type="application/json")
    metrics = scraped(client)

    assert 3 == metrics.value("predictions_total", model_version=line.digest[:12])
    assert [2, 1, 1] == [metrics.value("validation_errors_total", code=code)
                         for code in ("not_a_number", "wrong_width", "not_json")]
    assert [{"version": line.digest[:12], "digest": f"sha256:{line.digest}"}] == metrics.labels("model_info")
    assert line.moments.n == metrics.value("model_trained_rows")


def test_rows_out_of_range_are_counted_with_the_policy_flag(line: Artefact, make_app: MakeApp) -> None:
    """One of these two rows is far outside."""
    client = make_app(line, OUT_OF_RANGE="flag").test_client()
    client.post("/batch", json={"instances": [[0.1], [1000]]})

    assert (1, 2) == (scraped(client).value("ood_total"), scraped(client).value("predictions_total"))


def test_a_scrape_is_not_in_flight_and_threads_are_exposed(line: Artefact, make_app: MakeApp) -> None:
    """The threads are what the server can answer at once."""
    client = make_app(line, WEB_CONCURRENCY="1", THREADS="7").test_client()
    client.post("/stream", json={"instance": 1})

    assert (0, 7) == (scraped(client).value("inflight_requests"), scraped(client).value("request_threads"))


def test_a_reload_changes_the_exposed_model_and_is_counted(tmp_path: Path) -> None:
    """The old version leaves no sample; an unusable file counts as refused."""
    old, new = artefact_of(1), artefact_of(1, seed=1)
    save(old, tmp_path / "model", {})
    app = create_app(Settings.from_env({"MODEL_PATH": str(tmp_path / "model")}))
    reloader, client = app.service.reloader, app.test_client()
    versions = []
    for write in (lambda: save(new, tmp_path / "model", {}), lambda: (tmp_path / "model").write_bytes(b"bad")):
        write()
        reloader.check()
        versions.append([labels["version"] for labels in scraped(client).labels("model_info")])
    metrics = scraped(client)

    assert [[new.digest[:12]]] * 2 == versions
    assert [1, 1] == [metrics.value("model_reloads_total", outcome=outcome) for outcome in ("taken", "refused")]


def test_reload_counters_exist_before_the_first_reload(client: FlaskClient) -> None:
    """Prometheus sees no increase in a series that starts at one."""
    assert 2 == len(scraped(client).labels("model_reloads_total"))


@pytest.mark.parametrize(("accept", "content_type"), [
    ("", "text/plain; version=0.0.4; charset=utf-8"), ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
    ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
    ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
     "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
    ("text/plain;version=x", "text/plain; version=0.0.4; charset=utf-8"),
    ("text/plain;version=1.0.x", "text/plain; version=0.0.4; charset=utf-8"),
    ("text/html;version=x, application/openmetrics-text; version=a.b", "text/plain; version=0.0.4; charset=utf-8")])
def test_the_format_follows_the_accept_header(client: FlaskClient, accept: str, content_type: str) -> None:
    """The old text format unless a newer one is requested."""
    answer = client.get("/metrics", headers={"Accept": accept})

    assert (200, content_type) == (answer.status_code, answer.headers["Content-Type"])
    assert answer.data.endswith(b"# EOF\n") == content_type.startswith("application/openmetrics")


def test_the_bounds_of_the_alerts_are_bounds_of_the_histogram() -> None:
    """The share of slow requests is known at bounds only."""
    assert list(SECONDS) == sorted(SECONDS)
    assert 0.1 in SECONDS


def test_a_failing_count_fails_no_request_and_is_logged_once(line: Artefact, make_app: MakeApp,
                                                             caplog: pytest.LogCaptureFixture) -> None:
    """The response is as usual, and the log is not flooded."""
    caplog.set_level(logging.ERROR)
    logging.getLogger("linear_regressor.serving").propagate = True
    app = make_app(line)
    client = app.test_client()
    setattr(app.service.metrics, "_request_series", None)
    answers = [client.post("/stream", json={"instance": 1}).status_code for _ in range(3)]

    assert [200] * 3 == answers
    assert ["telemetry failed; further failures of this kind are not logged"] == [
        record.message for record in caplog.records]


def test_a_rejected_request_is_counted_under_its_route(line: Artefact, make_app: MakeApp) -> None:
    """Even though it is rejected before routing."""
    client = make_app(line, RATE_LIMIT="1/hour").test_client()
    for path in ("/stream", "/stream", "/no/such/route"):
        client.post(path, json={"instance": 1})
    metrics = scraped(client)

    assert 1 == metrics.value("http_requests_total", route="/stream", code="429")
    assert 1 == metrics.value("http_requests_total", route="unmatched", code="429")
