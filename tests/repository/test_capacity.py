"""docs/capacity.md and its inputs: what the script prints, the benchmarks, Terraform and a running server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.capacity import memory as memory_limit
from infra.capacity import month, processors, tables
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from tests import ROOT
from tests.running_server import RunningServer
from tests.scraping import scrape

INFRA = ROOT / "infra"
INPUTS: dict[str, Any] = json.loads((INFRA / "capacity.json").read_text(encoding="utf-8"))
SERVICE: dict[str, Any] = json.loads((INFRA / "service.json").read_text(encoding="utf-8"))
MEASURED, ASSUMED = INPUTS["measured"], INPUTS["assumed"]
PROD = (INFRA / "terraform" / "environments" / "prod" / "main.tf").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
SECONDS = 30 * 24 * 3600


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    command = [sys.executable, "-m", "infra.capacity", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_page_has_what_the_script_prints() -> None:
    """Both tables."""
    done = run()

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout == "\n".join(tables(INPUTS, SERVICE)).rstrip() + "\n"
    assert done.stdout in PAGE


def test_one_level_by_hand() -> None:
    """1,000 single predictions per second, with prices that are easy to multiply."""
    inputs = json.loads(json.dumps(INPUTS))
    inputs["measured"] |= {"requests_per_second": {"1": 1000}, "response_bytes": {"1": 2 ** 10},
                           "log_bytes_per_request": 2 ** 11, "series": 100}
    inputs["prices"] = {"cloud_run": {"vcpu_second": 1e-5, "gib_second": 1e-6},
                        "cloud_sql": {"vcpu_hour": 0.05, "gib_hour": 0.01}, "logs": {"gib": 1}, "network": {"gib": 0.1},
                        "metrics": {"million_samples": 1}}
    found = month(inputs, SERVICE, 1, 1000)

    # 1,000 / (1,000 x 0.6) = 1.67 of an instance, at the peak 5
    assert (3000, 6) == (found.requests_at_peak, found.instances_at_peak)
    assert found.instances_on_average == pytest.approx(1000 / 600 + 1)
    assert found.processors == pytest.approx((1000 / 600 + 1) * 2_592_000 * (1.35 * 1e-5 + 1 * 1e-6))
    assert found.logs == pytest.approx(2_592_000_000 * 2 / 2 ** 20)
    assert found.network == pytest.approx(2_592_000_000 / 2 ** 20 * 0.1)
    assert found.metrics == pytest.approx((1000 / 600 + 1) * 86_400 * 100 / 1e6)
    assert found.database == pytest.approx(2 * 720 * (2 * 0.05 + 7.5 * 0.01))
    assert found.per_million == pytest.approx(found.total / 2592)


def test_the_average_is_never_less_than_a_changing_load_needs(random: np.random.Generator) -> None:
    """Simulated days whose peak is three times their mean, with whole instances at each minute."""
    for _ in range(50):
        load = 1 + 0.999 * np.sin(np.linspace(0, 2 * np.pi, 1440)) ** random.integers(1, 8)
        load *= 10 ** random.uniform(0, 5) / load.mean()
        inputs = json.loads(json.dumps(INPUTS))
        inputs["assumed"]["peak_to_mean"] = load.max() / load.mean()
        found = month(inputs, SERVICE, 1, float(load.mean()))
        instances = np.ceil(load / (MEASURED["requests_per_second"]["1"] * 0.6))
        assert instances.mean() <= found.instances_on_average + 1e-9
        assert instances.max() == found.instances_at_peak - 1


def test_measurements_are_those_of_the_benchmark() -> None:
    """In the table of README and in that of the page."""
    (row,) = re.findall(r"^\| \*\*linear_regressor\*\* (.*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    one, thousand, _, memory, _ = (cell.strip(" *") for cell in row.strip("|").split("|"))

    assert one == f"{MEASURED['requests_per_second']['1']:,}"
    assert thousand == f"{MEASURED['requests_per_second']['1000']:,}"
    assert memory == f"{MEASURED['memory_mb']} MB"
    for cell in (one, thousand, f"{MEASURED['memory_mb']} MB of {memory_limit(SERVICE['limits'])} MiB",
                 f"{MEASURED['response_bytes']['1']:,} and {MEASURED['response_bytes']['1000']:,} bytes",
                 f"{MEASURED['log_bytes_per_request']:,} bytes", str(MEASURED["series"])):
        assert f" | {cell} | " in PAGE, cell


def test_assumptions_are_what_terraform_creates() -> None:
    """The limits of all three containers, the database of prod, and the interval of scrapes."""
    service = (INFRA / "terraform" / "modules" / "service" / "main.tf").read_text(encoding="utf-8")
    database = ASSUMED["database"]
    tier = f'tier = "db-custom-{database["vcpu"]}-{database["gib"] * 1024:.0f}"'

    assert 3 == service.count("    containers {\n")
    assert ["var.shared.limits", "local.database.proxy_limits", "local.collector.limits"] == re.findall(
        r"limits += (\S+)", service)
    assert f"{tier}, highly_available = {'true' if database['copies'] == 2 else 'false'}" in PROD
    assert f"interval: {ASSUMED['scrape_seconds']}s" in (INFRA / "monitoring" / "run_monitoring.yml").read_text()


def test_the_sentences_of_the_page_follow_from_the_tables() -> None:
    """Their numbers are computed."""
    idle, single, rows = (month(INPUTS, SERVICE, *level) for level in ((1, 1), (1, 1_000_000), (1000, 1_000_000)))
    largest = month(INPUTS, SERVICE, 1, 100_000)
    requests = 0.1 * SECONDS
    per_instance = MEASURED["requests_per_second"]["1"] * ASSUMED["utilisation"]

    assert f"costs {idle.processors + idle.database:.0f} dollars a month" in PAGE
    gib = MEASURED["log_bytes_per_request"] * 1e6 / 2 ** 30
    assert f"{gib:.2f} GiB, which is {largest.logs / requests:.2f} dollars" in PAGE
    assert f"cost {largest.processors / requests:.3f}. " in PAGE
    assert single.per_million / rows.per_million == pytest.approx(200, rel=0.15)
    (most,) = map(int, re.findall(r"^ +max_instances += (\d+)$", PROD, re.MULTILINE))
    assert f"The {most} instances that `prod` allows answer {most * per_instance:,.0f}\nrequests" in PAGE
    assert f"{per_instance * 0.005:.0f} requests in flight of the {SERVICE['concurrency']} that" in PAGE
    sidecars = sum(map(processors, (SERVICE["database"]["proxy_limits"], SERVICE["collector"]["limits"])))
    assert f"{sidecars:g} vCPU" in PAGE
    assert rows.network > max(rows.logs, rows.processors, rows.database)


def test_every_price_has_its_date_and_source() -> None:
    """In a row of the page."""
    for price in INPUTS["prices"].values():
        shown = f" | {price['what']} | {price['as_of']} | <{price['source']}> |"
        for number in (value for value in price.values() if isinstance(value, float)):
            assert f" | {f'{number:.6f}'.rstrip('0')}{shown}" in PAGE, price


def test_a_running_server_sends_and_logs_that_many_bytes(start_server: Callable[..., RunningServer],
                                                         tmp_path: Path) -> None:
    """Within a tenth; the numbers of series and of digits vary a little."""
    key = generate_key()
    write_keys(tmp_path / "keys.json", [StoredKey("benchmark", key_digest(key).hex(), ("predict",))])
    server = start_server(environment={"AUTH": "api-key", "API_KEYS_FILE": str(tmp_path / "keys.json"),
                                       "GOOGLE_CLOUD_PROJECT": "my-project"})
    sent: dict[str, int] = {}
    values = [[0.0110390390462862 + row / 1e5] for row in range(1000)]
    for rows, path, body in (("1", "/stream", {"instance": values[0][0]}), ("1000", "/batch", {"instances": values})):
        with closing(server.connection()) as connection:
            connection.request("POST", path, json.dumps(body), {
                "Content-Type": "application/json", "X-API-Key": key, "User-Agent": "client/1.2.3"})
            answer = connection.getresponse()
            assert 200 == answer.status
            head = sum(len(f"{name}: {value}\r\n") for name, value in answer.getheaders())
            sent[rows] = len("HTTP/1.1 200 OK\r\n\r\n") + head + len(answer.read())
    series = len(scrape(server).samples)
    logged = [line for line in server.stop()[0].splitlines() if '"path":"/stream"' in line or "POST /stream" in line]

    assert sent == {rows: pytest.approx(number, rel=0.1) for rows, number in MEASURED["response_bytes"].items()}
    assert 2 == len(logged)
    assert sum(len(line) + 1 for line in logged) == pytest.approx(MEASURED["log_bytes_per_request"], rel=0.1)
    assert series <= MEASURED["series"]


@pytest.mark.parametrize(("text", "message"), [
    ("{", "is not JSON"), ("{}", "'levels' is missing"), (None, "No such file or directory"),
], ids=["no JSON", "a missing value", "no file"])
def test_wrong_inputs_are_a_one_line_error(text: str | None, message: str, tmp_path: Path) -> None:
    """That names the file."""
    if text is not None:
        (tmp_path / "mine.json").write_text(text)
    done = run(str(tmp_path / "mine.json"))

    assert (1, "", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines()))
    assert f"{tmp_path / 'mine.json'}: " in done.stderr and message in done.stderr
