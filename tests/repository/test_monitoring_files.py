"""The files under infra/monitoring: they use metrics that a real server exposes, and the alerts are unit-tested."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.serving.app import create_app
from linear_regressor.serving.settings import Settings
from tests.monitored import drifted
from tests.running_server import ROOT, RunningServer
from tests.scraping import Scraped, access_lines, lines, scrape

FOLDER = ROOT / "infra" / "monitoring"
DOCS = (ROOT / "docs" / "observability.md").read_text()
RULES = (FOLDER / "alerts.yml").read_text()
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None,
                                    reason="promtool is not installed (Debian package prometheus)")
FAMILIES = re.compile(r"\b[a-z_]+(?=\{)")


@pytest.fixture
def model_path() -> Path:
    """Locate the committed model."""
    return ROOT / "models" / "simple_linear_regressor.joblib"


@pytest.fixture
def running(start_server: Callable[..., RunningServer], tmp_path: Path) -> RunningServer:
    """Return a server with feedback, traffic and a report that has answered valid requests and an invalid one."""
    drifted(tmp_path, np.random.default_rng(1), ("ann", "bob"))
    server = start_server("--model-path", str(tmp_path / "model.joblib"), environment={
        "OUT_OF_RANGE": "flag", "STORE": f"sqlite:///{tmp_path / 'feedback.db'}",
        "TRAFFIC_FOLDER": str(tmp_path / "traffic")})
    server.request("POST", "/batch", b'{"instances": [[0.01, 1], [1000, 1]]}')
    server.request("POST", "/batch", b'{"instances": [%s]}' % b",".join(b"[0.0%d, 1]" % row for row in range(100)))
    server.request("POST", "/batch", b'{"instances": [["a", 1]]}')
    deadline = time.monotonic() + 30  # the first report may take longer than the server lets a request wait
    while server.request("GET", "/v1/monitoring")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    return server


def expressions() -> list[str]:
    """Return every expression of the rules and the dashboard."""
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*queries, *re.findall(r"expr: (\|\n(?:          .*\n)+|.*)", RULES)]


def names(scraped: Scraped) -> set[str]:
    """Return the names of all samples, as in PromQL."""
    return {sample.name for sample in scraped.samples}


@needs_promtool
@pytest.mark.parametrize("arguments", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]],
                         ids=["form", "behaviour"])
def test_promtool_accepts_the_rules_and_their_tests_pass(arguments: list[str]) -> None:
    """Each alert fires when it should, and only then."""
    checked = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120,
                             check=False)

    assert 0 == checked.returncode, checked.stdout + checked.stderr


def test_every_alert_is_tested_and_documented() -> None:
    """The unit tests have it firing and silent, and the docs explain it."""
    alerts = re.findall(r"alert: (\w+)", RULES)
    tests = (FOLDER / "alerts_test.yml").read_text()

    assert len(alerts) == 12
    for alert in alerts:
        assert f"`{alert}`" in DOCS
        assert f"alertname: {alert}}}" in tests, "silent"
        assert f"alertname: {alert}\n" in tests, "firing"


def unknown(texts: list[str], scraped: Scraped) -> set[str]:
    """Return the metrics and labels in expressions that a server does not expose."""
    labels = {name for sample in scraped.samples for name in sample.labels} | {"job", "instance"}
    used = {name for text in texts for name in FAMILIES.findall(text)}
    used_labels = {name for text in texts for name in re.findall(r'(\w+)(?:=~|!~|=)"', text)}
    return used - names(scraped) | used_labels - labels


def test_rules_and_dashboard_use_only_what_a_real_server_exposes(running: RunningServer) -> None:
    """Names of metrics and of labels; a planted one is named."""
    scraped = scrape(running)

    assert len({name for text in expressions() for name in FAMILIES.findall(text)}) >= 10
    assert set() == unknown(expressions(), scraped)
    for old, new in (("inflight_requests", "inflight_request"), ("outcome=", "result="), ("ood_total", "ood_rows")):
        texts = expressions()
        planted = [text.replace(old, new) for text in texts]
        assert planted != texts
        assert {new.rstrip("=")} == unknown(planted, scraped)


def test_recordings_that_are_used_exist() -> None:
    """Those in alerts and in the dashboard."""
    recorded = set(re.findall(r"record: (\S+)", RULES))
    used = {name for text in expressions() for name in re.findall(r"linear_regressor:\w+:\w+", text)}

    assert used <= recorded
    assert "linear_regressor:error_ratio:rate1h" in used


def test_every_metric_is_documented(running: RunningServer) -> None:
    """And no other."""
    exposed = {re.sub(r"_(seconds|rank)_(bucket|count|sum)$", r"_\1", name) for name in names(scrape(running))}

    assert exposed == set(re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram)", DOCS, re.MULTILINE))


def test_every_label_is_documented(running: RunningServer) -> None:
    """In the row of its metric."""
    samples = scrape(running).samples

    assert any(sample.labels for sample in samples)
    for sample in samples:
        name = re.sub(r"_(seconds|rank)_(bucket|count|sum)$", r"_\1", sample.name)
        row = re.search(rf"^\| `{name}` .*$", DOCS, re.MULTILINE)
        assert row is not None
        assert all(f"`{label}`" in row[0] for label in sample.labels.keys() - {"le"})


def test_every_field_of_the_log_is_documented(running: RunningServer) -> None:
    """Those of the access log and of all other lines."""
    out, _ = running.stop()
    members = {name for line in access_lines(out) for name in line["httpRequest"]}
    fields = {name for line in lines(out) for name in line}

    assert {"faults", "rows_out_of_range", "httpRequest", "severity"} <= fields
    assert set() == {name for name in fields | members if f"`{name}`" not in DOCS}


def test_rules_and_dashboard_select_the_job_of_the_sidecar() -> None:
    """Every selector does."""
    job = re.findall(r"^  name: (.*)$", (FOLDER / "run_monitoring.yml").read_text(), re.MULTILINE)

    assert ["linear-regressor"] == job
    assert expressions()
    for text in expressions():
        assert text.count("{job=\"linear-regressor\"") == len(FAMILIES.findall(text))


def test_rules_and_dashboard_exclude_probes_and_scrapes_and_nothing_else() -> None:
    """The routes that they leave out are those that the service does not log."""
    (excluded,) = {route for text in expressions() for route in re.findall('route!~"([^"]+)"', text)}
    app = create_app(Settings(model_path=str(ROOT / "models" / "simple_linear_regressor.joblib")))

    assert {"/ping", "/health/live"} <= app.service.probes.paths
    for rule in app.url_map.iter_rules():
        assert app.service.probes.is_unlogged(rule.rule) == bool(re.fullmatch(excluded, rule.rule)), rule.rule


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    """Each has its own place and title, and a unit."""
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]}

    assert len(places) == len({panel["title"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"]) > 8
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in DASHBOARD["panels"])
